"""Pods with what each uses of what it may."""

from deployments.models import Deployment, Pod, PodUsage
from deployments.selectors.reading import pods_of
from deployments.selectors.usage.held import fresh_since


def pods_with_use(deployment: Deployment) -> list[tuple[Pod, PodUsage | None]]:
    """The pods of a deployment, each with its measurement, None where there is no recent one. One query."""
    return [(pod, fresh_use(pod)) for pod in pods_of(deployment).select_related("usage")]


def fresh_use(pod: Pod) -> PodUsage | None:
    """What a pod that was read with its `usage` used lately."""
    use: PodUsage | None = getattr(pod, "usage", None)
    return use if use is not None and use.at >= fresh_since() else None

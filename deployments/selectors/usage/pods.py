"""Pods with what each uses of what it may."""

from collections.abc import Collection

from deployments.models import Deployment, Pod, PodUsage
from deployments.selectors.reading import pods_of
from deployments.selectors.usage.held import fresh_since


def use_of_pods(ids: Collection[int]) -> dict[int, PodUsage]:
    """What pods used lately, by primary key of the pod."""
    return PodUsage.objects.filter(at__gte=fresh_since()).in_bulk(list(ids))


def pods_with_use(deployment: Deployment) -> list[tuple[Pod, PodUsage | None]]:
    """The pods of a deployment, each with its measurement, None where there is no recent one."""
    pods = list(pods_of(deployment))
    found = use_of_pods([pod.pk for pod in pods])
    return [(pod, found.get(pod.pk)) for pod in pods]

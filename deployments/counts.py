"""How many replicas are wanted, whoever owns the count: people, an autoscaler, or nobody while paused."""

import msgspec

from deployments.models import Deployment
from k8s.spec import Autoscaling


def autoscaling_of(deployment: Deployment) -> Autoscaling | None:
    """The bounds and targets that are wished for, also while paused."""
    if deployment.autoscaling is None:
        return None
    return msgspec.convert(deployment.autoscaling, Autoscaling)


def autoscaler_owns_count(deployment: Deployment) -> bool:
    """Whether an autoscaler is to be on the cluster: none is while paused."""
    return deployment.autoscaling is not None and deployment.paused_at is None


def wanted_replicas(deployment: Deployment) -> int:
    """The count that health is judged by: none while paused, the autoscaler's newest where it owns it."""
    if deployment.paused_at is not None:
        return 0
    if deployment.autoscaling is None:
        return deployment.replicas
    observed = (deployment.facts or {}).get("wanted_replicas")
    return int(observed) if observed else replicas_to_begin_with(deployment)


def replicas_to_begin_with(deployment: Deployment) -> int:
    """The count to write where the cluster has none to keep: a start, a resume, an object made anew."""
    bounds = autoscaling_of(deployment)
    if bounds is None:
        return deployment.replicas
    # What is still shown of an autoscaler while paused is from before its end.
    observed = None if deployment.paused_at else deployment.autoscaler
    decided = int((observed or {}).get("desired_replicas") or 0)
    return min(max(decided or deployment.replicas, bounds.min_replicas, 1), bounds.max_replicas)

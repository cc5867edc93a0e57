"""What keeps the count: the autoscaler, the budget of disruptions, and the hand-over between us and it."""

from typing import Any

from k8s.cluster import Manifest
from k8s.labels import INSTANCE
from k8s.manifests.names import metadata
from k8s.spec import Autoscaling, Wish


def autoscaler(wish: Wish, wanted: Autoscaling) -> Manifest:
    """A HorizontalPodAutoscaler. Written after its Deployment, deleted before we set the count again."""
    targets = {"cpu": wanted.target_cpu_percent, "memory": wanted.target_memory_percent}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(wish),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wish.name},
            "minReplicas": wanted.min_replicas,
            "maxReplicas": wanted.max_replicas,
            "metrics": [_metric(name, percent) for name, percent in targets.items() if percent is not None],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": wanted.scale_down_seconds}},
        },
    }


def _metric(resource: str, percent: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def least_replicas(wish: Wish) -> int:
    """How many pods the wish asks for at the least."""
    if wish.autoscaling is not None:
        return wish.autoscaling.min_replicas
    return wish.replicas or 0


def disruption_budget(wish: Wish) -> Manifest:
    """A PodDisruptionBudget: a drained node takes one pod at a time.

    Only for two pods or more. It never blocks a drain: a budget in available pods would, where
    one pod is unwell.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(wish),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {INSTANCE: wish.name}}},
    }


def handover(wish: Wish, replicas: int) -> Manifest:
    """The count alone, to apply as `k8s.cluster.HANDOVER_MANAGER` before a wish without a count.

    A count that its only owner stops sending is reset to 1, even under load; this second owner
    keeps it until the autoscaler writes. `replicas` is the present count, and never 0: an
    autoscaler does nothing for a Deployment of none. The Deployment must exist: alone, this is
    none that a cluster would accept.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": wish.name, "namespace": wish.namespace},
        "spec": {"replicas": replicas},
    }

"""What bounds a team's namespace: a ResourceQuota, and a LimitRange for pods that people make by hand."""

from collections.abc import Mapping
from typing import Any, Final

from k8s.cluster import Manifest
from k8s.manifests.names import team_labels
from k8s.quantities import format_millicores, memory_quantity
from k8s.spec import Resources

QUOTA_NAME: Final = "timoneiro"
"""Of both objects."""
_USUAL: Final = Resources()


def quota_hard(
    *,
    cpu: int | None,
    memory: int | None,
    gpu: int | None,
    replicas: int | None,
    deployments: int | None,
    gpu_resource: str,
) -> dict[str, str]:
    """`spec.hard` of a ResourceQuota. CPU is millicores, memory bytes, GPUs pieces; None is no limit."""
    amounts = {
        "requests.cpu": None if cpu is None else format_millicores(cpu),
        "requests.memory": None if memory is None else memory_quantity(memory),
        f"requests.{gpu_resource}": None if gpu is None else str(gpu),
        "pods": None if replicas is None else str(replicas),
        "count/deployments.apps": None if deployments is None else str(deployments),
    }
    return {name: text for name, text in amounts.items() if text is not None}


def resource_quota(namespace: str, team: str, hard: Mapping[str, str]) -> Manifest:
    """Refuses what is made beside us and does not fit."""
    return _object("ResourceQuota", namespace, team, {"hard": dict(hard)})


def limit_range(namespace: str, team: str) -> Manifest:
    """Requests for containers that state none, which the ResourceQuota would refuse with odd words.

    Ours state everything. It sets no limits: a default limit below the request that somebody
    states would have their pod refused.
    """
    requests = {"cpu": _USUAL.cpu, "memory": _USUAL.memory}
    return _object(
        "LimitRange", namespace, team, {"limits": [{"type": "Container", "defaultRequest": requests}]}
    )


def _object(kind: str, namespace: str, team: str, spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": QUOTA_NAME, "namespace": namespace, "labels": team_labels(team)},
        "spec": spec,
    }

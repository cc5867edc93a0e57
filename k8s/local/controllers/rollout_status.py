"""A Deployment's status, from its replica sets and their pods. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from k8s.local.controllers import rollout
from k8s.local.controllers.pods import condition, is_active, is_available, is_ready
from k8s.local.store import Object, timestamp

_KEPT_WHEN_PAUSED: Final = ("DeploymentPaused", "ProgressDeadlineExceeded")


def deployment_status(
    deployment: Object, new: Object | None, sets: list[Object], pods: dict[str, list[Object]]
) -> Object:
    """Counts (absent when zero) and conditions. ``pods`` are by the uid of their replica set."""
    spec = deployment["spec"]
    least = spec.get("minReadySeconds", 0)
    everything = [pod for one in sets for pod in pods[one["metadata"]["uid"]]]
    active = [pod for pod in everything if is_active(pod)]
    newest = [pod for pod in pods[new["metadata"]["uid"]] if is_active(pod)] if new else []
    available = sum(is_available(pod, least) for pod in active)
    counts = {
        "replicas": len(active),
        "updatedReplicas": len(newest),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": available,
        "unavailableReplicas": max(0, spec.get("replicas", 1) - available, len(active) - available),
    }
    status: Object = {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = sum("deletionTimestamp" in pod["metadata"] for pod in everything)
    status["observedGeneration"] = deployment["metadata"].get("generation", 1)
    if collisions := deployment.get("status", {}).get("collisionCount"):
        status["collisionCount"] = collisions
    conditions = [
        _available(deployment, available),
        _progressing(deployment, new, status),
        _replica_failure(deployment, new, sets),
    ]
    status["conditions"] = [entry for entry in conditions if entry is not None]
    return status


def _available(deployment: Object, available: int) -> Object:
    least = deployment["spec"].get("replicas", 1) - rollout.limits(deployment)[1]
    if available >= least:
        return _condition(
            deployment,
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    return _condition(
        deployment,
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
    )


def _progressing(deployment: Object, new: Object | None, status: Object) -> Object | None:
    spec = deployment["spec"]
    if spec.get("progressDeadlineSeconds") is None:
        return None
    old = condition(deployment, "Progressing")
    if spec.get("paused"):
        if old is not None and old["reason"] in _KEPT_WHEN_PAUSED:
            return old
        return _condition(deployment, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    if old is not None and old["reason"] == "DeploymentPaused":
        return _condition(deployment, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
    return old if new is None else _rolling(deployment, new["metadata"]["name"], old, status)


def _rolling(deployment: Object, name: str, old: Object | None, status: Object) -> Object:
    """The Progressing condition of a deployment that is rolling out, or has rolled out, this replica set."""
    total = deployment["spec"].get("replicas", 1)
    known = old is not None and f'"{name}"' in old["message"]
    one_set = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if old is not None and known and old["reason"] == "NewReplicaSetAvailable" and one_set:
        # A finished rollout that lost a pod, or was scaled, is not a rollout: it has no deadline.
        return old
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    if all(status.get(count, 0) == total for count in counts):
        told = f'ReplicaSet "{name}" has successfully progressed.'
        return _condition(deployment, "Progressing", "True", "NewReplicaSetAvailable", told)
    if old is None or not known:
        told = f'Created new replica set "{name}"'
        return _condition(deployment, "Progressing", "True", "NewReplicaSetCreated", told)
    if _moved(deployment, status):
        told = f'ReplicaSet "{name}" is progressing.'
        return _condition(deployment, "Progressing", "True", "ReplicaSetUpdated", told, moved=True)
    if _overdue(old, deployment["spec"]["progressDeadlineSeconds"]):
        told = f'ReplicaSet "{name}" has timed out progressing.'
        return _condition(deployment, "Progressing", "False", "ProgressDeadlineExceeded", told)
    return old


def _moved(deployment: Object, status: Object) -> bool:
    """Whether the new status is nearer to the goal than the stored one, as a real controller judges it."""
    before = deployment.get("status", {})
    old_pods_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    old_pods_now = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    grown = any(
        status.get(name, 0) > before.get(name, 0)
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return bool(grown or old_pods_now < old_pods_before)


def _overdue(progressing: Object, seconds: int) -> bool:
    since = datetime.fromisoformat(progressing["lastUpdateTime"])
    return (datetime.now(UTC) - since).total_seconds() > seconds


def _replica_failure(deployment: Object, new: Object | None, sets: list[Object]) -> Object | None:
    for one in [*([new] if new else []), *sets]:
        failure = condition(one, "ReplicaFailure")
        if failure is not None:
            return _condition(deployment, "ReplicaFailure", "True", failure["reason"], failure["message"])
    return None


def _condition(
    deployment: Object, kind: str, status: str, reason: str, message: str, *, moved: bool = False
) -> Object:
    """The condition, with the times of the stored one where it still holds.

    ``moved``: the same thing was said before, but there has been progress since.
    """
    old = condition(deployment, kind)
    same = old is not None and (old["status"], old["reason"], old["message"]) == (status, reason, message)
    if old is not None and same and not moved:
        return old
    now = timestamp()
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": old["lastTransitionTime"]
        if old is not None and old["status"] == status
        else now,
    }

"""PodDisruptionBudgets: how many of the pods that one guards may be missing at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from k8s.local.kinds import BY_TYPE
from k8s.local.selectors import selector_matches
from k8s.local.store import Object, Store


@dataclass(frozen=True)
class Headcount:
    """Pods that a budget guards: how many should be there, are healthy now, and have to stay so."""

    expected: int
    healthy: int
    needed: int

    @property
    def allowed(self) -> int:
        """How many more may go."""
        return max(0, self.healthy - self.needed) if self.expected > 0 else 0


def budgets_for(store: Store, pod: Object) -> list[Object]:
    """The budgets that guard a pod."""
    meta = pod["metadata"]
    labels = meta.get("labels", {})
    return [
        budget
        for budget in store.list("poddisruptionbudgets.policy", meta["namespace"])
        if selector_matches(budget["spec"].get("selector"), labels)
    ]


def headcount(store: Store, budget: Object) -> Headcount:
    """Count the pods of a budget as they are now."""
    spec = budget["spec"]
    pods = [
        pod
        for pod in store.list("pods", budget["metadata"]["namespace"])
        if selector_matches(spec.get("selector"), pod["metadata"].get("labels", {}))
    ]
    healthy = sum(is_healthy(pod) for pod in pods)
    if "maxUnavailable" in spec:
        expected = _wanted_by_owners(store, pods)
        return Headcount(expected, healthy, max(0, expected - _share(spec["maxUnavailable"], expected)))
    least = spec.get("minAvailable", 1)
    expected = len(pods) if isinstance(least, int) else _wanted_by_owners(store, pods)
    return Headcount(expected, healthy, _share(least, expected))


def is_healthy(pod: Object) -> bool:
    """Ready, and not on its way out."""
    conditions = pod.get("status", {}).get("conditions", ())
    return "deletionTimestamp" not in pod["metadata"] and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )


def _share(value: Any, whole: int) -> int:
    return ceil(int(value[:-1]) * whole / 100) if isinstance(value, str) else int(value)


def _wanted_by_owners(store: Store, pods: list[Object]) -> int:
    """How many pods the workloads behind them want in all; a pod without one counts as one."""
    wanted: dict[str, int] = {}
    for pod in pods:
        owner = _owner(store, pod)
        # The replica sets of one deployment replace each other: what the deployment wants counts.
        owner = (_owner(store, owner) if owner is not None else None) or owner
        if owner is not None and "replicas" in owner.get("spec", {}):
            wanted[owner["metadata"]["uid"]] = owner["spec"]["replicas"]
        else:
            wanted[pod["metadata"]["uid"]] = 1
    return sum(wanted.values())


def _owner(store: Store, obj: Object) -> Object | None:
    meta = obj["metadata"]
    for reference in meta.get("ownerReferences", ()):
        kind = BY_TYPE.get((reference["apiVersion"], reference["kind"]))
        if kind is not None and reference.get("controller"):
            return store.find(kind.key, meta["namespace"], reference["name"])
    return None

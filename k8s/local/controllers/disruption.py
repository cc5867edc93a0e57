"""PodDisruptionBudgets: their status tells how many pods may be evicted now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from k8s.local.controllers.loop import Controller, key_of
from k8s.local.controllers.pods import condition
from k8s.local.disruption import budgets_for, headcount
from k8s.local.store import Change, Key, Object, timestamp

KIND: Final = "poddisruptionbudgets.policy"
MANAGER: Final = "kube-controller-manager"


class DisruptionController(Controller):
    """Counts the pods of each budget again when one of them, or what wants them, changes."""

    watches = (KIND, "pods", "deployments.apps", "replicasets.apps")

    def initial(self) -> Iterable[Key]:
        return [key_of(KIND, budget) for budget in self.store.list(KIND)]

    def concerns(self, change: Change) -> Iterable[Key]:
        kind, namespace, _ = change.key
        if kind == KIND:
            return [change.key]
        if not self.store.list(KIND, namespace):
            return []
        if kind == "pods":
            states = [state for state in (change.object, change.previous) if state is not None]
            return {key_of(KIND, budget) for state in states for budget in budgets_for(self.store, state)}
        return [key_of(KIND, budget) for budget in self.store.list(KIND, namespace)]

    def reconcile(self, key: Key) -> float | None:
        budget = self.store.find(*key)
        if budget is None:
            return None
        count = headcount(self.store, budget)
        status = {
            "observedGeneration": budget["metadata"].get("generation", 1),
            "disruptionsAllowed": count.allowed,
            "currentHealthy": count.healthy,
            "desiredHealthy": count.needed,
            "expectedPods": count.expected,
            "conditions": [_allowed_condition(budget, count.allowed > 0)],
        }

        def change(new: Object) -> None:
            new["status"] = status

        self.store.update(*key, change, manager=MANAGER, subresource="status")
        return None


def _allowed_condition(budget: Object, allowed: bool) -> Object:
    status = "True" if allowed else "False"
    old = condition(budget, "DisruptionAllowed")
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else timestamp()
    return {
        "type": "DisruptionAllowed",
        "status": status,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "lastTransitionTime": since,
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }

"""NoExecute taints: pods that do not tolerate one are deleted, at once or when their toleration ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from k8s.local.controllers.loop import Controller, key_of
from k8s.local.controllers.scheduler import tolerates
from k8s.local.errors import ApiError
from k8s.local.events import Events
from k8s.local.kubelet.status import set_condition
from k8s.local.store import Change, Key, Object, Store

MANAGER: Final = "kube-controller-manager"
COMPONENT: Final = "taint-eviction-controller"
_TOLD: Final = "Taint manager: deleting due to NoExecute taint"


class TaintEviction(Controller):
    """Looks at the pods of every node that has such a taint."""

    watches = ("nodes", "pods")

    def __init__(self, store: Store, events: Events) -> None:
        super().__init__(store)
        self._events = events
        self._tainted: set[str] = set()
        #: When a taint without a time was first seen.
        self._seen: dict[tuple[str, str], datetime] = {}

    def initial(self) -> Iterable[Key]:
        return [key_of("nodes", node) for node in self.store.list("nodes")]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.key[0] == "nodes":
            old = change.previous or {"spec": {}}
            return [change.key] if old["spec"].get("taints") != change.object["spec"].get("taints") else []
        node = change.object["spec"].get("nodeName", "")
        if node not in self._tainted or change.type == "DELETED":
            return []
        came = change.previous is None or not change.previous["spec"].get("nodeName")
        return [("nodes", "", node)] if came else []

    def reconcile(self, key: Key) -> float | None:
        node, name = self.store.find(*key), key[2]
        taints = _evicting(node) if node is not None else []
        if not taints:
            self._tainted.discard(name)
            self._seen = {known: when for known, when in self._seen.items() if known[0] != name}
            return None
        self._tainted.add(name)
        waits = []
        for pod in self.store.list("pods"):
            if pod["spec"].get("nodeName") != name or "deletionTimestamp" in pod["metadata"]:
                continue
            left = self._seconds_left(name, pod, taints)
            if left is not None and left <= 0:
                self._evict(pod)
            elif left is not None:
                waits.append(left)
        return min(waits, default=None)

    def _seconds_left(self, node: str, pod: Object, taints: list[Object]) -> float | None:
        """None when the pod may stay for ever."""
        now = datetime.now(UTC)
        left: list[float] = []
        for taint in taints:
            matching = [one for one in pod["spec"].get("tolerations") or () if tolerates(one, taint)]
            if not matching:
                return 0.0
            limits = [
                one["tolerationSeconds"] for one in matching if one.get("tolerationSeconds") is not None
            ]
            if limits:
                left.append(min(limits) - (now - self._since(node, taint)).total_seconds())
        return min(left, default=None)

    def _since(self, node: str, taint: Object) -> datetime:
        if taint.get("timeAdded"):
            return datetime.fromisoformat(taint["timeAdded"])
        return self._seen.setdefault((node, taint["key"]), datetime.now(UTC))

    def _evict(self, pod: Object) -> None:
        _, namespace, name = key_of("pods", pod)
        told = f"Marking for deletion Pod {namespace}/{name}"
        self._events.emit(pod, "Normal", "TaintManagerEviction", told, by=COMPONENT)

        def change(new: Object) -> None:
            status, generation = new.setdefault("status", {}), new["metadata"].get("generation")
            set_condition(status, "DisruptionTarget", True, "DeletionByTaintManager", _TOLD, generation)

        try:
            self.store.update("pods", namespace, name, change, manager=MANAGER, subresource="status")
            self.store.delete("pods", namespace, name, expect_uid=pod["metadata"]["uid"])
        except ApiError:
            return


def _evicting(node: Object) -> list[Object]:
    return [taint for taint in node["spec"].get("taints") or () if taint["effect"] == "NoExecute"]

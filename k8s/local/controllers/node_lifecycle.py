"""What becomes of a node that has fallen silent: NotReady, tainted, its pods not ready; and back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from k8s.local.controllers.loop import Controller, key_of
from k8s.local.controllers.nodes import LEASE_NAMESPACE, LEASES
from k8s.local.controllers.pods import condition
from k8s.local.events import Events
from k8s.local.kubelet.context import Timing
from k8s.local.kubelet.status import set_condition
from k8s.local.store import Change, Key, Object, Store, timestamp

MANAGER: Final = "kube-controller-manager"
COMPONENT: Final = "node-controller"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
_REASON: Final = "NodeStatusUnknown"
_TOLD: Final = "Kubelet stopped posting node status."


class NodeLifecycle(Controller):
    """Looks every few seconds when each node last said that it lives."""

    watches = ("nodes",)

    def __init__(self, store: Store, events: Events, timing: Timing) -> None:
        super().__init__(store)
        self._events = events
        self._timing = timing
        #: The version of each node's lease, and when that version was first seen here.
        self._heard: dict[str, tuple[str, float]] = {}
        self._looked = 0.0

    def initial(self) -> Iterable[Key]:
        return [key_of("nodes", node) for node in self.store.list("nodes")]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.type == "DELETED":
            self._heard.pop(change.key[2], None)
            return []
        return [change.key] if change.type == "ADDED" or _ready(change.object) != "True" else []

    def reconcile(self, key: Key) -> float | None:
        node = self.store.find(*key)
        if node is None:
            return None
        name, now = key[2], time.monotonic()
        if now - self._looked > self._timing.node_check + self._timing.node_grace / 2:
            # We ourselves have slept, and so has everybody in this process: nobody could be heard.
            self._heard = {known: (version, now) for known, (version, _) in self._heard.items()}
        self._looked = now
        lease = self.store.find(LEASES, LEASE_NAMESPACE, name)
        version = lease["metadata"]["resourceVersion"] if lease else ""
        if self._heard.get(name, ("?", 0.0))[0] != version:
            self._heard[name] = (version, now)
        if now - self._heard[name][1] > self._timing.node_grace:
            self._lose(node)
        elif _ready(node) == "True":
            self._untaint(node)
        return self._timing.node_check

    def _lose(self, node: Object) -> None:
        name = node["metadata"]["name"]
        if _ready(node) != "Unknown":

            def change(new: Object) -> None:
                for one in new.get("status", {}).get("conditions") or ():
                    if one["status"] != "Unknown":
                        one |= {"status": "Unknown", "lastTransitionTime": timestamp()}
                    one |= {"reason": _REASON, "message": _TOLD}

            self.store.update("nodes", "", name, change, manager=MANAGER, subresource="status")
            told = f"Node {name} status is now: NodeNotReady"
            self._events.emit(node, "Normal", "NodeNotReady", told, by=COMPONENT)
        self._taint(name)
        for pod in self.store.list("pods"):
            if pod["spec"].get("nodeName") == name:
                self._not_ready(pod)

    def _not_ready(self, pod: Object) -> None:
        """Only the condition: what the containers do is not known here."""
        ready = condition(pod, "Ready")
        if ready is None or ready["status"] != "True":
            return

        def change(new: Object) -> None:
            set_condition(new["status"], "Ready", False, generation=new["metadata"].get("generation"))

        _, namespace, name = key_of("pods", pod)
        lost = self.store.update("pods", namespace, name, change, manager=MANAGER, subresource="status")
        self._events.emit(lost, "Warning", "NodeNotReady", "Node is not ready", by=COMPONENT)

    def _taint(self, name: str) -> None:
        def change(node: Object) -> None:
            taints = node["spec"].setdefault("taints", [])
            for effect in ("NoSchedule", "NoExecute"):
                if not any(one["key"] == UNREACHABLE and one["effect"] == effect for one in taints):
                    taints.append({"key": UNREACHABLE, "effect": effect, "timeAdded": timestamp()})

        self.store.update("nodes", "", name, change, manager=MANAGER)

    def _untaint(self, node: Object) -> None:
        if not any(one["key"] == UNREACHABLE for one in node["spec"].get("taints") or ()):
            return

        def change(new: Object) -> None:
            kept = [one for one in new["spec"]["taints"] if one["key"] != UNREACHABLE]
            if kept:
                new["spec"]["taints"] = kept
            else:
                del new["spec"]["taints"]

        self.store.update("nodes", "", node["metadata"]["name"], change, manager=MANAGER)


def _ready(node: Object) -> str:
    found = condition(node, "Ready")
    return str(found["status"]) if found else ""

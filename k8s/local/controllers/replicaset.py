"""ReplicaSets: keep so many pods of one template, adopting what matches and belongs to nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from k8s.local.controllers.loop import Controller, controller_of, key_of, owner_key, owner_reference
from k8s.local.controllers.pods import is_active, is_ready, random_suffix, seconds_until_available
from k8s.local.errors import ApiError
from k8s.local.events import Events
from k8s.local.registry import Registry
from k8s.local.selectors import Requirement, selector_requirements
from k8s.local.store import Change, Key, Object, Store, clone, timestamp

KIND: Final = "replicasets.apps"
MANAGER: Final = "kube-controller-manager"
COMPONENT: Final = "replicaset-controller"
#: So many pods are made or deleted in one step, so that a big set does not hold up everybody else.
BURST: Final = 50


class ReplicaSetController(Controller):
    """Converges the pods of each ReplicaSet."""

    watches = (KIND, "pods")

    def __init__(self, store: Store, registry: Registry, events: Events) -> None:
        super().__init__(store)
        self._registry = registry
        self._events = events
        #: Pods by owner's uid, kept from changes so that no step reads all pods.
        self._owned: dict[str, set[str]] = {}
        self._orphans: set[tuple[str, str]] = set()

    def initial(self) -> Iterable[Key]:
        for pod in self.store.list("pods"):
            self._index(pod)
        return [key_of(KIND, replica_set) for replica_set in self.store.list(KIND)]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.key[0] == KIND:
            return [change.key]
        if change.previous is not None:
            self._index(change.previous, gone=True)
        self._index(change.object, gone=change.type == "DELETED")
        if controller_of(change.object) is not None:
            return owner_key(change.object, "ReplicaSet", KIND)
        # A pod that belongs to nobody may be wanted by any set of its namespace.
        return [key_of(KIND, replica_set) for replica_set in self.store.list(KIND, change.key[1])]

    def _index(self, pod: Object, *, gone: bool = False) -> None:
        meta, owner = pod["metadata"], controller_of(pod)
        if owner is None and not gone:
            self._orphans.add((meta["namespace"], meta["name"]))
        else:
            self._orphans.discard((meta["namespace"], meta["name"]))
        if owner is None:
            return
        names = self._owned.setdefault(owner["uid"], set())
        if gone:
            names.discard(meta["name"])
        else:
            names.add(meta["name"])
        if not names:
            del self._owned[owner["uid"]]

    def reconcile(self, key: Key) -> float | None:
        replica_set = self.store.find(*key)
        if replica_set is None:
            return None
        self._adopt_and_release(replica_set)
        pods = self._pods(replica_set)
        active = [pod for pod in pods if is_active(pod)]
        failure: str | None = None
        again: float | None = None
        if "deletionTimestamp" not in replica_set["metadata"]:
            difference = replica_set["spec"].get("replicas", 1) - len(active)
            if abs(difference) > BURST:
                again = 0.0
            try:
                self._create(replica_set, min(difference, BURST))
            except ApiError as problem:
                failure, again = problem.message, 5.0
                told = f"Error creating: {problem.message}"
                self._events.emit(replica_set, "Warning", "FailedCreate", told, by=COMPONENT)
            self._delete(replica_set, active, min(-difference, BURST))
            pods = self._pods(replica_set)
        return _sooner(again, self._store_status(key, pods, failure))

    def _pods(self, replica_set: Object) -> list[Object]:
        meta = replica_set["metadata"]
        names = self._owned.get(meta["uid"], ())
        found = (self.store.find("pods", meta["namespace"], name) for name in sorted(names))
        return [pod for pod in found if pod is not None and _belongs(pod, replica_set)]

    def _adopt_and_release(self, replica_set: Object) -> None:
        if "deletionTimestamp" in replica_set["metadata"]:
            return
        needs = selector_requirements(replica_set["spec"]["selector"])
        namespace = replica_set["metadata"]["namespace"]
        for pod in self._pods(replica_set):
            if not _fits(pod, needs) and "deletionTimestamp" not in pod["metadata"]:
                self._set_owner(pod, None)
        for name in sorted(name for space, name in self._orphans if space == namespace):
            orphan = self.store.find("pods", namespace, name)
            if orphan is None or controller_of(orphan) is not None:
                continue
            if not _fits(orphan, needs) or not is_active(orphan):
                continue
            self._set_owner(orphan, owner_reference("ReplicaSet", "apps/v1", replica_set))
            self._index(self.store.get("pods", namespace, name))

    def _set_owner(self, pod: Object, owner: Object | None) -> None:
        def change(new: Object) -> None:
            kept = [one for one in new["metadata"].get("ownerReferences") or () if not one.get("controller")]
            new["metadata"]["ownerReferences"] = kept + ([owner] if owner else [])

        _, namespace, name = key_of("pods", pod)
        self.store.update("pods", namespace, name, change, manager=MANAGER)

    def _create(self, replica_set: Object, count: int) -> None:
        meta, template = replica_set["metadata"], replica_set["spec"]["template"]
        for _ in range(count):
            pod: Object = {
                "metadata": {
                    **clone(
                        {k: v for k, v in template["metadata"].items() if k in ("labels", "annotations")}
                    ),
                    "name": f"{meta['name'][:57]}-{random_suffix()}",
                    "generateName": f"{meta['name']}-",
                    "namespace": meta["namespace"],
                    "ownerReferences": [owner_reference("ReplicaSet", "apps/v1", replica_set)],
                },
                "spec": clone(template["spec"]),
            }
            made = self._registry.create("pods", pod, manager=MANAGER)
            self._index(made)
            told = f"Created pod: {made['metadata']['name']}"
            self._events.emit(replica_set, "Normal", "SuccessfulCreate", told, by=COMPONENT)

    def _delete(self, replica_set: Object, active: list[Object], count: int) -> None:
        if count <= 0:
            return
        per_node: dict[str, int] = {}
        for pod in active:
            node = pod["spec"].get("nodeName", "")
            per_node[node] = per_node.get(node, 0) + 1
        for pod in sorted(active, key=lambda pod: _keep_rank(pod, per_node))[:count]:
            name = pod["metadata"]["name"]
            self.store.delete("pods", pod["metadata"]["namespace"], name)
            told = f"Deleted pod: {name}"
            self._events.emit(replica_set, "Normal", "SuccessfulDelete", told, by=COMPONENT)

    def _store_status(self, key: Key, pods: list[Object], failure: str | None) -> float | None:
        """Write the counts; returns seconds until a pod that is ready becomes available."""
        replica_set = self.store.find(*key)
        if replica_set is None:
            return None
        least = replica_set["spec"].get("minReadySeconds", 0)
        active = [pod for pod in pods if is_active(pod)]
        waits = [seconds_until_available(pod, least) for pod in active]
        labels = (replica_set["spec"]["template"]["metadata"].get("labels") or {}).items()
        counts = {
            "fullyLabeledReplicas": sum(
                labels <= (p["metadata"].get("labels") or {}).items() for p in active
            ),
            "readyReplicas": sum(is_ready(pod) for pod in active),
            "availableReplicas": sum(wait == 0.0 for wait in waits),
        }
        # Counters that are zero are absent, except these two.
        status: Object = {
            "replicas": len(active),
            **{name: count for name, count in counts.items() if count},
            "terminatingReplicas": sum("deletionTimestamp" in pod["metadata"] for pod in pods),
            "observedGeneration": replica_set["metadata"].get("generation", 1),
        }
        if failure is not None:
            status["conditions"] = [_failure_condition(replica_set, failure)]

        def change(new: Object) -> None:
            new["status"] = status

        self.store.update(*key, change, manager=MANAGER, subresource="status")
        return min((wait for wait in waits if wait), default=None)


def _belongs(pod: Object, replica_set: Object) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["uid"] == replica_set["metadata"]["uid"]


def _fits(pod: Object, needs: list[Requirement]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return bool(needs) and all(requirement.matches(labels) for requirement in needs)


def _keep_rank(pod: Object, per_node: dict[str, int]) -> tuple[object, ...]:
    """Pods with a low rank are deleted first: unassigned, pending, not ready, crowded, restarting, young."""
    status, meta = pod.get("status", {}), pod["metadata"]
    restarts = sum(entry["restartCount"] for entry in status.get("containerStatuses") or ())
    cost = (meta.get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    phases = ("Pending", "Unknown", "Running")
    phase = status.get("phase", "Pending")
    return (
        bool(pod["spec"].get("nodeName")),
        phases.index(phase) if phase in phases else 0,
        is_ready(pod),
        int(cost) if cost.lstrip("-").isdigit() else 0,
        -per_node.get(pod["spec"].get("nodeName", ""), 0),
        -restarts,
        _reversed_time(meta["creationTimestamp"]),
    )


def _reversed_time(moment: str) -> tuple[int, ...]:
    """Orders newer before older."""
    return tuple(-ord(letter) for letter in moment)


def _failure_condition(replica_set: Object, message: str) -> Object:
    old = next(iter(replica_set.get("status", {}).get("conditions") or ()), None)
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": message,
        "lastTransitionTime": old["lastTransitionTime"] if old else timestamp(),
    }


def _sooner(one: float | None, other: float | None) -> float | None:
    waits = [wait for wait in (one, other) if wait is not None]
    return min(waits) if waits else None

"""Deployments: roll from one replica set to the next, and remember the earlier ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from k8s.local.controllers import rollout
from k8s.local.controllers.loop import Controller, controller_of, key_of, owner_key, owner_reference
from k8s.local.controllers.pods import condition, is_active, is_available
from k8s.local.controllers.rollout import DESIRED, HASH_LABEL, MAXIMUM, REVISION, Count
from k8s.local.controllers.rollout_status import deployment_status
from k8s.local.events import Events
from k8s.local.registry import Registry
from k8s.local.store import Change, Key, Object, Store, clone

KIND: Final = "deployments.apps"
SETS: Final = "replicasets.apps"
MANAGER: Final = "kube-controller-manager"
COMPONENT: Final = "deployment-controller"


class DeploymentController(Controller):
    """Converges each Deployment by scaling its replica sets."""

    watches = (KIND, SETS, "pods")

    def __init__(self, store: Store, registry: Registry, events: Events) -> None:
        super().__init__(store)
        self._registry = registry
        self._events = events
        #: Names of what belongs to a controller, by its uid: pods of replica sets, replica sets of
        #: deployments. Names only: the objects are read anew, for a change may still be on its way here.
        self._owned: dict[str, set[str]] = {}

    def initial(self) -> Iterable[Key]:
        for kind in ("pods", SETS):
            for obj in self.store.list(kind):
                self._index(obj)
        return [key_of(KIND, deployment) for deployment in self.store.list(KIND)]

    def concerns(self, change: Change) -> Iterable[Key]:
        kind, namespace, _ = change.key
        if kind == KIND:
            return [change.key]
        if change.previous is not None:
            self._index(change.previous, gone=True)
        self._index(change.object, gone=change.type == "DELETED")
        if kind == SETS:
            return owner_key(change.object, "Deployment", KIND)
        owner = controller_of(change.object)
        found = self.store.find(SETS, namespace, owner["name"]) if owner else None
        return owner_key(found, "Deployment", KIND) if found else []

    def _index(self, obj: Object, *, gone: bool = False) -> None:
        owner = controller_of(obj)
        if owner is None:
            return
        names = self._owned.setdefault(owner["uid"], set())
        if gone:
            names.discard(obj["metadata"]["name"])
        else:
            names.add(obj["metadata"]["name"])
        if not names:
            del self._owned[owner["uid"]]

    def _belonging(self, kind: str, owner: Object) -> list[Object]:
        meta = owner["metadata"]
        found = (self.store.find(kind, meta["namespace"], name) for name in self._owned.get(meta["uid"], ()))
        return [
            obj
            for obj in found
            if obj is not None and (by := controller_of(obj)) is not None and by["uid"] == meta["uid"]
        ]

    def _pods(self, replica_set: Object) -> list[Object]:
        return self._belonging("pods", replica_set)

    def reconcile(self, key: Key) -> float | None:
        deployment = self.store.find(*key)
        if deployment is None:
            return None
        sets = self._sets(deployment)
        if "deletionTimestamp" in deployment["metadata"]:
            return self._store_status(key, sets)
        new = self._new_set(deployment, sets)
        paused = bool(deployment["spec"].get("paused"))
        if new is None and not paused and self._may_begin(deployment, sets):
            new = self._create_set(deployment, sets)
        elif new is not None:
            self._keep_revision(deployment, new, sets)
        deployment, sets = self.store.get(*key), self._sets(deployment)
        self._scale(deployment, new["metadata"]["name"] if new else "", sets)
        self._forget_history(deployment, new["metadata"]["uid"] if new else "", self._sets(deployment))
        return self._store_status(key, self._sets(deployment))

    # Replica sets

    def _sets(self, deployment: Object) -> list[Object]:
        """The deployment's replica sets, oldest first."""
        found = self._belonging(SETS, deployment)
        return sorted(found, key=lambda one: (one["metadata"]["creationTimestamp"], rollout.revision_of(one)))

    @staticmethod
    def _new_set(deployment: Object, sets: list[Object]) -> Object | None:
        template = deployment["spec"]["template"]
        return next((one for one in sets if rollout.same_template(one["spec"]["template"], template)), None)

    def _may_begin(self, deployment: Object, sets: list[Object]) -> bool:
        """Recreate waits until the last old pod is gone; a rolling update need not."""
        if deployment["spec"].get("strategy", {}).get("type") != "Recreate":
            return True
        return not self._has_pods(sets, but="") and not any(one["spec"].get("replicas") for one in sets)

    def _create_set(self, deployment: Object, sets: list[Object]) -> Object:
        meta, spec = deployment["metadata"], deployment["spec"]
        revision = str(max((rollout.revision_of(one) for one in sets), default=0) + 1)
        digest = rollout.template_hash(spec["template"], self._free_collision(deployment))
        template, selector = clone(spec["template"]), clone(spec["selector"])
        template["metadata"].setdefault("labels", {})[HASH_LABEL] = digest
        selector.setdefault("matchLabels", {})[HASH_LABEL] = digest
        new = self._registry.create(
            SETS,
            {
                "metadata": {
                    "name": f"{meta['name']}-{digest}",
                    "namespace": meta["namespace"],
                    "labels": clone(template["metadata"]["labels"]),
                    "annotations": rollout.copied_annotations(deployment)
                    | self._size_annotations(deployment)
                    | {REVISION: revision},
                    "ownerReferences": [owner_reference("Deployment", "apps/v1", deployment)],
                },
                "spec": {
                    "replicas": 0,
                    "selector": selector,
                    "template": template,
                    **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
                },
            },
            manager=MANAGER,
        )
        self._index(new)
        self._annotate(KIND, deployment, {REVISION: revision})
        return new

    def _free_collision(self, deployment: Object) -> int:
        collisions = int(deployment.get("status", {}).get("collisionCount", 0))
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        while self.store.find(
            SETS, meta["namespace"], f"{meta['name']}-{rollout.template_hash(template, collisions)}"
        ):
            collisions += 1
        return collisions

    def _keep_revision(self, deployment: Object, new: Object, sets: list[Object]) -> None:
        """A template that comes back (a rollback) becomes the newest revision."""
        newest_old = max((rollout.revision_of(one) for one in sets if one is not new), default=0)
        revision = rollout.revision_of(new)
        wanted = rollout.copied_annotations(deployment) | self._size_annotations(deployment)
        if revision <= newest_old:
            history = (new["metadata"].get("annotations") or {}).get(rollout.REVISION_HISTORY)
            if revision:
                wanted[rollout.REVISION_HISTORY] = f"{history},{revision}" if history else str(revision)
            revision = newest_old + 1
        self._annotate(SETS, new, wanted | {REVISION: str(revision)})
        self._annotate(KIND, deployment, {REVISION: str(revision)})

    @staticmethod
    def _size_annotations(deployment: Object) -> dict[str, str]:
        total = deployment["spec"].get("replicas", 1)
        return {DESIRED: str(total), MAXIMUM: str(total + rollout.limits(deployment)[0])}

    def _annotate(self, kind: str, obj: Object, wanted: dict[str, str]) -> None:
        if wanted.items() <= (obj["metadata"].get("annotations") or {}).items():
            return

        def change(new: Object) -> None:
            new["metadata"].setdefault("annotations", {}).update(wanted)

        _, namespace, name = key_of(kind, obj)
        self.store.update(kind, namespace, name, change, manager=MANAGER)

    # Scaling

    def _scale(self, deployment: Object, new_name: str, sets: list[Object]) -> None:
        counts = [self._count(deployment, one) for one in sets]
        new = next((count for count in counts if count.name == new_name), Count("", 0, 0))
        old = [count for count in counts if count.name != new_name]
        rolling = deployment["spec"].get("strategy", {}).get("type") != "Recreate"
        if deployment["spec"].get("paused") or self._was_resized(deployment, sets):
            wanted = self._resized(deployment, new, old)
        elif not rolling:
            wanted = {count.name: 0 for count in old}
        else:
            wanted = {}
        self._apply(deployment, sets, wanted)
        if deployment["spec"].get("paused"):
            return
        counts = [self._count(deployment, one) for one in self._sets(deployment)]
        new = next((count for count in counts if count.name == new_name), Count("", 0, 0))
        old = [count for count in counts if count.name != new_name]
        if new_name and (rolling or not self._has_pods(sets, but=new_name)):
            up = rollout.wanted_of_new(deployment, new, sum(count.wanted for count in counts))
            self._apply(deployment, self._sets(deployment), {new_name: up})
            new = Count(new_name, up, min(new.available, up))
        if rolling and any(count.wanted for count in old):
            down = rollout.wanted_of_old(deployment, new, old)
            self._apply(deployment, self._sets(deployment), down)

    def _has_pods(self, sets: list[Object], *, but: str) -> bool:
        return any(self._pods(one) for one in sets if one["metadata"]["name"] != but)

    def _resized(self, deployment: Object, new: Count, old: list[Count]) -> dict[str, int]:
        active = [count for count in [*old, new] if count.name and count.wanted]
        if len(active) <= 1:
            only = active[0] if active else new
            return {only.name: deployment["spec"].get("replicas", 1)} if only.name else {}
        return rollout.proportional(deployment, active)

    @staticmethod
    def _was_resized(deployment: Object, sets: list[Object]) -> bool:
        total = str(deployment["spec"].get("replicas", 1))
        active = (one for one in sets if one["spec"].get("replicas"))
        return any((one["metadata"].get("annotations") or {}).get(DESIRED, total) != total for one in active)

    def _count(self, deployment: Object, replica_set: Object) -> Count:
        """From the pods themselves: the replica set's own counters may be one step behind."""
        least = deployment["spec"].get("minReadySeconds", 0)
        available = sum(is_active(pod) and is_available(pod, least) for pod in self._pods(replica_set))
        wanted = replica_set["spec"].get("replicas", 0)
        return Count(replica_set["metadata"]["name"], wanted, min(available, wanted))

    def _apply(self, deployment: Object, sets: list[Object], wanted: dict[str, int]) -> None:
        sizes = self._size_annotations(deployment)
        for one in sets:
            name, before = one["metadata"]["name"], one["spec"].get("replicas", 0)
            after = wanted.get(name, before)
            if after or before:
                self._annotate(SETS, one, sizes)
            if after == before:
                continue

            def change(new: Object, after: int = after) -> None:
                new["spec"]["replicas"] = after

            self.store.update(SETS, one["metadata"]["namespace"], name, change, manager=MANAGER)
            way = "up" if after > before else "down"
            told = f"Scaled {way} replica set {name} from {before} to {after}"
            self._events.emit(deployment, "Normal", "ScalingReplicaSet", told, by=COMPONENT)

    def _forget_history(self, deployment: Object, new_uid: str, sets: list[Object]) -> None:
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        if self._is_rolling(deployment, sets, new_uid):
            return
        empty = [
            one
            for one in sets
            if one["metadata"]["uid"] != new_uid
            and not one["spec"].get("replicas")
            and not self._pods(one)
            and "deletionTimestamp" not in one["metadata"]
        ]
        for one in sorted(empty, key=rollout.revision_of)[: max(0, len(empty) - limit)]:
            self.store.delete(SETS, one["metadata"]["namespace"], one["metadata"]["name"])

    @staticmethod
    def _is_rolling(deployment: Object, sets: list[Object], new_uid: str) -> bool:
        total = deployment["spec"].get("replicas", 1)
        return any(
            one["spec"].get("replicas", 0) != (total if one["metadata"]["uid"] == new_uid else 0)
            for one in sets
        )

    # Status

    def _store_status(self, key: Key, sets: list[Object]) -> float | None:
        deployment = self.store.get(*key)
        new = self._new_set(deployment, sets)
        pods = {one["metadata"]["uid"]: self._pods(one) for one in sets}
        status = deployment_status(deployment, new, sets, pods)

        def change(obj: Object) -> None:
            obj["status"] = status

        stored = self.store.update(*key, change, manager=MANAGER, subresource="status")
        return _until_deadline(stored)


def _until_deadline(deployment: Object) -> float | None:
    """Seconds until lack of progress has to be reported; None when nothing is awaited."""
    progressing = condition(deployment, "Progressing")
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    if progressing is None or seconds is None or progressing["status"] != "True":
        return None
    if progressing["reason"] == "NewReplicaSetAvailable":
        return None
    since = datetime.fromisoformat(progressing["lastUpdateTime"])
    return float(max(0.0, seconds - (datetime.now(UTC) - since).total_seconds()) + 1.0)

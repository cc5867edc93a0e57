"""The garbage collector: what belongs to an owner goes with it, or before it, or stays as an orphan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from k8s.local.controllers.loop import Controller, key_of
from k8s.local.errors import ApiError
from k8s.local.kinds import BY_TYPE, STORED
from k8s.local.store import Change, Key, Object, Store

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
MANAGER: Final = "kube-controller-manager"
_NOT_OWNED: Final = frozenset({"events", "leases.coordination.k8s.io"})


class GarbageCollector(Controller):
    """Keeps an index of who belongs to whom, and acts when an owner goes."""

    watches = tuple(kind for kind in STORED if kind not in _NOT_OWNED)

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._dependents: dict[str, set[Key]] = {}

    def initial(self) -> Iterable[Key]:
        for kind in self.watches:
            for obj in self.store.list(kind):
                owners = obj["metadata"].get("ownerReferences") or ()
                for owner in owners:
                    self._dependents.setdefault(owner["uid"], set()).add(key_of(kind, obj))
                if owners or obj["metadata"].get("finalizers"):
                    yield key_of(kind, obj)

    def concerns(self, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        owners = meta.get("ownerReferences") or ()
        earlier = (change.previous["metadata"].get("ownerReferences") or ()) if change.previous else ()
        for owner in earlier:
            if change.type == "DELETED" or owner not in owners:
                self._forget(owner["uid"], change.key)
        if change.type == "DELETED":
            # Its dependents have lost their owner; its owners may be waiting for it.
            return [*self._dependents.get(meta["uid"], ()), *self._owner_keys(change.key, owners)]
        for owner in owners:
            self._dependents.setdefault(owner["uid"], set()).add(change.key)
        going = "deletionTimestamp" in meta and meta.get("finalizers")
        return [change.key] if going or (owners and tuple(owners) != tuple(earlier)) else []

    def _forget(self, owner: str, dependent: Key) -> None:
        known = self._dependents.get(owner, set())
        known.discard(dependent)
        if not known:
            self._dependents.pop(owner, None)

    @staticmethod
    def _owner_keys(key: Key, owners: Iterable[Object]) -> list[Key]:
        kinds = [(BY_TYPE.get((owner["apiVersion"], owner["kind"])), owner["name"]) for owner in owners]
        return [(kind.key, key[1] if kind.namespaced else "", name) for kind, name in kinds if kind]

    def reconcile(self, key: Key) -> float | None:
        obj = self.store.find(*key)
        if obj is None:
            return None
        meta = obj["metadata"]
        finalizers = meta.get("finalizers") or ()
        if "deletionTimestamp" in meta:
            if ORPHAN in finalizers:
                self._orphan_dependents(obj)
                self._finish(key, ORPHAN)
            elif FOREGROUND in finalizers and not self._delete_dependents(obj):
                self._finish(key, FOREGROUND)
        elif meta.get("ownerReferences"):
            self._delete_if_abandoned(key, obj)
        return None

    def _delete_if_abandoned(self, key: Key, obj: Object) -> None:
        owners = obj["metadata"]["ownerReferences"]
        missing = [owner for owner in owners if not self._exists(key, owner)]
        if not missing:
            return
        if len(missing) == len(owners):
            self._delete(key, obj, "Background")
            return
        self._drop_references(key, {owner["uid"] for owner in missing})

    def _exists(self, key: Key, owner: Object) -> bool:
        kind = BY_TYPE.get((owner["apiVersion"], owner["kind"]))
        if kind is None:
            return True  # of a kind that we do not keep: nothing can be said about it
        found = self.store.find(kind.key, key[1] if kind.namespaced else "", owner["name"])
        return found is not None and found["metadata"]["uid"] == owner["uid"]

    def _delete_dependents(self, owner: Object) -> bool:
        """Delete what belongs to the owner; True while it has to wait for some of it."""
        uid, blocked = owner["metadata"]["uid"], False
        for key in list(self._dependents.get(uid, ())):
            obj = self.store.find(*key)
            references = (obj["metadata"].get("ownerReferences") or ()) if obj else ()
            reference = next((one for one in references if one["uid"] == uid), None)
            if obj is None or reference is None:
                continue
            if "deletionTimestamp" not in obj["metadata"]:
                self._delete(
                    key, obj, "Foreground" if self._dependents.get(obj["metadata"]["uid"]) else "Background"
                )
            still_there = self.store.find(*key) is not None
            blocked = blocked or (still_there and bool(reference.get("blockOwnerDeletion")))
        return blocked

    def _orphan_dependents(self, owner: Object) -> None:
        uid = owner["metadata"]["uid"]
        for key in list(self._dependents.get(uid, ())):
            if self.store.find(*key) is not None:
                self._drop_references(key, {uid})

    def _drop_references(self, key: Key, owners: set[str]) -> None:
        def change(obj: Object) -> None:
            kept = [one for one in obj["metadata"].get("ownerReferences") or () if one["uid"] not in owners]
            if kept:
                obj["metadata"]["ownerReferences"] = kept
            else:
                obj["metadata"].pop("ownerReferences", None)

        self.store.update(*key, change, manager=MANAGER)

    def _delete(self, key: Key, obj: Object, propagation: str) -> None:
        try:
            self.store.delete(*key, propagation=propagation, expect_uid=obj["metadata"]["uid"])
        except ApiError:
            return

    def _finish(self, key: Key, finalizer: str) -> None:
        def change(obj: Object) -> None:
            obj["metadata"]["finalizers"] = [one for one in obj["metadata"]["finalizers"] if one != finalizer]

        self.store.update(*key, change, manager=MANAGER)

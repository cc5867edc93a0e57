"""The store: every object of the cluster, versioned, with a history for watches.

One event loop owns it. Its methods are synchronous, so each call is atomic.
Objects handed out are shared: do not change them, use ``update``.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

from k8s.local import errors
from k8s.local.changes import Change, ChangeType, Key, Object, Subscription
from k8s.local.kinds import Kind, kind_of
from k8s.local.objects import clone, copy_to_change, timestamp

__all__ = ["Change", "ChangeType", "Journal", "Key", "Object", "Store", "Subscription", "clone", "timestamp"]

HISTORY_PER_KIND: Final = 2_000
#: A restart may have lost the last writes, and with them some versions that clients have seen.
VERSIONS_SKIPPED_AT_RESTART: Final = 1_000
DEFAULT_POD_GRACE_SECONDS: Final = 30


class Journal(Protocol):
    """Where changes are kept across restarts (see persistence.py)."""

    def load(self) -> tuple[int, Iterable[tuple[str, Object]]]:
        """The last resource version, and every (kind, object)."""

    def record(self, change: Change) -> None:
        """Remember a change soon."""


# Aliases, because inside Store "list" is its method.
Objects = list[Object]
Names = list[str]
Changes = list[Change]

#: (kind, old or None, new, manager, subresource): writes metadata.managedFields of ``new``.
TrackOwnership = Callable[[Kind, Object | None, Object, str, str], None]


class Store:
    """Versioned objects by kind, namespace and name."""

    def __init__(self, journal: Journal | None = None, *, history_per_kind: int = HISTORY_PER_KIND) -> None:
        self._journal = journal
        self._objects: dict[str, dict[str, dict[str, Object]]] = {}
        #: Names in order, where no object has come or gone since they were last listed.
        self._names: dict[tuple[str, str], Names] = {}
        self._history: dict[str, deque[Change]] = {}
        self._history_limit = history_per_kind
        #: Versions up to and including this one are no longer in a kind's history.
        self._forgotten: dict[str, int] = {}
        self._subscriptions: set[Subscription] = set()
        self._version = 0
        self._oldest = 0
        self.track_ownership: TrackOwnership | None = None
        #: Told of each change at once, before the write returns.
        self.listeners: list[Callable[[Change], None]] = []
        if journal is not None:
            self._restore(journal)

    def _restore(self, journal: Journal) -> None:
        version, found = journal.load()
        for kind, obj in found:
            meta = obj["metadata"]
            self._objects.setdefault(kind, {}).setdefault(meta.get("namespace", ""), {})[meta["name"]] = obj
            version = max(version, int(meta["resourceVersion"]))
        if version:
            self._version = version + VERSIONS_SKIPPED_AT_RESTART
            self._oldest = self._version

    # Reading

    @property
    def resource_version(self) -> int:
        """The version of the newest change."""
        return self._version

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """The object; shared, not to be changed.

        Raises:
            NotFound: there is none.
        """
        found = self.find(kind, namespace, name)
        if found is None:
            described = kind_of(kind)
            raise errors.NotFound(described.plural, name, described.group)
        return found

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        return self._objects.get(kind, {}).get(namespace, {}).get(name)

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """Objects of a kind in one namespace, or in all (None), in the order of "namespace/name"."""
        spaces = self._objects.get(kind, {})
        if namespace is None:
            ordered = sorted(spaces, key=lambda space: f"{space}/")
            return [obj for space in ordered for obj in self._ordered(kind, space)]
        return self._ordered(kind, namespace)

    def _ordered(self, kind: str, namespace: str) -> Objects:
        space = self._objects.get(kind, {}).get(namespace, {})
        names = self._names.get((kind, namespace))
        if names is None:
            names = self._names[kind, namespace] = sorted(space)
        return [space[name] for name in names]

    # Writing

    def create(self, kind: str, obj: Object, *, manager: str = "", subresource: str = "") -> Object:
        """Store a new object, setting uid, creationTimestamp, resourceVersion and generation.

        Raises:
            AlreadyExists: the name is taken.
        """
        described = kind_of(kind)
        created = self.prepared(kind, obj)
        meta = created["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if self.find(kind, namespace, name) is not None:
            raise errors.AlreadyExists(described.plural, name, described.group)
        self._own(described, None, created, manager, subresource)
        self._put("ADDED", (kind, namespace, name), created, None)
        return created

    def prepared(self, kind: str, obj: Object) -> Object:
        """A copy of ``obj`` as ``create`` would store it, not yet stored and without a version."""
        described = kind_of(kind)
        created: Object = {"kind": described.kind, "apiVersion": described.api_version, "metadata": {}}
        created.update(clone({k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}))
        meta = created["metadata"]
        meta.pop("resourceVersion", None)
        meta.setdefault("uid", str(uuid.uuid4()))
        meta["creationTimestamp"] = timestamp()
        if described.has_generation:
            meta["generation"] = 1
        if not described.namespaced:
            meta.pop("namespace", None)
        return created

    def update(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: Callable[[Object], None],
        *,
        expect_version: str | None = None,
        manager: str = "",
        subresource: str = "",
    ) -> Object:
        """Change a copy of the object in place and store it; nothing happens if nothing differs.

        ``change`` may not touch the spec if ``subresource`` is "status". The generation grows when the
        spec differs. An object that is being deleted and has nothing left to wait for is removed.

        Raises:
            NotFound: there is none.
            Conflict: ``expect_version`` is not its version.
        """
        old = self.get(kind, namespace, name)
        described = kind_of(kind)
        if expect_version is not None and old["metadata"]["resourceVersion"] != expect_version:
            raise errors.modified(described.plural, name, described.group)
        new = copy_to_change(old, status_only=subresource == "status")
        change(new)
        return self.replace(kind, old, new, manager=manager, subresource=subresource)

    def replace(
        self, kind: str, old: Object, new: Object, *, manager: str = "", subresource: str = ""
    ) -> Object:
        """Store ``new``, which belongs to the store from then on, in place of ``old``; see ``update``."""
        described = kind_of(kind)
        self.settle_generation(described, old, new)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if new == old:
            return old
        self._own(described, old, new, manager, subresource)
        namespace, name = old["metadata"].get("namespace", ""), old["metadata"]["name"]
        if _nothing_left_to_wait_for(kind, new):
            return self._drop((kind, namespace, name), new)
        self._put("MODIFIED", (kind, namespace, name), new, old)
        return new

    @staticmethod
    def settle_generation(kind: Kind, old: Object, new: Object) -> None:
        """Set metadata.generation of ``new`` from that of ``old``."""
        if not kind.has_generation:
            return
        generation = old["metadata"].get("generation", 1)
        described = (key for key in new.keys() | old.keys() if key not in _OUTSIDE_THE_SPEC)
        changed = any(_wished(old, key) != _wished(new, key) for key in described)
        new["metadata"]["generation"] = generation + 1 if changed else generation

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        *,
        grace_seconds: int | None = None,
        propagation: str = "Background",
        expect_uid: str | None = None,
        expect_version: str | None = None,
    ) -> Object:
        """Delete an object, or mark it as being deleted where something has to happen first.

        Finalizers, the grace of a running pod, and ``propagation`` Foreground or
        Orphan (kept as finalizers for the garbage collector) postpone the removal.

        Returns:
            The object as it was removed or marked.
        Raises:
            NotFound, Conflict (a precondition failed).
        """
        old = self.get(kind, namespace, name)
        self._check_preconditions(kind_of(kind), old, expect_uid, expect_version)
        new = self.marked_for_deletion(kind, old, grace_seconds=grace_seconds, propagation=propagation)
        if _nothing_left_to_wait_for(kind, new):
            # Only pods are marked first even when they go at once.
            return self._drop((kind, namespace, name), new if kind == "pods" else clone(old))
        if new == old:
            return old
        self._put("MODIFIED", (kind, namespace, name), new, old)
        return new

    def marked_for_deletion(
        self, kind: str, old: Object, *, grace_seconds: int | None = None, propagation: str = "Background"
    ) -> Object:
        """A copy of the object as a deletion leaves it, not stored."""
        new = clone(old)
        meta = new["metadata"]
        grace = _grace_of(kind, old, grace_seconds)
        already = "deletionTimestamp" in meta
        if not already or grace < meta.get("deletionGracePeriodSeconds", 0):
            if kind == "pods" or not already:
                meta["deletionTimestamp"] = timestamp(seconds_from_now=grace)
            if kind_of(kind).has_generation and not already:
                meta["generation"] = meta.get("generation", 1) + 1
            if kind != "namespaces":
                meta["deletionGracePeriodSeconds"] = grace
        if kind == "namespaces":
            new["status"] = {**new.get("status", {}), "phase": "Terminating"}
        wanted = _FINALIZER_OF.get(propagation)
        if not already:
            kept = [f for f in meta.get("finalizers", []) if f not in _FINALIZER_OF.values() or f == wanted]
            if wanted is not None and wanted not in kept:
                kept.append(wanted)
            if kept:
                meta["finalizers"] = kept
            else:
                meta.pop("finalizers", None)
        return new

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Remove for good, whatever finalizers say. Removing what is gone is fine."""
        old = self.find(kind, namespace, name)
        if old is not None:
            self._drop((kind, namespace, name), clone(old))

    # Watching

    def subscribe(self, kinds: Collection[str], *, limit: int | None = None) -> Subscription:
        """Changes of these kinds from now on; unbounded unless ``limit`` is given."""
        subscription = Subscription(kinds, limit, self._subscriptions.discard)
        self._subscriptions.add(subscription)
        return subscription

    def changes_since(self, kind: str, resource_version: int) -> Changes:
        """Changes of a kind after that version.

        Raises:
            Expired: some of them are no longer known.
        """
        oldest = max(self._forgotten.get(kind, 0), self._oldest)
        if resource_version < oldest:
            raise errors.Expired(f"too old resource version: {resource_version} ({oldest})")
        found: deque[Change] = deque()
        for change in reversed(self._history.get(kind, ())):
            if change.resource_version <= resource_version:
                break
            found.appendleft(change)
        return list(found)

    def forget_history(self) -> None:
        """Drop the history, as a compaction does: watches from older versions get 410."""
        self._history.clear()
        self._oldest = self._version

    # Inside

    @staticmethod
    def _check_preconditions(kind: Kind, obj: Object, uid: str | None, version: str | None) -> None:
        meta = obj["metadata"]
        for what, wanted, found in (
            ("UID", uid, meta["uid"]),
            ("ResourceVersion", version, meta["resourceVersion"]),
        ):
            if wanted is not None and wanted != found:
                raise errors.precondition_failed(kind.kind, meta["name"], kind.group, what, wanted, found)

    def _own(self, kind: Kind, old: Object | None, new: Object, manager: str, subresource: str) -> None:
        if manager and self.track_ownership is not None:
            self.track_ownership(kind, old, new, manager, subresource)

    def _put(self, change_type: ChangeType, key: Key, obj: Object, previous: Object | None) -> None:
        kind, namespace, name = key
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        self._objects.setdefault(kind, {}).setdefault(namespace, {})[name] = obj
        if change_type == "ADDED":
            self._names.pop((kind, namespace), None)
        self._publish(Change(change_type, key, obj, previous, self._version))

    def _drop(self, key: Key, last: Object) -> Object:
        kind, namespace, name = key
        previous = self._objects[kind][namespace].pop(name)
        self._names.pop((kind, namespace), None)
        self._version += 1
        last["metadata"]["resourceVersion"] = str(self._version)
        self._publish(Change("DELETED", key, last, previous, self._version))
        return last

    def _publish(self, change: Change) -> None:
        kind = change.key[0]
        history = self._history.setdefault(kind, deque())
        history.append(change)
        if len(history) > self._history_limit:
            self._forgotten[kind] = history.popleft().resource_version
        for listener in self.listeners:
            listener(change)
        for subscription in tuple(self._subscriptions):
            if kind in subscription.kinds:
                subscription.put(change)
        if self._journal is not None:
            self._journal.record(change)


_FINALIZER_OF: Final = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
_OUTSIDE_THE_SPEC: Final = frozenset({"metadata", "status", "kind", "apiVersion"})


def _wished(obj: Object, key: str) -> Any:
    """A part of an object without what the cluster adds to it: a pod's binding is no change of its spec."""
    part = obj.get(key)
    if obj["kind"] != "Pod" or key != "spec" or not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if name != "nodeName"}


def _grace_of(kind: str, obj: Object, asked: int | None) -> int:
    if kind != "pods":
        return 0
    # Nothing runs yet, or nothing runs any more: there is nobody to be graceful to.
    spec = obj.get("spec", {})
    if not spec.get("nodeName") or obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return max(0, asked)
    grace = spec.get("terminationGracePeriodSeconds")
    return DEFAULT_POD_GRACE_SECONDS if grace is None else max(0, int(grace))


def _nothing_left_to_wait_for(kind: str, obj: Object) -> bool:
    meta = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    if kind == "namespaces" and obj.get("spec", {}).get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds")

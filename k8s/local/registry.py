"""Writes with the rules of the API: defaulting, validation and admission in front of the store.

The server and the controllers both write through here, so that an object made by
a controller is as complete as one made by kubectl.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from k8s.local import errors, ownership
from k8s.local.allocation import Allocator, carry_over
from k8s.local.defaults import apply_defaults, prepare_for_create
from k8s.local.kinds import Kind, kind_of
from k8s.local.store import Object, Store, clone
from k8s.local.validation import causes as say
from k8s.local.validation import validate, validate_update

#: Letters that cannot spell a word, as Kubernetes uses for generated names.
_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH: Final = 5
_GENERATED_NAME_LIMIT: Final = 63 - _SUFFIX_LENGTH
_NAME_ATTEMPTS: Final = 8
_KEPT_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
)

#: (kind, new object, old object or None for a create): may change the new object, or raise Forbidden.
Admission = Callable[[Kind, Object, Object | None], None]


class Registry:
    """The store with the API's rules.

    ``admissions`` run in order after defaulting and before validation, and may change the object;
    ``checks`` run in order after validation, and only refuse.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.admissions: list[Admission] = []
        self.checks: list[Admission] = []
        self._allocator = Allocator(store)
        self._random = random.Random()  # noqa: S311 - no secret, only spread
        store.track_ownership = ownership.track_update

    def create(self, kind: str, obj: Object, *, manager: str = "", dry_run: bool = False) -> Object:
        """Default, validate, admit and store a new object. ``obj`` is left alone.

        Raises:
            NotFound: its namespace does not exist.
            Invalid, Forbidden, AlreadyExists.
        """
        described = kind_of(kind)
        for attempt in range(_NAME_ATTEMPTS):
            new = self._prepared(described, obj)
            try:
                return self._store_new(described, new, manager=manager, dry_run=dry_run)
            except errors.AlreadyExists:
                generated = not obj["metadata"].get("name")
                if not generated or attempt == _NAME_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _prepared(self, kind: Kind, obj: Object) -> Object:
        new = clone(obj)
        meta = new.setdefault("metadata", {})
        for name in (
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ):
            meta.pop(name, None)
        if not meta.get("name") and meta.get("generateName"):
            suffix = "".join(self._random.choices(_SUFFIX_LETTERS, k=_SUFFIX_LENGTH))
            meta["name"] = meta["generateName"][:_GENERATED_NAME_LIMIT] + suffix
        if kind.namespaced and not meta.get("namespace"):
            meta["namespace"] = "default"
        _drop_empty(meta)
        if "status" in kind.subresources:
            new.pop("status", None)
        apply_defaults(kind.key, new)
        return new

    def _store_new(self, kind: Kind, new: Object, *, manager: str, dry_run: bool) -> Object:
        # A name that cannot be must not reach what is keyed by names.
        if not new["metadata"].get("name"):
            cause = say.required("metadata.name", "name or generateName is required")
            raise errors.Invalid(kind.kind, "", [cause], kind.group)
        self._check_namespace(kind, new)
        if manager:
            # Before the server adds its own: nobody owns what admission and allocation fill in.
            ownership.track_update(kind, None, new, manager, "")
        prepare_for_create(kind.key, new)
        for admit in self.admissions:
            admit(kind, new, None)
        if kind.key == "services":
            validate(kind, new)
            self._allocator.allocate(new)
        validate(kind, new)
        for check in self.checks:
            check(kind, new, None)
        self._check_not_there(kind, new)
        if dry_run:
            return self.store.prepared(kind.key, new)
        return self.store.create(kind.key, new)

    def _check_not_there(self, kind: Kind, new: Object) -> None:
        meta = new["metadata"]
        if self.store.find(kind.key, meta.get("namespace", "") if kind.namespaced else "", meta["name"]):
            raise errors.AlreadyExists(kind.plural, meta["name"], kind.group)

    def _check_namespace(self, kind: Kind, new: Object) -> None:
        if not kind.namespaced:
            return
        meta = new["metadata"]
        space = self.store.get("namespaces", "", meta["namespace"])
        if space.get("status", {}).get("phase") == "Terminating":
            name = meta["namespace"]
            cause = errors.Cause(
                "NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace"
            )
            why = f"unable to create new content in namespace {name} because it is being terminated"
            raise errors.forbidden(kind.plural, meta["name"], why, group=kind.group, causes=[cause])

    def update(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: Callable[[Object], None],
        *,
        manager: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Change a copy of the object in place, then default, validate, admit and store it.

        ``subresource`` "status" keeps everything but the status, "" keeps the status.

        Raises:
            NotFound, Invalid, Forbidden.
        """
        old = self.store.get(kind, namespace, name)
        new = clone(old)
        change(new)
        return self.replace(kind, old, new, manager=manager, subresource=subresource, dry_run=dry_run)

    def replace(
        self,
        kind: str,
        old: Object,
        new: Object,
        *,
        manager: str = "",
        subresource: str = "",
        dry_run: bool = False,
        applied: ownership.Applied | None = None,
    ) -> Object:
        """Put ``new``, which belongs to the store from then on, in place of ``old``; see ``update``.

        With ``applied``, the owners of the fields are those that the apply worked out.

        Raises:
            Conflict: ``new`` carries another resourceVersion than ``old`` has.
            Invalid, Forbidden.
        """
        described = kind_of(kind)
        self._check_version(described, old, new)
        new = self._only_what_may_change(described, old, new, subresource)
        if subresource != "status":
            _drop_empty(new["metadata"])
            apply_defaults(kind, new)
            for admit in self.admissions:
                admit(described, new, old)
            if kind == "services":
                carry_over(new, old)
                validate(described, new)
                self._allocator.allocate(new)
            validate_update(described, old, new)
            for check in self.checks:
                check(described, new, old)
        if applied is not None:
            ownership.write_owners(new, applied)
            manager = ""
        if dry_run:
            self.store.settle_generation(described, old, new)
            if manager:
                ownership.track_update(described, old, new, manager, subresource)
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            return new
        return self.store.replace(kind, old, new, manager=manager, subresource=subresource)

    @staticmethod
    def _check_version(kind: Kind, old: Object, new: Object) -> None:
        meta = new["metadata"]
        wanted = meta.get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise errors.modified(kind.plural, old["metadata"]["name"], kind.group)
        uid = meta.get("uid")
        if uid and uid != old["metadata"]["uid"]:
            raise errors.precondition_failed(
                kind.plural, old["metadata"]["name"], kind.group, "UID", uid, old["metadata"]["uid"]
            )

    @staticmethod
    def _only_what_may_change(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
        if subresource == "status":
            kept = clone(old)
            if "status" in new:
                kept["status"] = new["status"]
            else:
                kept.pop("status", None)
            return kept
        meta = new["metadata"]
        resets_owners = meta.get("managedFields") == [{}]
        for name in _KEPT_METADATA:
            if name == "managedFields" and resets_owners:
                continue
            if name in old["metadata"]:
                meta[name] = old["metadata"][name]
            else:
                meta.pop(name, None)
        if "status" in kind.subresources:
            if "status" in old:
                new["status"] = old["status"]
            else:
                new.pop("status", None)
        if kind.key == "namespaces" and subresource != "finalize":
            new.setdefault("spec", {})["finalizers"] = old.get("spec", {}).get("finalizers", [])
        return new

    def apply(
        self,
        kind: str,
        namespace: str,
        name: str,
        wanted: Object,
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Server-side apply. Returns the object, and whether it was created.

        Raises:
            Conflict: others own fields that would change, and ``force`` is off.
            NotFound, Invalid, Forbidden.
        """
        described = kind_of(kind)
        old = self.store.find(kind, namespace, name)
        applied = ownership.apply(
            described, old, wanted, manager=manager, force=force, subresource=subresource
        )
        if old is None:
            return self._create_applied(described, applied, dry_run=dry_run), True
        new = applied.object
        new["metadata"]["resourceVersion"] = wanted["metadata"].get("resourceVersion", "")
        found = self.replace(kind, old, clone(new), subresource=subresource, dry_run=dry_run, applied=applied)
        return found, False

    def _create_applied(self, kind: Kind, applied: ownership.Applied, *, dry_run: bool) -> Object:
        if applied.object["metadata"].get("uid"):
            raise errors.Conflict(
                "uid mismatch: the provided object specified uid "
                f"{applied.object['metadata']['uid']}, and no existing object was found"
            )
        new = self._prepared(kind, applied.object)
        ownership.write_owners(new, applied)
        return self._store_new(kind, new, manager="", dry_run=dry_run)

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
        dry_run: bool = False,
    ) -> Object:
        """Delete; see ``Store.delete``.

        Raises:
            NotFound, Conflict (a precondition failed), Forbidden (a namespace the cluster needs).
        """
        if kind == "namespaces" and name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            raise errors.forbidden("namespaces", name, "this namespace may not be deleted")
        if dry_run:
            old = self.store.get(kind, namespace, name)
            return self.store.marked_for_deletion(
                kind, old, grace_seconds=grace_seconds, propagation=propagation
            )
        return self.store.delete(
            kind,
            namespace,
            name,
            grace_seconds=grace_seconds,
            propagation=propagation,
            expect_uid=expect_uid,
            expect_version=expect_version,
        )


def _drop_empty(meta: Object) -> None:
    """What the API leaves out of metadata when there is nothing in it."""
    for name in ("annotations", "finalizers", "labels", "ownerReferences"):
        if name in meta and not meta[name]:
            del meta[name]

"""Namespaces: the ones that are always there, their service accounts, and emptying those that are deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from k8s.local.controllers.loop import Controller, key_of
from k8s.local.errors import ApiError
from k8s.local.kinds import STORED
from k8s.local.store import Change, Key, Object, Store, timestamp

ALWAYS: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
MANAGER: Final = "kube-controller-manager"
FINALIZER: Final = "kubernetes"
_NAMESPACED: Final = tuple(key for key, kind in STORED.items() if kind.namespaced)
#: Removed without ado, after everything that might still write some.
_LAST: Final = "events"


class NamespaceController(Controller):
    """Completes new namespaces, and empties and removes terminating ones."""

    watches = ("namespaces", "serviceaccounts", *(kind for kind in _NAMESPACED if kind != "serviceaccounts"))

    def __init__(self, store: Store) -> None:
        super().__init__(store)

    def initial(self) -> Iterable[Key]:
        for name in ALWAYS:
            if self.store.find("namespaces", "", name) is None:
                labels = {"kubernetes.io/metadata.name": name}
                made = {
                    "metadata": {"name": name, "labels": labels},
                    "spec": {"finalizers": [FINALIZER]},
                    "status": {"phase": "Active"},
                }
                self.store.create("namespaces", made)
        return [key_of("namespaces", namespace) for namespace in self.store.list("namespaces")]

    def concerns(self, change: Change) -> Iterable[Key]:
        kind, namespace, _ = change.key
        if kind == "namespaces":
            return [change.key]
        if change.type != "DELETED":
            return []
        home = self.store.find("namespaces", "", namespace)
        leaving = home is not None and "deletionTimestamp" in home["metadata"]
        return [("namespaces", "", namespace)] if leaving or kind == "serviceaccounts" else []

    def reconcile(self, key: Key) -> float | None:
        namespace = self.store.find(*key)
        if namespace is None:
            return None
        if "deletionTimestamp" in namespace["metadata"]:
            return self._empty(namespace)
        name = namespace["metadata"]["name"]
        if self.store.find("serviceaccounts", name, "default") is None:
            account = {"metadata": {"name": "default", "namespace": name}}
            self.store.create("serviceaccounts", account, manager=MANAGER)
        return None

    def _empty(self, namespace: Object) -> float | None:
        name = namespace["metadata"]["name"]
        left: dict[str, int] = {}
        finalizers: dict[str, int] = {}
        for kind in _NAMESPACED:
            if kind == _LAST:
                continue
            for obj in self.store.list(kind, name):
                if "deletionTimestamp" not in obj["metadata"]:
                    self._delete(kind, obj)
            for obj in self.store.list(kind, name):
                left[kind] = left.get(kind, 0) + 1
                for finalizer in obj["metadata"].get("finalizers") or ():
                    finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
        if left:
            self._tell(name, left, finalizers)
            return 5.0  # what is left tells us when it goes; this is for what does not
        for event in self.store.list(_LAST, name):
            self.store.remove(_LAST, name, event["metadata"]["name"])
        self._finish(name)
        return None

    def _delete(self, kind: str, obj: Object) -> None:
        try:
            self.store.delete(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
        except ApiError:
            return

    def _tell(self, name: str, left: dict[str, int], finalizers: dict[str, int]) -> None:
        remaining = ", ".join(
            f"{_resource(kind)} has {count} resource instances" for kind, count in sorted(left.items())
        )
        blocking = ", ".join(
            f"{one} in {count} resource instances" for one, count in sorted(finalizers.items())
        )
        rows = (
            (
                "NamespaceDeletionDiscoveryFailure",
                False,
                "ResourcesDiscovered",
                "All resources successfully discovered",
            ),
            (
                "NamespaceDeletionGroupVersionParsingFailure",
                False,
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            (
                "NamespaceDeletionContentFailure",
                False,
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            ),
            (
                "NamespaceContentRemaining",
                True,
                "SomeResourcesRemain",
                f"Some resources are remaining: {remaining}",
            ),
            (
                "NamespaceFinalizersRemaining",
                bool(blocking),
                "SomeFinalizersRemain" if blocking else "ContentHasNoFinalizers",
                f"Some content in the namespace has finalizers remaining: {blocking}"
                if blocking
                else "All content-preserving finalizers finished",
            ),
        )

        def change(namespace: Object) -> None:
            old = {entry["type"]: entry for entry in namespace["status"].get("conditions") or ()}
            namespace["status"]["conditions"] = [
                _condition(kind, holds, reason, told, old.get(kind)) for kind, holds, reason, told in rows
            ]

        self.store.update("namespaces", "", name, change, manager=MANAGER, subresource="status")

    def _finish(self, name: str) -> None:
        def change(namespace: Object) -> None:
            kept = [one for one in namespace["spec"].get("finalizers") or () if one != FINALIZER]
            namespace["spec"]["finalizers"] = kept

        self.store.update("namespaces", "", name, change, manager=MANAGER, subresource="finalize")


def _resource(kind: str) -> str:
    described = STORED[kind]
    return f"{described.plural}.{described.group}"


def _condition(kind: str, holds: bool, reason: str, told: str, old: Object | None) -> Object:
    status = "True" if holds else "False"
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else timestamp()
    return {"type": kind, "status": status, "reason": reason, "message": told, "lastTransitionTime": since}

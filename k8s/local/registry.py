"""Writes with the rules of the API: defaulting, validation and admission in front of the store.

The server and the controllers both write through here, so that an object made by
a controller is as complete as one made by kubectl.
"""

from __future__ import annotations

from k8s.local.kinds import kind_of
from k8s.local.store import Object, Store


class Registry:
    """The store with the API's rules."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, kind: str, obj: Object, *, manager: str = "", dry_run: bool = False) -> Object:
        """Default, validate, admit and store a new object.

        Raises:
            Invalid, Forbidden, AlreadyExists.
        """
        if dry_run:
            return self.store.prepared(kind, obj)
        return self.store.create(kind, obj, manager=manager)

    def delete(self, kind: str, namespace: str, name: str, **options: object) -> Object:
        """Delete; ``options`` as of ``Store.delete``."""
        kind_of(kind)
        return self.store.delete(kind, namespace, name, **options)  # type: ignore[arg-type]

"""ResourceQuotas: their status tells what is allowed and what is used."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from k8s.local.controllers.loop import Controller, key_of
from k8s.local.store import Change, Key, Object, Store
from k8s.local.usage import COUNTED, Usage, charge, scopes_of, spell

KIND: Final = "resourcequotas"
MANAGER: Final = "kube-controller-manager"


class QuotaController(Controller):
    """Writes the status of each quota when something comes, goes or grows in its namespace."""

    watches = COUNTED

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._usage = Usage(store)

    def initial(self) -> Iterable[Key]:
        return [key_of(KIND, quota) for quota in self.store.list(KIND)]

    def concerns(self, change: Change) -> Iterable[Key]:
        kind, namespace, _ = change.key
        quotas = [key_of(KIND, quota) for quota in self.store.list(KIND, namespace)]
        if kind == KIND or not quotas or change.previous is None or change.type == "DELETED":
            return quotas
        return quotas if charge(kind, change.previous) != charge(kind, change.object) else []

    def reconcile(self, key: Key) -> float | None:
        quota = self.store.find(*key)
        if quota is None:
            return None
        hard = quota.get("spec", {}).get("hard", {})
        used = self._usage.of(key[1], scopes_of(quota))
        status = {
            "hard": dict(hard),
            "used": {name: spell(name, used.get(name, Decimal(0))) for name in sorted(hard)},
        }

        def change(new: Object) -> None:
            new["status"] = status

        self.store.update(*key, change, manager=MANAGER, subresource="status")
        return None

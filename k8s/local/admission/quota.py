"""ResourceQuotas: what a namespace may hold and ask for in all.

Source of the texts: Kubernetes 1.36, plugin ResourceQuota.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from k8s.local import errors
from k8s.local.amounts import amount
from k8s.local.kinds import Kind
from k8s.local.store import Object, Store
from k8s.local.usage import Usage, charge, in_scope, scopes_of, spell

#: Where a quota limits one of these, every container has to state it.
_MUST_BE_STATED: Final = (
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
)


class Quotas:
    """Refuses what would exceed a ResourceQuota of its namespace."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usage = Usage(store)

    def check(self, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse a write that uses more than is left.

        Usage is counted from the objects themselves, so that writes that follow each other
        quickly cannot both take the last of something.

        Raises:
            Forbidden.
        """
        if not kind.namespaced or kind.key == "events":
            return
        for quota in self._store.list("resourcequotas", new["metadata"]["namespace"]):
            if in_scope(scopes_of(quota), kind.key, new):
                why = self._against(quota, kind, new, old)
                if why:
                    raise errors.forbidden(kind.plural, new["metadata"]["name"], why, group=kind.group)

    def _against(self, quota: Object, kind: Kind, new: Object, old: Object | None) -> str:
        name = quota["metadata"]["name"]
        hard: dict[str, str] = quota.get("spec", {}).get("hard", {})
        if kind.key == "pods" and old is None:
            unstated = _unstated(hard, new)
            if unstated:
                return f"failed quota: {name}: must specify {unstated}"
        before = charge(kind.key, old) if old is not None else {}
        more = {key: value - before.get(key, Decimal(0)) for key, value in charge(kind.key, new).items()}
        used = self._usage.of(new["metadata"]["namespace"], scopes_of(quota))
        over = sorted(
            key
            for key, value in more.items()
            if key in hard and value > 0 and used.get(key, Decimal(0)) + value > amount(hard[key])
        )
        if not over:
            return ""
        return (
            f"exceeded quota: {name}, requested: {_listed(over, more)}, used: {_listed(over, used)}, "
            f"limited: {','.join(f'{key}={hard[key]}' for key in over)}"
        )


def _listed(names: Iterable[str], amounts: Mapping[str, Decimal]) -> str:
    return ",".join(f"{name}={spell(name, amounts.get(name, Decimal(0)))}" for name in names)


def _unstated(hard: Mapping[str, str], pod: Object) -> str:
    """Which containers leave out what the quota limits: "limits.cpu for: a,b; requests.cpu for: a"."""
    missing: dict[str, list[str]] = {}
    for container in (*pod["spec"].get("containers", ()), *pod["spec"].get("initContainers", ())):
        resources = container.get("resources", {})
        for wanted in _MUST_BE_STATED:
            part, _, resource = wanted.rpartition(".")
            if wanted in hard and resource not in resources.get(part or "requests", {}):
                missing.setdefault(wanted, []).append(container["name"])
    return "; ".join(f"{wanted} for: {','.join(sorted(names))}" for wanted, names in missing.items())

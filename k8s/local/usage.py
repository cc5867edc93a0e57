"""How much of what a quota can limit is used, per namespace, true after every change."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from k8s.local.amounts import amount, canonical
from k8s.local.changes import Change
from k8s.local.defaults import qos_class
from k8s.local.kinds import STORED
from k8s.local.store import Object, Store

Amounts = dict[str, Decimal]
Scopes = frozenset[str]
#: Objects that a quota may name without "count/".
_PLAIN_COUNTS: Final = (
    "configmaps",
    "persistentvolumeclaims",
    "resourcequotas",
    "secrets",
    "services",
)
#: Resources of a pod that may be limited by their own name, and with "requests." and "limits." before it.
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_BINARY_NAMES: Final = ("memory", "storage", "hugepages")
COUNTED: Final = tuple(key for key, kind in STORED.items() if kind.namespaced and key != "events")
_NOTHING: Final = Decimal(0)


def pod_total(spec: Mapping[str, Any], part: str) -> Amounts:
    """What a pod asks for: the sum of its containers, or its greediest init container if that is more.

    Args:
        part: "requests" or "limits".
    """
    totals: Amounts = {}
    for container in spec.get("containers", ()):
        for name, value in container.get("resources", {}).get(part, {}).items():
            totals[name] = totals.get(name, _NOTHING) + amount(value)
    for container in spec.get("initContainers", ()):
        for name, value in container.get("resources", {}).get(part, {}).items():
            totals[name] = max(totals.get(name, _NOTHING), amount(value))
    return totals


def charge(kind: str, obj: Object) -> Amounts:
    """What one object of a kind (by kind string) counts for, by the names that a quota uses."""
    found = {f"count/{kind}": Decimal(1)}
    if kind in _PLAIN_COUNTS:
        found[kind] = Decimal(1)
    if kind == "pods":
        found |= _pod(obj)
    elif kind == "services":
        found |= _service(obj)
    elif kind == "persistentvolumeclaims":
        asked = obj.get("spec", {}).get("resources", {}).get("requests", {}).get("storage", "0")
        found["requests.storage"] = amount(asked)
    return found


def _pod(pod: Object) -> Amounts:
    # What has ended uses nothing any more; only "count/pods" still counts it.
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    found = {"pods": Decimal(1)}
    for name, value in pod_total(pod["spec"], "requests").items():
        found[f"requests.{name}"] = value
        if name in _COMPUTE or name.startswith("hugepages-"):
            found[name] = value
    for name, value in pod_total(pod["spec"], "limits").items():
        if name in _COMPUTE:
            found[f"limits.{name}"] = value
    return found


def _service(service: Object) -> Amounts:
    spec = service.get("spec", {})
    ports = len(spec.get("ports", ()))
    found: Amounts = {}
    if spec.get("type") == "LoadBalancer":
        found["services.loadbalancers"] = Decimal(1)
    if spec.get("type") in ("LoadBalancer", "NodePort"):
        found["services.nodeports"] = Decimal(ports)
    return found


def scopes_of(quota: Object) -> Scopes:
    """The scopes of a ResourceQuota; those of its selector that need no values among them."""
    spec = quota.get("spec", {})
    selected = spec.get("scopeSelector", {}).get("matchExpressions", ())
    return frozenset(
        [
            *spec.get("scopes", ()),
            *(each["scopeName"] for each in selected if each.get("operator") == "Exists"),
        ]
    )


def in_scope(scopes: Scopes, kind: str, obj: Object) -> bool:
    """Whether a quota with these scopes is about the object."""
    if not scopes:
        return True
    if kind != "pods":
        return False
    best_effort = qos_class(obj["spec"]) == "BestEffort"
    ends = obj["spec"].get("activeDeadlineSeconds") is not None
    holds = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": ends,
        "NotTerminating": not ends,
        "PriorityClass": bool(obj["spec"].get("priorityClassName")),
    }
    return all(holds.get(scope, True) for scope in scopes)


def spell(resource: str, value: Decimal) -> str:
    """An amount as a quota's status shows it: memory in powers of two where it is whole, the rest decimal."""
    if any(part in resource for part in _BINARY_NAMES) and value and value % 1024 == 0:
        return canonical(f"{value / 1024:f}Ki")
    return canonical(f"{value:f}")


class Usage:
    """Totals by namespace and scopes, counted once and then adjusted by every change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._totals: dict[str, dict[Scopes, Amounts]] = {}
        store.listeners.append(self._changed)

    def of(self, namespace: str, scopes: Scopes = frozenset()) -> Mapping[str, Decimal]:
        """What is used in a namespace by everything in these scopes; what is not used may be missing."""
        known = self._totals.setdefault(namespace, {})
        if scopes not in known:
            totals: Amounts = {}
            for kind in COUNTED:
                for obj in self._store.list(kind, namespace):
                    _adjust(totals, scopes, kind, obj, 1)
            known[scopes] = totals
        return known[scopes]

    def _changed(self, change: Change) -> None:
        kind, namespace, _ = change.key
        if kind == "namespaces" and change.type == "DELETED":
            self._totals.pop(change.key[2], None)
        for scopes, totals in self._totals.get(namespace, {}).items() if kind in STORED else ():
            if change.previous is not None:
                _adjust(totals, scopes, kind, change.previous, -1)
            if change.type != "DELETED":
                _adjust(totals, scopes, kind, change.object, 1)


def _adjust(totals: Amounts, scopes: Scopes, kind: str, obj: Object, sign: int) -> None:
    if not in_scope(scopes, kind, obj):
        return
    for name, value in charge(kind, obj).items():
        totals[name] = totals.get(name, _NOTHING) + sign * value

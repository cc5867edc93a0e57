"""Rules for ResourceQuotas and LimitRanges."""

from __future__ import annotations

from typing import Any, Final

from k8s.local.amounts import amount
from k8s.local.errors import Cause
from k8s.local.store import Object
from k8s.local.validation import causes as say

_COUNTS: Final = (
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
)
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_STANDARD: Final = frozenset(
    [
        *_COUNTS,
        *_COMPUTE,
        *(f"{part}.{name}" for part in ("requests", "limits") for name in _COMPUTE),
        "requests.storage",
    ]
)
#: (what, compared with, as the texts call the two): the first must not be greater than the second.
_ORDER: Final = (
    ("min", "max", "min", "max"),
    ("defaultRequest", "max", "default request", "max"),
    ("default", "max", "default", "max"),
    ("min", "defaultRequest", "min", "default request"),
    ("min", "default", "min", "default"),
    ("defaultRequest", "default", "default request", "default limit"),
)


def resource_quota(obj: Object) -> list[Cause]:
    """A ResourceQuota: names of resources that a quota can limit, and amounts that are none below zero."""
    found: list[Cause] = []
    for name, value in obj.get("spec", {}).get("hard", {}).items():
        field = f"spec.hard[{name}]"
        if "/" not in name and name not in _STANDARD and "hugepages-" not in name:
            found.append(say.invalid(field, name, "must be a standard resource for quota"))
        if amount(value) < 0:
            found.append(say.invalid(field, value, "must be greater than or equal to 0"))
        if (name in _COUNTS or name.startswith("count/")) and amount(value) % 1:
            found.append(say.invalid(field, value, "must be an integer"))
    return found


def limit_range(obj: Object) -> list[Cause]:
    """A LimitRange: one item of a type, whose bounds do not contradict each other."""
    found: list[Cause] = []
    seen: set[str] = set()
    for index, item in enumerate(obj.get("spec", {}).get("limits", ())):
        at = f"spec.limits[{index}]"
        kind = item.get("type", "")
        if kind in seen:
            found.append(say.duplicate(f"{at}.type", kind))
        seen.add(kind)
        if kind == "Pod":
            found += [
                say.forbidden(f"{at}.{name}", "may not be specified when `type` is 'Pod'")
                for name in ("default", "defaultRequest")
                if item.get(name)
            ]
        found += _in_order(item, at)
    return found


def _in_order(item: dict[str, Any], at: str) -> list[Cause]:
    found = []
    for low, high, low_name, high_name in _ORDER:
        for name, value in sorted(item.get(low, {}).items()):
            bound = item.get(high, {}).get(name)
            if bound is not None and amount(value) > amount(bound):
                why = f"{low_name} value {value} is greater than {high_name} value {bound}"
                found.append(say.invalid(f"{at}.{low}[{name}]", value, why))
    return found

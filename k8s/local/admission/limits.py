"""LimitRanges: default requests and limits of containers, and the least and most that may be asked for.

Source of the texts: Kubernetes 1.36, plugin LimitRanger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from k8s.local import errors
from k8s.local.amounts import amount
from k8s.local.kinds import Kind
from k8s.local.store import Object, Store
from k8s.local.usage import pod_total

ANNOTATION: Final = "kubernetes.io/limit-ranger"
Quantities = Mapping[str, str]
#: (value, bound): whether the value is outside.
Wrong = Callable[[Decimal, Decimal], bool]


class Limits:
    """The rules of every LimitRange of a namespace, for pods and volume claims that are made in it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _items(self, namespace: str, item_type: str) -> list[dict[str, Any]]:
        return [
            item
            for limit_range in self._store.list("limitranges", namespace)
            for item in limit_range.get("spec", {}).get("limits", ())
            if item.get("type") == item_type
        ]

    def fill_in(self, kind: Kind, new: Object, old: Object | None) -> None:
        """Give the containers of a new pod the requests and limits that they leave out."""
        if old is not None or kind.key != "pods":
            return
        items = self._items(new["metadata"]["namespace"], "Container")
        requests = {k: v for item in items for k, v in item.get("defaultRequest", {}).items()}
        limits = {k: v for item in items for k, v in item.get("default", {}).items()}
        told: list[str] = []
        for group, noun in (("containers", "container"), ("initContainers", "init container")):
            for container in new["spec"].get(group, ()):
                told += _complete(container, requests, limits, noun)
        if told:
            annotations = new["metadata"].setdefault("annotations", {})
            annotations[ANNOTATION] = "LimitRanger plugin set: " + "; ".join(told)

    def check(self, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse a new pod or volume claim beyond what is allowed.

        Raises:
            Forbidden.
        """
        if old is not None or kind.key not in ("pods", "persistentvolumeclaims"):
            return
        namespace = new["metadata"]["namespace"]
        if not self._store.list("limitranges", namespace):
            return
        found = self._pod(namespace, new) if kind.key == "pods" else self._claim(namespace, new)
        if found:
            told = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
            raise errors.forbidden(kind.plural, new["metadata"]["name"], told)

    def _pod(self, namespace: str, pod: Object) -> list[str]:
        spec = pod["spec"]
        found: list[str] = []
        for item in self._items(namespace, "Container"):
            for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
                resources = container.get("resources", {})
                found += _outside(item, resources.get("requests", {}), resources.get("limits", {}))
        for item in self._items(namespace, "Pod"):
            totals = (
                {key: _spelled(value) for key, value in pod_total(spec, part).items()}
                for part in ("requests", "limits")
            )
            found += _outside(item, *totals)
        return list(dict.fromkeys(found))

    def _claim(self, namespace: str, claim: Object) -> list[str]:
        requests = claim.get("spec", {}).get("resources", {}).get("requests", {})
        found: list[str] = []
        for item in self._items(namespace, "PersistentVolumeClaim"):
            for bound, word, wrong in (("min", "minimum", _below), ("max", "maximum", _above)):
                for name, value in sorted(item.get(bound, {}).items()):
                    found += _one("PersistentVolumeClaim", word, name, value, "request", requests, wrong)
        return found


def _complete(container: Object, requests: Quantities, limits: Quantities, noun: str) -> list[str]:
    resources = container.setdefault("resources", {})
    told = []
    for part, defaults in (("requests", requests), ("limits", limits)):
        missing = sorted(name for name in defaults if name not in resources.get(part, {}))
        if missing:
            resources.setdefault(part, {}).update({name: defaults[name] for name in missing})
            told.append(f"{', '.join(missing)} {part.removesuffix('s')} for {noun} {container['name']}")
    return told


def _outside(item: dict[str, Any], requests: Quantities, limits: Quantities) -> Iterable[str]:
    """What one item of a LimitRange has against these requests and limits."""
    kind = item["type"]
    found: list[str] = []
    for name, value in sorted(item.get("min", {}).items()):
        if name not in requests:
            found.append(f"minimum {name} usage per {kind} is {value}.  No request is specified")
        else:
            found += _one(kind, "minimum", name, value, "request", requests, _below) or _one(
                kind, "minimum", name, value, "limit", limits, _below
            )
    for name, value in sorted(item.get("max", {}).items()):
        if name not in limits:
            found.append(f"maximum {name} usage per {kind} is {value}.  No limit is specified")
        else:
            found += _one(kind, "maximum", name, value, "limit", limits, _above) or _one(
                kind, "maximum", name, value, "request", requests, _above
            )
    for name, value in sorted(item.get("maxLimitRequestRatio", {}).items()):
        found += _ratio(kind, name, value, requests, limits)
    return found


def _above(value: Decimal, bound: Decimal) -> bool:
    return value > bound


def _below(value: Decimal, bound: Decimal) -> bool:
    return value < bound


def _one(
    kind: str, word: str, name: str, bound: str, noun: str, asked: Quantities, wrong: Wrong
) -> list[str]:
    if name in asked and wrong(amount(asked[name]), amount(bound)):
        return [f"{word} {name} usage per {kind} is {bound}, but {noun} is {asked[name]}"]
    return []


def _ratio(kind: str, name: str, value: str, requests: Quantities, limits: Quantities) -> list[str]:
    said = f"{name} max limit to request ratio per {kind} is {value}, but "
    for noun, asked in (("request", requests), ("limit", limits)):
        if not amount(asked.get(name, "0")):
            return [f"{said}no {noun} is specified or {noun} is 0"]
    ratio = amount(limits[name]) / amount(requests[name])
    return [f"{said}provided ratio is {ratio:.6f}"] if ratio > amount(value) else []


def _spelled(value: Decimal) -> str:
    return f"{value:f}"

"""The types of objects as a tree to walk: which lists merge by which keys, which maps are atomic, and so on.

Strategic merge, server-side apply and decoding all read this one table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

NodeType = Literal["struct", "map", "list", "scalar", "any"]
ListType = Literal["atomic", "set", "map"]

_REF: Final = "#/components/schemas/"
_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
_SPECIAL: Final = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    _META + "Time": "time",
    _META + "MicroTime": "time",
}
_GO_TYPES: Final = {"string": "string", "boolean": "bool", "number": "float64", "integer": "int64"}


@dataclass
class Node:
    """One type. ``fields`` of a struct, ``items`` of a map or list; ``go_type`` as error messages name it."""

    type: NodeType
    go_type: str
    fields: dict[str, Node] = field(default_factory=dict)
    items: Node | None = None
    #: For scalars: string, integer, number, boolean, quantity, int-or-string, time.
    format: str = ""
    atomic: bool = False
    list_type: ListType = "atomic"
    keys: tuple[str, ...] = ()
    merge_key: str = ""
    merges: bool = False
    #: The API writes it even when it is empty, so it is never a field that somebody added.
    always_there: bool = False


ANY: Final = Node("any", "interface {}", atomic=True)

#: Values that list keys take when they are not written, from the API's own defaults.
KEY_DEFAULTS: Final[dict[str, Any]] = {"protocol": "TCP"}


@cache
def schemas() -> dict[str, Any]:
    """The schemas by their OpenAPI name."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("schemas.json").read_text())
    return loaded


@cache
def name_of(group: str, version: str, kind: str) -> str:
    """The OpenAPI name of a kind.

    Raises:
        KeyError: no schema for that kind.
    """
    for name, schema in schemas().items():
        for gvk in schema.get("x-kubernetes-group-version-kind", []):
            if (gvk["group"], gvk["version"], gvk["kind"]) == (group, version, kind):
                return name
    raise KeyError(f"{group}/{version} {kind}")


@cache
def node_for(group: str, version: str, kind: str) -> Node:
    """The type of a kind's objects."""
    return _named(name_of(group, version, kind))


@cache
def _named(name: str) -> Node:
    short = name.rsplit(".", 1)[-1]
    if name in _SPECIAL:
        return Node("scalar", short, format=_SPECIAL[name])
    schema = schemas()[name]
    if "properties" not in schema:
        # FieldsV1, RawExtension: whatever JSON object.
        return ANY
    node = Node("struct", short, atomic=schema.get("x-kubernetes-map-type") == "atomic")
    for key, value in schema["properties"].items():
        node.fields[key] = _of(value)
        if node.fields[key].type == "list" and key in schema.get("required", ()):
            node.fields[key].always_there = True
    return node


def _of(schema: dict[str, Any]) -> Node:
    reference = schema.get("$ref")
    if reference is not None:
        target = _named(reference.removeprefix(_REF))
        if schema.get("x-kubernetes-map-type") == "atomic" and not target.atomic:
            return Node("struct", target.go_type, fields=target.fields, atomic=True)
        return target
    kind = schema.get("type")
    if kind == "array":
        return _list(schema)
    if kind == "object":
        if not isinstance(schema.get("additionalProperties"), dict):
            return ANY
        items = _of(schema["additionalProperties"])
        atomic = schema.get("x-kubernetes-map-type") == "atomic"
        return Node("map", f"map[string]{items.go_type}", items=items, atomic=atomic)
    if kind in _GO_TYPES:
        return _scalar(kind, schema.get("format", ""))
    return ANY


def _scalar(kind: str, detail: str) -> Node:
    go_type = detail if detail in ("int32", "int64") else _GO_TYPES[kind]
    if kind == "string" and detail == "byte":
        return Node("scalar", "[]uint8", format="bytes")
    return Node("scalar", go_type, format=kind)


def _list(schema: dict[str, Any]) -> Node:
    items = _of(schema["items"])
    strategy = schema.get("x-kubernetes-patch-strategy", "").split(",")
    list_type: ListType = schema.get("x-kubernetes-list-type", "atomic")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    merge_key = schema.get("x-kubernetes-patch-merge-key", "")
    if "merge" in strategy and "x-kubernetes-list-type" not in schema:
        # As the API server itself does for lists that have no list type of their own.
        list_type, keys = ("map", (merge_key,)) if merge_key else ("set", ())
    prefix = "v1." if items.type == "struct" else ""
    return Node(
        "list",
        f"[]{prefix}{items.go_type}",
        items=items,
        atomic=list_type == "atomic",
        list_type=list_type,
        keys=keys,
        merge_key=merge_key,
        merges="merge" in strategy,
    )

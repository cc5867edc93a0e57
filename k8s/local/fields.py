"""Sets of fields, as server-side apply thinks of them, and their FieldsV1 form in metadata.managedFields.

A field is a path: a tuple of elements as FieldsV1 writes them, for instance
``("f:spec", "f:containers", 'k:{"name":"c"}', "f:image")``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from k8s.local.openapi.schemas import KEY_DEFAULTS, Node

Path = tuple[str, ...]
Paths = set[Path]

#: Fields that nobody owns: the server itself writes them, or they name the object.
_NOT_OWNED: Final = frozenset(
    ("f:metadata", f"f:{name}")
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "resourceVersion",
        "managedFields",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    )
)


def item_element(node: Node, item: Any) -> str:
    """The path element of an item of a set or of a list with keys."""
    if node.list_type == "set":
        return "v:" + _json(item)
    keys = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in sorted(node.keys)}
    return "k:" + _json({key: value for key, value in keys.items() if value is not None})


def paths_of(node: Node, obj: dict[str, Any], *, containers: bool = False) -> Paths:
    """Every field that an object sets.

    With ``containers``, maps and lists count as fields of their own beside what
    is in them, as they do for an update; for an apply they do not.
    """
    found: Paths = set()
    _collect(node, obj, (), found, containers)
    return {path for path in found if _ownable(path)}


def changed_paths(node: Node, old: dict[str, Any], new: dict[str, Any]) -> tuple[Paths, Paths]:
    """The fields that were added or got another value, and the fields that are gone."""
    changed: Paths = set()
    removed: Paths = set()
    _compare(node, old, new, (), changed, removed)
    return {p for p in changed if _ownable(p)}, {p for p in removed if _ownable(p)}


def to_fields_v1(paths: Iterable[Path]) -> dict[str, Any]:
    """The FieldsV1 tree of a set of fields."""
    tree: dict[str, Any] = {}
    members = set(paths)
    for path in sorted(members):
        node = tree
        for depth, element in enumerate(path):
            parent = node
            node = parent.setdefault(element, {})
            # A field with fields beneath it says "." for itself.
            if not node and depth < len(path) - 1 and path[: depth + 1] in members:
                node["."] = {}
    return tree


def from_fields_v1(tree: dict[str, Any]) -> Paths:
    """The set of fields of a FieldsV1 tree."""
    found: Paths = set()
    _walk_v1(tree, (), found)
    return found


def is_item_key(path: Path) -> bool:
    """Whether a field is one of those that tell the items of a list apart."""
    if len(path) < 2 or path[-2][:2] != "k:":
        return False
    return path[-1][2:] in json.loads(path[-2][2:])


def describe(path: Path) -> str:
    """A field as conflict messages write it: ``.spec.containers[name="c"].image``."""
    return "".join(_describe_element(element) for element in path)


def _describe_element(element: str) -> str:
    kind, rest = element[:2], element[2:]
    if kind == "f:":
        return f".{rest}"
    if kind == "k:":
        keys = json.loads(rest)
        return "[" + ",".join(f"{key}={_json(value)}" for key, value in keys.items()) + "]"
    return f"[={rest}]" if kind == "v:" else f"[{rest}]"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _ownable(path: Path) -> bool:
    return path[:2] not in _NOT_OWNED and path not in (("f:apiVersion",), ("f:kind",), ("f:metadata",))


def _walk_v1(tree: dict[str, Any], at: Path, found: Paths) -> None:
    for element, below in tree.items():
        if element == ".":
            found.add(at)
        elif not below:
            found.add((*at, element))
        else:
            _walk_v1(below, (*at, element), found)


def children(node: Node, value: Any) -> list[tuple[str, Node, Any]]:
    """(path element, type, value) of what is inside a value; nothing for what is whole."""
    if node.atomic or node.type in ("scalar", "any"):
        return []
    if node.type == "struct" and isinstance(value, dict):
        return [(f"f:{key}", node.fields[key], item) for key, item in value.items() if key in node.fields]
    if node.items is None:
        return []
    items = node.items
    if node.type == "map" and isinstance(value, dict):
        return [(f"f:{key}", items, item) for key, item in value.items()]
    if node.type == "list" and isinstance(value, list):
        return [(item_element(node, item), items, item) for item in value]
    return []


def _collect(node: Node, value: Any, at: Path, found: Paths, containers: bool) -> None:
    inside = children(node, value)
    counts = containers and node.type in ("map", "list") and not node.always_there
    if at and (not inside or at[-1][:2] == "k:" or counts):
        found.add(at)
    for element, kind, item in inside:
        _collect(kind, item, (*at, element), found, containers)


def _compare(node: Node, old: Any, new: Any, at: Path, changed: Paths, removed: Paths) -> None:
    if old == new:
        return
    before = {element: (kind, item) for element, kind, item in children(node, old)}
    after = {element: (kind, item) for element, kind, item in children(node, new)}
    if at and not before and not after:
        changed.add(at)
        return
    for element, (kind, item) in after.items():
        path = (*at, element)
        if element in before:
            _compare(kind, before[element][1], item, path, changed, removed)
        else:
            _collect(kind, item, path, changed, containers=True)
    for element, (kind, item) in before.items():
        if element not in after:
            _collect(kind, item, (*at, element), removed, containers=True)

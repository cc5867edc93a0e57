"""The three patch types that are not an apply: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from typing import Any, Final

from k8s.local import errors
from k8s.local.openapi.schemas import ANY, Node
from k8s.local.store import clone

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"

_MISSING: Final = object()


def json_patch(obj: Any, operations: Any) -> Any:
    """RFC 6902. A new value; ``obj`` is left alone.

    Raises:
        BadPatch: an operation does not fit the object.
    """
    if not isinstance(operations, list):
        raise errors.BadRequest("error decoding patch: json: cannot unmarshal object into Go value")
    found = clone(obj)
    for operation in operations:
        try:
            found = _operate(found, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise errors.BadPatch from error
    return found


def _operate(obj: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _set(obj, path, clone(operation["value"]), replace=False)
        case "replace":
            _get(obj, path)
            return _set(obj, path, clone(operation["value"]), replace=True)
        case "remove":
            _pop(obj, path)
            return obj
        case "move":
            return _set(obj, path, _pop(obj, _pointer(operation["from"])), replace=False)
        case "copy":
            return _set(obj, path, clone(_get(obj, _pointer(operation["from"]))), replace=False)
        case "test":
            if _get(obj, path) != operation["value"]:
                raise errors.BadPatch(f"testing value {operation['path']} failed: test failed")
            return obj
        case unknown:
            raise ValueError(unknown)


def _pointer(text: str) -> list[str]:
    if text == "":
        return []
    if not text.startswith("/"):
        raise ValueError(text)
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _step(value: Any, part: str) -> Any:
    if isinstance(value, list):
        return value[_index(value, part)]
    return value[part]


def _index(value: list[Any], part: str, *, end: int = 0) -> int:
    index = int(part)
    if not 0 <= index < len(value) + end:
        raise IndexError(part)
    return index


def _get(obj: Any, path: list[str]) -> Any:
    for part in path:
        obj = _step(obj, part)
    return obj


def _set(obj: Any, path: list[str], value: Any, *, replace: bool) -> Any:
    if not path:
        return value
    parent = _get(obj, path[:-1])
    last = path[-1]
    if not isinstance(parent, list):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif replace:
        parent[_index(parent, last)] = value
    else:
        parent.insert(_index(parent, last, end=1), value)
    return obj


def _pop(obj: Any, path: list[str]) -> Any:
    parent = _get(obj, path[:-1])
    if isinstance(parent, list):
        return parent.pop(_index(parent, path[-1]))
    return parent.pop(path[-1])


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    merged = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), item)
    return merged


def strategic_merge_patch(node: Node, value: Any, patch: dict[str, Any]) -> Any:
    """Kubernetes' own merge patch: lists with a merge key merge by it, and ``$`` directives are obeyed.

    Raises:
        BadPatch, BadRequest: a directive or an item makes no sense.
    """
    return _merge_struct(node, value if isinstance(value, dict) else {}, patch)


def _merge_struct(node: Node, value: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return clone({key: item for key, item in patch.items() if key != "$patch"})
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise errors.BadRequest(f"unknown patch type: {directive}")
    retained = patch.get("$retainKeys")
    merged = {key: item for key, item in value.items() if retained is None or key in retained}
    for key, item in patch.items():
        if not key.startswith("$"):
            _merge_field(_inner(node, key), merged, key, item, patch)
    _obey_list_directives(node, merged, patch)
    return merged


def _obey_list_directives(node: Node, merged: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, item in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            if name in merged:
                merged[name] = [entry for entry in merged[name] if entry not in item]
        elif key.startswith("$setElementOrder/"):
            name = key.partition("/")[2]
            if name in merged and name not in patch:
                merged[name] = _ordered(_inner(node, name), merged[name], item)


def _inner(node: Node, key: str) -> Node:
    if node.type == "struct":
        return node.fields.get(key, ANY)
    return node.items or ANY


def _merge_field(node: Node, merged: dict[str, Any], key: str, item: Any, patch: dict[str, Any]) -> None:
    if item is None:
        merged.pop(key, None)
        return
    current = merged.get(key)
    if isinstance(item, dict) and node.type in ("struct", "map"):
        # Strategic merge goes into structs that are atomic for an apply, too.
        merged[key] = _merge_struct(node, current if isinstance(current, dict) else {}, item)
    elif isinstance(item, dict):
        merged[key] = merge_patch(current, item)
    elif isinstance(item, list) and node.type == "list" and node.merges:
        found = _merge_list(node, current if isinstance(current, list) else [], item)
        order = patch.get(f"$setElementOrder/{key}")
        merged[key] = _ordered(node, found, order) if order is not None else found
    else:
        merged[key] = clone(item)


def _merge_list(node: Node, value: list[Any], patch: list[Any]) -> list[Any]:
    if not node.merge_key:
        return [*value, *(item for item in patch if item not in value)]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return clone([item for item in patch if item.get("$patch") != "replace"])
    merged = list(value)
    for item in patch:
        if not isinstance(item, dict) or node.merge_key not in item:
            raise errors.BadPatch(f"map: {item} does not contain declared merge key: {node.merge_key}")
        at = next((i for i, old in enumerate(merged) if _same(node, old, item)), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(_merge_struct(node.items or ANY, {}, item))
        else:
            merged[at] = _merge_struct(node.items or ANY, merged[at], item)
    return merged


def _same(node: Node, old: Any, new: dict[str, Any]) -> bool:
    return bool(old.get(node.merge_key, _MISSING) == new[node.merge_key])


def _ordered(node: Node, items: list[Any], order: list[Any]) -> list[Any]:
    """Items in the order that the patch asks for; items it does not name stay after their predecessor."""

    def mark(item: Any) -> Any:
        return item.get(node.merge_key) if node.merge_key and isinstance(item, dict) else item

    rank = {_hashable(mark(entry)): at for at, entry in enumerate(order)}
    named = sorted(
        (item for item in items if _hashable(mark(item)) in rank),
        key=lambda item: rank[_hashable(mark(item))],
    )
    queue = iter(named)
    return [next(queue) if _hashable(mark(item)) in rank else item for item in items]


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None.__class__) else repr(value)

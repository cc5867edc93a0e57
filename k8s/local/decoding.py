"""From a parsed body to an object of a kind: types checked, unknown fields found and dropped, nulls dropped.

Messages are those of the Go decoder, which people search the web for.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from k8s.local import amounts, errors
from k8s.local.openapi.schemas import Node

QUANTITY: Final = re.compile(r"[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
QUANTITY_ERROR: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class WrongType(Exception):
    """A value that the field cannot hold; the text is the Go decoder's."""


@dataclass
class Decoded:
    """An object with only known fields, and the paths of the fields that were not known."""

    object: dict[str, Any]
    unknown: list[str] = field(default_factory=list)


def decode(node: Node, value: dict[str, Any], *, kind: str, version: str) -> Decoded:
    """Decode a parsed body as a kind.

    Raises:
        BadRequest: a value of a wrong type, worded as the server words it.
    """
    unknown: list[str] = []
    try:
        found = _struct(node, value, "", "", unknown)
    except WrongType as error:
        raise errors.BadRequest(
            f'{kind} in version "{version}" cannot be handled as a {kind}: {error}'
        ) from error
    return Decoded(found, unknown)


def _value(node: Node, value: Any, path: str, go_path: str, owner: str, unknown: list[str]) -> Any:
    if node.type == "any":
        return value
    if node.type == "scalar":
        return _scalar(node, value, go_path, owner)
    if node.type == "list":
        if not isinstance(value, list):
            raise _mismatch(value, node, go_path, owner)
        return _list(node, value, path, go_path, owner, unknown)
    if not isinstance(value, dict):
        raise _mismatch(value, node, go_path, owner)
    if node.type == "map":
        assert node.items is not None  # noqa: S101 - a map always has a type of its values
        items = node.items
        empty = "" if items.type == "scalar" and items.format == "string" else None
        return {
            key: empty if item is None else _value(items, item, f"{path}.{key}", go_path, owner, unknown)
            for key, item in value.items()
        }
    return _struct(node, value, path, go_path, unknown)


def _list(node: Node, value: list[Any], path: str, go_path: str, owner: str, unknown: list[str]) -> list[Any]:
    assert node.items is not None  # noqa: S101 - a list always has a type of its items
    empty: Any = {} if node.items.type == "struct" else ""
    return [
        empty if item is None else _value(node.items, item, f"{path}[{at}]", go_path, owner, unknown)
        for at, item in enumerate(value)
    ]


def _struct(node: Node, value: dict[str, Any], path: str, go_path: str, unknown: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        here = f"{path}.{key}" if path else key
        known = node.fields.get(key)
        if known is None:
            unknown.append(here)
        elif item is not None:
            go_here = f"{go_path}.{key}" if go_path else key
            found[key] = _value(known, item, here, go_here, node.go_type, unknown)
    return found


def _scalar(node: Node, value: Any, go_path: str, owner: str) -> Any:
    accepted = {
        "string": isinstance(value, str),
        "bytes": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "int-or-string": isinstance(value, int | str) and not isinstance(value, bool),
    }
    if node.format == "quantity":
        return _quantity(value)
    if node.format == "time":
        return _time(value)
    if node.format == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not accepted[node.format]:
        raise _mismatch(value, node, go_path, owner)
    return value


def _quantity(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if not QUANTITY.fullmatch(text):
        raise WrongType(QUANTITY_ERROR)
    return amounts.canonical(text)


def _time(value: Any) -> str:
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise WrongType(
            f'parsing time {json.dumps(value)} as "2006-01-02T15:04:05Z07:00": cannot parse '
            f'{json.dumps(value)} as "2006"'
        )
    return value


def _mismatch(value: Any, node: Node, go_path: str, owner: str) -> WrongType:
    found = _json_type(value)
    if found == "number" and node.format in ("integer",):
        found = f"number {json.dumps(value)}"
    go_type = node.go_type
    if node.type == "struct":
        go_type = f"v1.{go_type}"
    return WrongType(
        f"json: cannot unmarshal {found} into Go struct field {owner}.{go_path} of type {go_type}"
    )


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"

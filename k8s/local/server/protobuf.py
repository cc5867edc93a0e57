"""Bodies that clients send as protobuf (kubectl does so for some commands), read into the same form as JSON.

The envelope is the four bytes ``k8s\\0`` and a runtime.Unknown. Field numbers come from
openapi/protobuf.json. Answers are always JSON, which these clients accept.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from k8s.local.kinds import BY_TYPE
from k8s.local.openapi import schemas

MAGIC: Final = b"k8s\x00"
_TABLE: Final = Path(schemas.__file__).with_name("protobuf.json")
_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Malformed(ValueError):
    """Not protobuf, or of a type that we do not know."""


def decode(raw: bytes, fallback_kind: str) -> dict[str, Any]:
    """The object in a protobuf body, as its JSON would be.

    Raises:
        Malformed: it cannot be read.
    """
    if not raw.startswith(MAGIC):
        raise Malformed("no Kubernetes protobuf envelope")
    try:
        envelope = dict(_fields(raw[len(MAGIC) :]))
        named = {number: bytes(value).decode() for number, value in _fields(envelope.get(1, b""))}
        api_version, kind = named.get(1, ""), named.get(2, "") or fallback_kind
        found = _message(_schema_name(api_version, kind), envelope.get(2, b""))
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise Malformed(str(error)) from error
    return {"kind": kind, "apiVersion": api_version, **found}


def _schema_name(api_version: str, kind: str) -> str:
    if kind in ("DeleteOptions",):
        return _META + kind
    if kind == "Scale":
        return "io.k8s.api.autoscaling.v1.Scale"
    group, _, version = api_version.rpartition("/")
    known = BY_TYPE.get((api_version, kind))
    if known is not None:
        return schemas.name_of(known.group, known.version, known.kind)
    package = group.removesuffix(".k8s.io") or "core"
    return f"io.k8s.api.{package}.{version}.{kind}"


@cache
def _messages() -> dict[str, dict[int, tuple[str, str, bool, bool]]]:
    loaded = json.loads(_TABLE.read_text())
    return {name: {int(n): tuple(field) for n, field in fields.items()} for name, fields in loaded.items()}


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(raw, at)
            yield tag >> 3, value - (1 << 64) if value >= 1 << 63 else value
        elif wire == _BYTES:
            length, at = _varint(raw, at)
            if at + length > len(raw):
                raise IndexError("a field ends beyond the message")
            yield tag >> 3, raw[at : at + length]
            at += length
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            yield tag >> 3, struct.unpack_from("<d" if size == 8 else "<f", raw, at)[0]
            at += size
        else:
            raise Malformed(f"wire type {wire}")


def _message(name: str, raw: bytes) -> dict[str, Any]:
    known = _messages().get(name)
    if known is None:
        raise Malformed(f"no message {name}")
    found: dict[str, Any] = {}
    for number, value in _fields(raw):
        if number not in known:
            continue
        key, code, repeated, pointer = known[number]
        if not key:
            # A struct that is inlined in JSON is a message of its own on the wire.
            found.update(_message(code, value))
        elif code.startswith("map:"):
            entry = dict(_fields(value))
            text = bytes(entry.get(1, b"")).decode()
            found.setdefault(key, {})[text] = _value(code[4:], entry.get(2, b""))
        elif repeated:
            found.setdefault(key, []).append(_value(code, value))
        else:
            item = _value(code, value)
            # Go writes every field that is no pointer; its JSON leaves the empty ones out, and so do we.
            if pointer or item not in ("", 0, False, None, {}):
                found[key] = item
    return found


def _value(code: str, value: Any) -> Any:
    special = _SPECIAL.get(code)
    if special is not None:
        return special(value)
    if code == "string":
        return bytes(value).decode()
    if code == "bool":
        return bool(value)
    if code == "bytes":
        return base64.b64encode(value).decode()
    if code == "list":
        return [bytes(item).decode() for _, item in _fields(value)]
    return value if code in ("int", "float") else _message(code, value)


def _time(value: bytes) -> str | None:
    parts = dict(_fields(value))
    if not parts.get(1):
        return None
    return datetime.fromtimestamp(parts[1], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: bytes) -> str | None:
    parts = dict(_fields(value))
    if not parts.get(1):
        return None
    moment = datetime.fromtimestamp(parts[1], UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{parts.get(2, 0) // 1000:06d}Z"


def _quantity(value: bytes) -> str:
    return bytes(dict(_fields(value)).get(1, b"0")).decode()


def _int_or_string(value: bytes) -> int | str:
    parts = dict(_fields(value))
    if parts.get(1):
        return bytes(parts.get(3, b"")).decode()
    return int(parts.get(2, 0))


def _raw_json(value: bytes) -> Any:
    return json.loads(dict(_fields(value)).get(1) or b"{}")


_SPECIAL: Final[dict[str, Callable[[bytes], Any]]] = {
    _META + "Time": _time,
    _META + "MicroTime": _micro_time,
    _META + "FieldsV1": _raw_json,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": _quantity,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _raw_json,
}

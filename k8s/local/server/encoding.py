"""Objects as JSON bytes, encoded once per version and shared by lists, watches and single reads."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec

from k8s.local.kinds import Kind
from k8s.local.server.views import to_view
from k8s.local.store import Object

#: Enough for every object of a cluster of 10,000 pods; what is older is encoded again when asked for.
KEPT_BYTES: Final = 64 * 1024 * 1024
_encode: Final = msgspec.json.Encoder().encode


def to_json(value: Any) -> bytes:
    """Any JSON value as bytes."""
    return _encode(value)


class Encoder:
    """A cache of encoded objects. A resource version names one state of one object, so it is the key."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._items: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._room = kept_bytes

    def item(self, kind: Kind, obj: Object) -> bytes:
        """The object as an item of a list: without kind and apiVersion."""
        key = (obj["metadata"].get("resourceVersion", ""), kind.group if kind.is_view else "")
        found = self._items.get(key)
        if found is None:
            found = _encode(_without_type(to_view(kind, obj)))
            if key[0]:
                self._keep(key, found)
        return found

    def _keep(self, key: tuple[str, str], item: bytes) -> None:
        self._items[key] = item
        self._room -= len(item)
        while self._room < 0:
            _, oldest = self._items.popitem(last=False)
            self._room += len(oldest)

    def whole(self, kind: Kind, obj: Object) -> bytes:
        """The object with kind and apiVersion."""
        return (
            f'{{"kind":"{kind.kind}","apiVersion":"{kind.api_version}",'.encode() + self.item(kind, obj)[1:]
        )

    def uncached(self, kind: Kind, obj: Object) -> bytes:
        """The object, for what is not stored: the outcome of a dry run has no version of its own."""
        return _encode(
            {"kind": kind.kind, "apiVersion": kind.api_version, **_without_type(to_view(kind, obj))}
        )


def _without_type(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}

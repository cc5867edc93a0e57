"""Objects as JSON bytes, encoded once per version and shared by lists, watches and single reads."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec

from k8s.local.kinds import Kind
from k8s.local.server.views import to_view
from k8s.local.store import Object

#: Room for every object of a cluster of 10,000 pods; what is older is encoded again when asked for.
KEPT_BYTES: Final = 128 * 1024 * 1024
_encode: Final = msgspec.json.Encoder().encode


def to_json(value: Any) -> bytes:
    """Any JSON value as bytes."""
    return _encode(value)


class Encoder:
    """A cache of encoded objects: of each the newest version that was asked for."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        #: Version and bytes, by the object's uid.
        self._items: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._room = kept_bytes

    def item(self, kind: Kind, obj: Object) -> bytes:
        """The object as an item of a list: without kind and apiVersion."""
        uid, version = obj["metadata"].get("uid", ""), int(obj["metadata"].get("resourceVersion") or 0)
        # A view shows the same object in another form, and is seldom asked for.
        kept, found = (0, b"") if kind.is_view else self._items.get(uid, (0, b""))
        if kept == version and found:
            return found
        made = _encode(_without_type(to_view(kind, obj)))
        # A watch that lags behind asks for what others have already seen replaced.
        if version > kept and uid and not kind.is_view:
            self._keep(uid, version, made)
        return made

    def _keep(self, uid: str, version: int, item: bytes) -> None:
        self.forget(uid)
        self._items[uid] = version, item
        self._room -= len(item)
        while self._room < 0:
            self.forget(next(iter(self._items)))

    def forget(self, uid: str) -> None:
        """Keep nothing of an object, because it is gone."""
        _, item = self._items.pop(uid, (0, b""))
        self._room += len(item)

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

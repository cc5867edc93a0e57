"""Kinds that are kept in one version of the API and read in another: core events as events.k8s.io/v1."""

from __future__ import annotations

from typing import Final

from k8s.local.kinds import Kind
from k8s.local.store import Object

#: core/v1 name -> events.k8s.io/v1 name
_EVENT_FIELDS: Final = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_CORE_FIELDS: Final = {view: core for core, view in _EVENT_FIELDS.items()}


def to_view(kind: Kind, obj: Object) -> Object:
    """A stored object as this kind shows it."""
    if not kind.is_view:
        return obj
    return {
        _EVENT_FIELDS.get(key, key): value for key, value in obj.items() if key not in ("kind", "apiVersion")
    }


def from_view(kind: Kind, obj: Object) -> Object:
    """An object of this kind as it is stored."""
    if not kind.is_view:
        return obj
    return {
        _CORE_FIELDS.get(key, key): value for key, value in obj.items() if key not in ("kind", "apiVersion")
    }

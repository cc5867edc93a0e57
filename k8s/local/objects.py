"""Copies of objects, as cheap as what is shared allows, and the time as objects have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from k8s.local.changes import Object

T = TypeVar("T")


def copy_to_change(obj: Object, *, status_only: bool) -> Object:
    """A copy that shares with ``obj`` what no caller changes in place: time and memory are mostly there.

    These are the ownership records, replaced as a whole, and the spec where only the status is written.
    """
    new: Object = {}
    for key, item in obj.items():
        if key == "metadata":
            new[key] = {name: part if name == "managedFields" else clone(part) for name, part in item.items()}
        else:
            new[key] = item if status_only and key == "spec" else clone(item)
    return new


def clone(value: T) -> T:
    """A deep copy of a JSON value; several times faster than copy.deepcopy."""
    copied: T = _copied(value)
    return copied


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) if type(item) in _CONTAINERS else item for key, item in value.items()}
    if type(value) is list:
        return [_copied(item) if type(item) in _CONTAINERS else item for item in value]
    return value


_CONTAINERS: Final = frozenset({dict, list})


def timestamp(*, seconds_from_now: float = 0) -> str:
    """Now, or a little later, as Kubernetes writes it: whole seconds, UTC."""
    return (datetime.now(UTC) + timedelta(seconds=seconds_from_now)).strftime("%Y-%m-%dT%H:%M:%SZ")

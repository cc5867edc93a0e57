"""Who owns which fields: metadata.managedFields for updates and for server-side apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from k8s.local import errors
from k8s.local.fields import (
    Path,
    Paths,
    changed_paths,
    children,
    describe,
    from_fields_v1,
    is_item_key,
    item_element,
    paths_of,
    to_fields_v1,
)
from k8s.local.kinds import Kind
from k8s.local.openapi.schemas import Node, node_for
from k8s.local.store import Object, clone, timestamp

Operation = Literal["Apply", "Update"]
BEFORE_FIRST_APPLY: Final = "before-first-apply"
#: As it is answered: the records of ownership are most of an object, and as JSON a tenth of their size
#: as dicts, which nobody reads between one write and the next.
FieldsV1 = msgspec.Raw


@dataclass
class Owner:
    """One entry of managedFields."""

    manager: str
    operation: Operation
    api_version: str
    subresource: str
    paths: Paths
    time: str = ""
    dirty: bool = field(default=False)
    #: ``paths`` as they were written last; used again, and shared with the old object, until dirty.
    written: FieldsV1 | None = field(default=None)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells entries apart."""
        return (self.manager, self.operation, self.subresource)

    def described(self) -> str:
        """The owner as conflict messages write it."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        if self.operation == "Update":
            text += f" using {self.api_version}"
        return text

    def as_dict(self) -> dict[str, Any]:
        """The entry as it stands in managedFields."""
        entry = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": timestamp() if self.dirty or not self.time else self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _packed(self.paths) if self.dirty or self.written is None else self.written,
        }
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry


def schema_of(kind: Kind) -> Node:
    """The type of a kind's objects."""
    return node_for(kind.group, kind.version, kind.kind)


def owners_of(obj: Object) -> list[Owner]:
    """The entries of an object's managedFields."""
    return [
        Owner(
            entry.get("manager", ""),
            entry.get("operation", "Update"),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
            from_fields_v1(msgspec.json.decode(entry["fieldsV1"])),
            entry.get("time", ""),
            written=entry["fieldsV1"],
        )
        for entry in obj["metadata"].get("managedFields", [])
        if "fieldsV1" in entry
    ]


def pack_owners(obj: Object) -> None:
    """Bring the managedFields of an object that was read from JSON into the form they are kept in."""
    for entry in obj["metadata"].get("managedFields", []):
        if isinstance(entry.get("fieldsV1"), Mapping):
            entry["fieldsV1"] = _shared(msgspec.json.encode(entry["fieldsV1"]))


def with_readable_owners(obj: Object) -> Object:
    """The object as JSON, managedFields and all: what a patch is applied to."""
    meta = obj["metadata"]
    if "managedFields" not in meta:
        return obj
    entries = [
        {**entry, "fieldsV1": msgspec.json.decode(entry["fieldsV1"])} for entry in meta["managedFields"]
    ]
    return {**obj, "metadata": {**meta, "managedFields": entries}}


def _packed(paths: Paths) -> FieldsV1:
    return _shared(msgspec.json.encode(to_fields_v1(paths)))


@lru_cache(maxsize=1024)
def _shared(fields: bytes) -> FieldsV1:
    """The pods of one template have the same records."""
    return FieldsV1(fields)


def track_update(kind: Kind, old: Object | None, new: Object, manager: str, subresource: str) -> None:
    """Give the fields that an update changed to ``manager``, and take them from everybody else.

    A request that clears managedFields resets the ownership, as in Kubernetes.
    """
    before = old if old is not None else {"metadata": {}}
    changed, removed = changed_paths(schema_of(kind), before, new)
    if not subresource and "status" in kind.subresources:
        changed = {path for path in changed if path[0] != "f:status"}
    if not changed and not removed:
        if old is not None:
            _carry_over(old, new)
        return
    source = old if old is not None else new
    owners = [] if new["metadata"].get("managedFields") == [{}] else owners_of(source)
    owner = _find(owners, manager, "Update", subresource, kind)
    for other in owners:
        lost = other.paths & ((changed | removed) if other is not owner else removed)
        if lost:
            other.paths -= lost
            other.dirty = True
    if not changed <= owner.paths:
        owner.paths |= changed
        owner.dirty = True
    _write(new, owners)


def _carry_over(old: Object, new: Object) -> None:
    if new["metadata"].get("managedFields") == [{}]:
        new["metadata"].pop("managedFields")
    elif "managedFields" in old["metadata"]:
        new["metadata"]["managedFields"] = old["metadata"]["managedFields"]
    else:
        new["metadata"].pop("managedFields", None)


def _find(owners: list[Owner], manager: str, operation: Operation, subresource: str, kind: Kind) -> Owner:
    for owner in owners:
        if owner.identity == (manager, operation, subresource):
            return owner
    owner = Owner(manager, operation, kind.api_version, subresource, set(), dirty=True)
    owners.append(owner)
    return owner


def _write(obj: Object, owners: list[Owner]) -> None:
    # Applies first, then by time, as the API server sorts them.
    entries = [owner.as_dict() for owner in owners if owner.paths]
    entries.sort(key=lambda entry: (entry["operation"] != "Apply", entry["time"], entry["manager"]))
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


@dataclass(frozen=True)
class Applied:
    """The outcome of an apply: the object, not yet defaulted, and the owners' entries to be written."""

    object: Object
    owners: list[Owner]


def apply(
    kind: Kind, live: Object | None, wanted: Object, *, manager: str, force: bool, subresource: str = ""
) -> Applied:
    """Server-side apply ``wanted`` on ``live``.

    Fields that ``manager`` applied before and now leaves out are removed, unless
    somebody else owns them too.

    Raises:
        Conflict: others own fields that would change, and ``force`` is off.
    """
    node = schema_of(kind)
    live = live if live is not None else {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}}
    owners = owners_of(live)
    if not owners and live["metadata"].get("uid"):
        found = paths_of(node, live)
        owners.append(Owner(BEFORE_FIRST_APPLY, "Update", kind.api_version, "", found, dirty=True))
    asked = paths_of(node, wanted)
    merged = merge(node, live, wanted)
    changed, _ = changed_paths(node, live, merged)
    mine = _find(owners, manager, "Apply", subresource, kind)
    others = [owner for owner in owners if owner is not mine]
    _settle_conflicts(others, changed, force=force)
    dropped = mine.paths - asked
    if dropped:
        # What is left out of `wanted` altogether is still the stored object's own.
        merged = clone(merged)
        _prune(node, merged, dropped, asked, others)
    if mine.paths != asked:
        mine.paths = asked
        mine.dirty = True
    _, removed = changed_paths(node, live, merged)
    for owner in others:
        if owner.paths & removed:
            owner.paths -= removed
            owner.dirty = True
    return Applied(merged, owners)


def write_owners(obj: Object, applied: Applied) -> None:
    """Write the entries of an apply to the object that is about to be stored."""
    _write(obj, applied.owners)


def merge(node: Node, live: Any, wanted: Any) -> Any:
    """``wanted`` laid over ``live``: structs and maps by key, lists as their list type says."""
    if node.atomic or node.type in ("scalar", "any") or type(live) is not type(wanted):
        return clone(wanted)
    if node.type == "list":
        return _merge_list(node, live, wanted)
    merged = dict(live)
    for key, value in wanted.items():
        inner = node.fields.get(key) if node.type == "struct" else node.items
        if inner is None:
            continue
        merged[key] = merge(inner, live[key], value) if key in live else clone(value)
    return merged


def _merge_list(node: Node, live: list[Any], wanted: list[Any]) -> list[Any]:
    there = {element: (kind, item) for element, kind, item in children(node, live)}
    asked = {element: (kind, item) for element, kind, item in children(node, wanted)}
    merged = []
    for element, (kind, item) in asked.items():
        merged.append(merge(kind, there[element][1], item) if element in there else clone(item))
    if list(asked) == [element for element in there if element in asked]:
        # The order is the one that is there already: keep it, with the others' items in between.
        by_element = dict(zip(asked, merged, strict=True))
        return [by_element.get(element, item) for element, (_, item) in there.items()]
    return merged + [item for element, (_, item) in there.items() if element not in asked]


def _settle_conflicts(others: list[Owner], changed: Paths, *, force: bool) -> None:
    conflicts = [(owner, sorted(owner.paths & changed)) for owner in others]
    conflicts = [(owner, paths) for owner, paths in conflicts if paths]
    if not conflicts:
        return
    if not force:
        raise conflict_error(conflicts)
    for owner, paths in conflicts:
        owner.paths -= set(paths)
        owner.dirty = True


def conflict_error(conflicts: list[tuple[Owner, list[Path]]]) -> errors.Conflict:
    """The 409 of an apply that would change others' fields."""
    causes = [
        errors.Cause("FieldManagerConflict", f"conflict with {owner.described()}", describe(path))
        for owner, paths in conflicts
        for path in paths
    ]
    if len(causes) == 1:
        text = f"{causes[0].message}: {causes[0].field}"
    else:
        text = "\n".join(
            f"conflicts with {owner.described()}:\n" + "\n".join(f"- {describe(path)}" for path in paths)
            for owner, paths in conflicts
        )
    count = f"{len(causes)} conflict{'' if len(causes) == 1 else 's'}"
    return errors.Conflict(
        f"Apply failed with {count}: {text}", details={"causes": [cause.as_dict() for cause in causes]}
    )


def _prune(node: Node, obj: Object, dropped: Paths, asked: Paths, others: list[Owner]) -> None:
    kept = set(asked)
    for owner in others:
        kept |= owner.paths
    prefixes = {path[:depth] for path in kept for depth in range(1, len(path) + 1)}
    # Outer ones first: an item that goes takes its keys along, and one that stays keeps them.
    for path in sorted(dropped, key=len):
        if path not in prefixes and not is_item_key(path):
            _remove(node, obj, path, prefixes)


def _remove(node: Node, value: Any, path: Path, kept: Paths, at: int = 0) -> None:
    """Remove the field at ``path``, and the structs and maps above it that are empty then and nobody's."""
    element = path[at]
    found = next(((kind, item) for name, kind, item in children(node, value) if name == element), None)
    if found is None:
        return
    kind, item = found
    if at < len(path) - 1:
        _remove(kind, item, path, kept, at + 1)
        emptied = not item and kind.type != "scalar"
        if not emptied or path[: at + 1] in kept or at == 0:
            return
    if isinstance(value, dict):
        value.pop(element[2:], None)
    else:
        value[:] = [other for other in value if item_element(node, other) != element]

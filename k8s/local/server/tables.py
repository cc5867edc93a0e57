"""Lists as tables, which is what kubectl prints, and objects reduced to their metadata."""

from __future__ import annotations

from typing import Any

from k8s.local.kinds import Kind
from k8s.local.server.columns import COLUMNS, GENERIC, NAME_DESCRIPTION
from k8s.local.store import Object


def table(
    kind: Kind, objects: list[Object], *, version: str, include: str, with_columns: bool = True
) -> dict[str, Any]:
    """A meta.k8s.io/v1 Table. ``include`` is None, Metadata or Object: what comes along with each row."""
    columns, cells = COLUMNS.get(kind.key, GENERIC)
    definitions = [
        {
            "name": column.name,
            "type": column.type,
            "format": "name" if column.name == "Name" else "",
            "description": NAME_DESCRIPTION if column.name == "Name" else column.description,
            "priority": column.priority,
        }
        for column in columns
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": definitions if with_columns else None,
        "rows": [{"cells": cells(obj), "object": _included(obj, include)} for obj in objects],
    }


def _included(obj: Object, include: str) -> Object | None:
    if include == "None":
        return None
    return obj if include == "Object" else partial_metadata(obj)


def partial_metadata(obj: Object) -> Object:
    """The object's metadata and nothing else."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}

"""What the command prints: results on stdout, words about them on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def tell(text: str) -> None:
    """Words for people; never in the way of what a program reads."""
    print(text, file=sys.stderr, flush=True)


def show(text: str) -> None:
    print(text, flush=True)


def show_json(value: object) -> None:
    show(json.dumps(value, indent=2, ensure_ascii=False))


def show_deployments(found: Sequence[Mapping[str, Any]]) -> None:
    """A table, a line each."""
    rows = [("NAME", "STATUS", "READY", "MODEL", "VERSION", "ADDRESS")]
    rows += [
        (
            f"{one['team']}/{one['name']}",
            one["status"]["state"],
            f"{one['status']['ready_replicas']}/{one['status']['wanted_replicas']}",
            one["model"],
            one["version"],
            one["endpoint"] or "-",
        )
        for one in found
    ]
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        show("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_deployment(found: Mapping[str, Any]) -> None:
    """One line: what it is, and how it is."""
    where = f" at {found['endpoint']}" if found["endpoint"] else ""
    status = found["status"]
    show(f"{found['team']}/{found['name']} {found['image']}: {status['state']}, {status['message']}{where}")

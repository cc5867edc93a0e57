"""Recorded answers of a genuine cluster."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "fixtures" / "kubernetes"


@dataclass(frozen=True)
class Exchange:
    """One recorded answer, body as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(name: str) -> Exchange:
    recorded = json.loads((FOLDER / "api" / f"{name}.json").read_text())
    body = recorded["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Exchange(recorded["status"], recorded["headers"], raw)


def document(name: str) -> dict[str, Any]:
    """A recorded object or list."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def objects(name: str, kind: str) -> dict[str, dict[str, Any]]:
    """The recorded objects of one kind, by name."""
    return {o["metadata"]["name"]: o for o in document(name)["items"] if o["kind"] == kind}

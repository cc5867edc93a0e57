"""Questions about pods that several controllers ask."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

from k8s.local.store import Object

#: Without vowels and look-alikes, as in Kubernetes' generated names.
NAME_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"


def random_suffix(length: int = 5) -> str:
    """As at the end of a generated pod name."""
    return "".join(secrets.choice(NAME_LETTERS) for _ in range(length))


def is_active(pod: Object) -> bool:
    """Neither ended nor being deleted."""
    over = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not over and "deletionTimestamp" not in pod["metadata"]


def condition(obj: Object, kind: str) -> Object | None:
    """One condition of the object's status, or None."""
    conditions = obj.get("status", {}).get("conditions") or ()
    return next((entry for entry in conditions if entry["type"] == kind), None)


def is_ready(pod: Object) -> bool:
    """By the Ready condition."""
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def seconds_until_available(pod: Object, min_ready_seconds: int) -> float | None:
    """0 when the pod has been ready long enough, how long it still needs, or None when it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    ready_since = datetime.fromisoformat(found["lastTransitionTime"])
    return max(0.0, min_ready_seconds - (datetime.now(UTC) - ready_since).total_seconds())


def is_available(pod: Object, min_ready_seconds: int) -> bool:
    """Ready for at least that long."""
    return seconds_until_available(pod, min_ready_seconds) == 0.0

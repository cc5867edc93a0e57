"""Ages as kubectl shows them."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def human_duration(seconds: float) -> str:
    """A duration in at most two units: 61 -> "61s", 131 -> "2m11s", 9000 -> "150m"."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    total = max(0, total)
    if total < 2 * MINUTE:
        return f"{total}s"
    if total < 10 * MINUTE:
        return _two(total, MINUTE, "m", 1, "s")
    if total < 3 * HOUR:
        return f"{total // MINUTE}m"
    if total < 8 * HOUR:
        return _two(total, HOUR, "h", MINUTE, "m")
    if total < 2 * DAY:
        return f"{total // HOUR}h"
    if total < 8 * DAY:
        return _two(total, DAY, "d", HOUR, "h")
    if total < 730 * DAY:
        return f"{total // DAY}d"
    if total < 2920 * DAY:
        return _two(total, 365 * DAY, "y", DAY, "d")
    return f"{total // (365 * DAY)}y"


def _two(total: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = total % large // small
    return f"{total // large}{large_name}" + (f"{rest}{small_name}" if rest else "")


def age(timestamp: str | None) -> str:
    """How long ago a timestamp was; ``<unknown>`` without one."""
    if not timestamp:
        return "<unknown>"
    then = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return human_duration((datetime.now(UTC) - then).total_seconds())

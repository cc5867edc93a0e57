"""Whether another machine's clock says what ours says."""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from deployments.doctor.findings import Area

ALLOWED: Final = timedelta(seconds=5)
"""Leases last 6 and 8 seconds: clocks that differ by as much take them from each other."""


def compare(area: Area, whose: str, their_time: datetime, asked_at: datetime) -> None:
    """`their_time` was told between `asked_at` and now; whatever lies between is no difference."""
    now = timezone.now()
    ahead = their_time - now if their_time > now else timedelta()
    behind = asked_at - their_time if their_time < asked_at else timedelta()
    off = max(ahead, behind)
    if off <= ALLOWED:
        return
    direction = "ahead of" if ahead else "behind"
    area.problem(
        "clock_skew",
        f"The clock of {whose} is {off.total_seconds():.0f} seconds {direction} the one of this machine.",
        why="Leases, schedules and staleness compare times: work is done twice, late or never.",
        remedy="Let both machines keep time by NTP, and look: timedatectl set-ntp true; timedatectl status",
    )

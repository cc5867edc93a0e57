"""Whole minutes since 1970-01-01 UTC: no time zone and no daylight saving touches them."""

from datetime import UTC, datetime, timedelta
from typing import Final

QUARTER: Final = 15
DAY: Final = 24 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def minute_of(at: datetime) -> int:
    """The minute that a moment, of whatever time zone, is in."""
    return (at - _EPOCH) // timedelta(minutes=1)


def moment_of(minute: int) -> datetime:
    """When a minute begins."""
    return _EPOCH + timedelta(minutes=minute)


def step_of(minute: int, minutes: int) -> int:
    """The first minute of the step of so many minutes that a minute is in."""
    return minute - minute % minutes

"""Payloads of schedules, and the times that they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from deployments.errors import FieldError, InvalidInput
from deployments.models import ScalingSchedule
from deployments.spec.changes import bounds, count
from deployments.spec.clock import check_cron
from deployments.spec.reader import MISSING, Reader
from deployments.spec.scaling import read_bounds, read_replicas

_COUNTS = ("replicas", "min_replicas", "max_replicas")
_READ_ONLY = ("id", "next_at", "last_at", "last_outcome", "created_by", "created_at", "links")


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """Either `replicas`, or both bounds of an autoscaler; the others are None."""

    cron: str
    replicas: int | None
    min_replicas: int | None
    max_replicas: int | None
    enabled: bool


def parse_schedule(payload: Mapping[str, Any], *, current: ScalingSchedule | None = None) -> ScheduleRequest:
    """A new schedule, or a change to `current`.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    reader.allow_only(("cron", *_COUNTS, "enabled"), read_only=_READ_ONLY)
    cron = _read_cron(reader, current.cron if current else "")
    replicas, least, most = _read_counts(reader, current)
    enabled = reader.boolean("enabled", current.enabled if current else True)
    reader.finish()
    return ScheduleRequest(cron, replicas, least, most, enabled)


def next_time(cron: str, zone: str, after: datetime) -> datetime | None:
    """The first time after `after`, in UTC; None when there is none.

    A time that the clock skips comes right after the skip; one that it shows twice comes once.
    """
    return _first(CronSim(cron, after.astimezone(zone_of(zone))))


def latest_time(cron: str, zone: str, until: datetime) -> datetime | None:
    """The last time that is not after `until`, in UTC; None when there is none."""
    # Backwards means strictly before; times are whole minutes.
    start = until.astimezone(zone_of(zone)) + timedelta(seconds=1)
    return _first(CronSim(cron, start, reverse=True))


def zone_of(name: str) -> ZoneInfo:
    """A zone by its IANA name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: "America" is a folder of zones.
        return ZoneInfo("UTC")


def parse_zone(payload: Mapping[str, Any]) -> str:
    """The field `time_zone`: an IANA name such as "America/Sao_Paulo".

    Raises:
        InvalidInput: there is no such zone.
    """
    reader = Reader(payload)
    reader.allow_only(("time_zone",))
    name = read_zone(reader, "")
    reader.finish()
    return name


def read_zone(reader: Reader, default: str) -> str:
    """The field `time_zone`; required where `default` is ""."""
    name = reader.text("time_zone", default, required=not default, longest=60)
    if name and zone_of(name).key != name:
        reader.wrong("time_zone", "Name a zone as America/Sao_Paulo or UTC does.", "unknown_zone")
    return name


def describe_target(row: ScalingSchedule | ScheduleRequest) -> str:
    """For instance "3 replicas", or "from 2 to 6 replicas"."""
    if row.replicas is not None:
        return count(row.replicas)
    return bounds(row.min_replicas or 1, row.max_replicas or 1)


def _first(times: CronSim) -> datetime | None:
    found = next(times, None)
    return found.astimezone(UTC) if found else None


def _read_cron(reader: Reader, default: str) -> str:
    if default and "cron" not in reader:
        return default
    cron = reader.text("cron", required=True, longest=100)
    try:
        return check_cron(cron) if cron.strip() else default
    except InvalidInput as exc:
        reader.errors.extend(exc.errors)
        return default


def _read_counts(
    reader: Reader, current: ScalingSchedule | None
) -> tuple[int | None, int | None, int | None]:
    given = [field for field in _COUNTS if reader.raw(field) not in (MISSING, None)]
    if not given and current is not None:
        return current.replicas, current.min_replicas, current.max_replicas
    if not given:
        reader.wrong("replicas", "Give replicas, or a minimum and a maximum for the autoscaler.", "required")
        return None, None, None
    if "replicas" in given:
        if len(given) > 1:
            reader.wrong("replicas", "Give replicas, or a minimum and a maximum, not both.", "both")
        return read_replicas(reader, 0), None, None
    old = (current.min_replicas, current.max_replicas) if current else (None, None)
    for field, before in zip(("min_replicas", "max_replicas"), old, strict=True):
        if field not in given and before is None:
            reader.wrong(field, "Minimum and maximum belong together.", "required")
            return None, None, None
    present = Reader({field: reader.raw(field) for field in given}, path=reader.path, errors=reader.errors)
    return None, *read_bounds(present, old[0] or 1, old[1] or 1)


def too_many(most: int) -> InvalidInput:
    """The refusal of one schedule more than a deployment may have."""
    return InvalidInput([FieldError("", f"A deployment has at most {most} schedules.", "too_many")])

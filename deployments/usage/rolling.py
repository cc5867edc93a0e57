"""Adding samples up: minutes to quarters of an hour, quarters to days of UTC. Exact, for sums add up.

Each step is made anew from all of what it is made of, so doing it twice, late, or after hours of
nobody doing it gives the same. Steps that are over are final: what is older is never made
anew, because what it was made of is forgotten some day.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Subquery
from django.utils import timezone

from deployments.models import DaySample, MinuteSample, QuarterSample, RollUp, Series
from deployments.usage.minutes import DAY, QUARTER, minute_of, step_of

_Samples = type[MinuteSample] | type[QuarterSample] | type[DaySample]

LATE_MINUTES: Final = 2
"""A quarter is final only so long after its end: its last sample may still be on its way."""

MINUTES_FOR: Final = DAY
QUARTERS_FOR: Final = 32 * DAY
DAYS_FOR: Final = 730 * DAY
"""How many minutes samples of each kind are kept."""

_SERIES_AT_ONCE: Final = 500
_SUMS: Final = (
    "minutes",
    "used_minutes",
    "pods",
    "cpu_requested",
    "cpu_used",
    "cpu_charged",
    "memory_requested",
    "memory_used",
    "memory_charged",
    "gpu_requested",
)
_PEAKS: Final = ("cpu_peak", "memory_peak", "pod_cpu_peak", "pod_memory_peak")


@dataclass(frozen=True, slots=True)
class _Step:
    """Samples of `minutes` each, made of finer ones: of a backlog `most` in one go, some seconds' work."""

    name: str
    minutes: int
    table: str
    of: _Samples
    of_table: str
    most: int


_QUARTERS: Final = _Step(
    "quarter", QUARTER, "deployments_quartersample", MinuteSample, "deployments_minutesample", 16
)
_DAYS: Final = _Step("day", DAY, "deployments_daysample", QuarterSample, "deployments_quartersample", 2)


def roll_up(*, now: datetime | None = None) -> bool:
    """Adds up what is new. True where there is more to do: a backlog is worked off in pieces.

    Raises:
        django.db.Error.
    """
    minute = minute_of(now or timezone.now())
    before = final_until("quarter")
    more = _advance(_QUARTERS, end=minute + 1, final=step_of(minute - LATE_MINUTES, QUARTER))
    quarters = final_until("quarter") or 0
    final_days = step_of(quarters, DAY)
    if before != quarters or (final_until("day") or 0) < final_days:
        # With the quarter that is now, so that today is never more than that behind.
        more = _advance(_DAYS, end=quarters + QUARTER, final=final_days) or more
    return more


def final_until(step: str) -> int | None:
    """The minute before which all steps ("quarter" or "day") are final; None where none was made yet."""
    return RollUp.objects.filter(step=step).values_list("until", flat=True).first()


def _advance(step: _Step, *, end: int, final: int) -> bool:
    """Makes the steps from the first that is not final up to `end`; those before `final` are it then."""
    with transaction.atomic():
        row = RollUp.objects.select_for_update().filter(step=step.name).first()
        first = row.until if row else None
        if first is None or first < final:
            # Steps in which nobody sampled need not be walked through.
            sampled = _first_sampled(step, first)
            first = final if sampled is None else sampled
        # What is cut off is never the step that is now alone: nobody would come back for it at once.
        if final - first > step.most * step.minutes:
            end = first + step.most * step.minutes
        _add_up(step, first, end)
        until = max(first, min(final, step_of(end, step.minutes)))
        RollUp.objects.update_or_create(step=step.name, defaults={"until": until})
    return until < final


def _first_sampled(step: _Step, since: int | None) -> int | None:
    """The first step after `since` of which there is a sample. Asked series by series, by their keys."""
    finer = step.of.objects.filter(series=OuterRef("pk"))
    if since is not None:
        finer = finer.filter(at__gte=since)
    earliest = Subquery(finer.order_by("at").values("at")[:1])
    at: int | None = Series.objects.annotate(earliest=earliest).aggregate(at=Min("earliest"))["at"]
    return None if at is None else step_of(at, step.minutes)


def _add_up(step: _Step, first: int, end: int) -> None:
    """One statement for all steps in [first, end) of all series."""
    columns = [*_SUMS, *_PEAKS]
    made = [f"SUM(finer.{name})" for name in _SUMS] + [f"MAX(finer.{name})" for name in _PEAKS]
    newest = ", ".join(f"{name} = excluded.{name}" for name in columns)
    at = f"finer.at - finer.at %% {step.minutes}"
    with connection.cursor() as cursor:
        # From the series to their samples: samples are kept by series, and not by time.
        cursor.execute(
            f"INSERT INTO {step.table} (series_id, at, {', '.join(columns)})"  # noqa: S608
            f" SELECT finer.series_id, {at}, {', '.join(made)}"
            f" FROM deployments_series AS series"
            f" CROSS JOIN {step.of_table} AS finer"
            f" WHERE finer.series_id = series.id AND finer.at >= %s AND finer.at < %s"
            f" GROUP BY finer.series_id, {at}"
            f" ON CONFLICT (series_id, at) DO UPDATE SET {newest}",
            [first, end],
        )


def forget(*, now: datetime | None = None) -> None:
    """Deletes samples older than they are kept, never before they were added up.

    Series by series, some hundreds at a time: the table is kept in that order, and nobody who
    wants to write waits long.
    """
    minute = minute_of(now or timezone.now())
    quarters, days = final_until("quarter"), final_until("day")
    limits: list[tuple[_Samples, int]] = [(DaySample, minute - DAYS_FOR)]
    if quarters is not None:
        limits.append((MinuteSample, min(quarters, minute - MINUTES_FOR)))
    if days is not None:
        limits.append((QuarterSample, min(days, minute - QUARTERS_FOR)))
    keys = list(Series.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _SERIES_AT_ONCE):
        part = keys[start : start + _SERIES_AT_ONCE]
        for samples, limit in limits:
            samples.objects.filter(series_id__in=part, at__lt=limit).delete()


def forget_empty_series() -> None:
    """Deletes series of which no sample is left: nodes come and go, under ever new names."""
    kinds: tuple[_Samples, ...] = (MinuteSample, QuarterSample, DaySample)
    left = [Exists(samples.objects.filter(series=OuterRef("pk"))) for samples in kinds]
    Series.objects.exclude(left[0] | left[1] | left[2]).delete()

"""What deployments, teams, models and a cluster cost, many at once in a fixed number of queries.

Everything is summed from the samples of deployments, so that a team costs what its deployments cost, those
deleted meanwhile included. `at` is the moment that is asked about, now if it is left out. Whom to show
it is for the caller to decide.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Q, QuerySet, Sum
from django.utils import timezone

from deployments.costs import SUMMED, Sums, money_of, month_start, prices_of
from deployments.models import Cluster, DaySample, MinuteSample, MonthSums, QuarterSample, Sample, SeriesKind
from deployments.selectors.usage.shapes import Amounts, Money
from deployments.usage.minutes import DAY, QUARTER, minute_of

NEWEST_WITHIN_MINUTES = 10
"""A sample older than that says nothing about now."""

_FINAL_AFTER_MINUTES = 5
"""Late samples are waited for and added up within a minute: until then a step that is over may grow."""

# More keys are not sent to the database: databases bound how many there may be.
_MOST_KEYS = 1000
_MEASURED = Q(used_minutes__gte=F("minutes"))


@dataclass(frozen=True, slots=True)
class _Figures:
    """By key: sums of the month, sums and idle amounts of the newest minute. None: nothing was sampled."""

    month: dict[int, Sums] | None
    minute: dict[int, Sums] | None
    idle: dict[int, Amounts | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Until:
    """The ends of the newest whole day and quarter that are rolled up; the newest minute if it is now's."""

    day: int | None
    quarter: int | None
    minute: int | None


def money_of_deployments(
    cluster: Cluster, ids: Collection[int], *, at: datetime | None = None
) -> dict[int, Money]:
    """By primary key of the deployments; all of `ids` are in it."""
    return _money(cluster, "deployment_id", ids, at or timezone.now())


def money_of_teams(cluster: Cluster, ids: Collection[int], *, at: datetime | None = None) -> dict[int, Money]:
    """By primary key of the teams: what their deployments in the cluster cost."""
    return _money(cluster, "deployment__team_id", ids, at or timezone.now())


def money_of_models(
    cluster: Cluster, ids: Collection[int], *, at: datetime | None = None
) -> dict[int, Money]:
    """By primary key of the models: what deployments cost that serve a version of them now."""
    return _money(cluster, "deployment__version__model_id", ids, at or timezone.now())


def money_of_cluster(cluster: Cluster, *, at: datetime | None = None) -> Money:
    """All deployments of a cluster together; pods that are not ours cost nothing here."""
    return _money(cluster, "cluster_id", [cluster.pk], at or timezone.now())[cluster.pk]


def _money(cluster: Cluster, group: str, ids: Collection[int], now: datetime) -> dict[int, Money]:
    found = _figures(cluster, group, ids, now)
    prices = prices_of(cluster)
    return {
        key: money_of(
            prices,
            month=None if found.month is None else found.month.get(key, Sums()),
            # Nothing of it in a minute that was sampled: it has no pods.
            minute=None if found.minute is None else found.minute.get(key, Sums()),
            idle=None if found.minute is None else found.idle.get(key, Amounts()),
            at=now,
        )
        for key in ids
    }


def sums_since(cluster: Cluster, start: int, now: datetime) -> tuple[int, dict[int, Sums]]:
    """Sums of what is rolled up since the minute `start`, by primary key of the series; and until when."""
    found = _sampled_until(cluster, minute_of(now))
    until = max(found.quarter or start, start)
    sums = _rolled_up(cluster, "pk", None, start, until, days_until=found.day)
    return until, sums


def _figures(cluster: Cluster, group: str, ids: Collection[int], now: datetime) -> _Figures:
    found = _sampled_until(cluster, minute_of(now))
    if found.quarter is None and found.minute is None:
        return _Figures(month=None, minute=None)
    # Before the first quarter of an hour is over, nothing is known of the month.
    is_known = found.quarter is not None or found.day is not None
    start = minute_of(month_start(now))
    month = _month(cluster, group, ids, start, found) if is_known else None
    if found.minute is None:
        return _Figures(month=month, minute=None)
    newest, idle = _newest(cluster, group, ids, found.minute)
    return _Figures(month=month, minute=newest, idle=idle)


def _month(cluster: Cluster, group: str, ids: Collection[int], start: int, found: _Until) -> dict[int, Sums]:
    """What the hourly review has summed, and what was rolled up since."""
    kept = MonthSums.objects.filter(series__cluster=cluster, month=start)
    until = kept.aggregate(until=Max("until"))["until"]
    if found.quarter is None:
        return {}
    if until is None:
        return _rolled_up(cluster, group, ids, start, found.quarter, days_until=found.day)
    rows = _of_deployments(kept, group, ids).annotate(*(Sum(name) for name in SUMMED))
    month = {key: Sums(*map(int, values)) for key, *values in rows}
    return _added(month, _sums(QuarterSample, cluster, group, ids, until, found.quarter))


def _rolled_up(
    cluster: Cluster,
    group: str,
    ids: Collection[int] | None,
    start: int,
    until: int,
    *,
    days_until: int | None,
) -> dict[int, Sums]:
    """Whole days as far as there are any, and quarter hours after them."""
    turn = max(days_until or start, start)
    days = _sums(DaySample, cluster, group, ids, start, turn)
    return _added(days, _sums(QuarterSample, cluster, group, ids, turn, until))


def _added(some: dict[int, Sums], others: dict[int, Sums]) -> dict[int, Sums]:
    for key, sums in others.items():
        some[key] = some.get(key, Sums()) + sums
    return some


def _sampled_until(cluster: Cluster, end: int) -> _Until:
    """How far a cluster's samples go; of steps that have not ended yet nothing is taken."""
    day, quarter, minute = (
        _of_cluster(table, cluster).filter(at__lte=end - over).aggregate(newest=Max("at"))["newest"]
        for table, over in (
            (DaySample, DAY + _FINAL_AFTER_MINUTES),
            (QuarterSample, QUARTER + _FINAL_AFTER_MINUTES),
            (MinuteSample, 0),
        )
    )
    return _Until(
        day=None if day is None else day + DAY,
        quarter=None if quarter is None else quarter + QUARTER,
        minute=minute if minute is not None and minute > end - NEWEST_WITHIN_MINUTES else None,
    )


def _of_cluster(table: type[Sample], cluster: Cluster) -> QuerySet[Any]:
    rows: QuerySet[Any] = QuerySet(table)
    return rows.filter(series__cluster=cluster, series__kind=SeriesKind.CLUSTER)


def _of_deployments(rows: QuerySet[Any], group: str, ids: Collection[int] | None) -> QuerySet[Any]:
    """Rows of deployments' series, grouped."""
    rows = rows.filter(series__kind=SeriesKind.DEPLOYMENT)
    if ids is not None and len(ids) <= _MOST_KEYS:
        rows = rows.filter(**{f"series__{group}__in": list(ids)})
    return rows.order_by().values_list(f"series__{group}")


def _rows(
    table: type[Sample], cluster: Cluster, group: str, ids: Collection[int] | None, start: int, end: int
) -> QuerySet[Any]:
    """Samples of deployments from `start` up to before `end`, grouped."""
    rows: QuerySet[Any] = QuerySet(table)
    return _of_deployments(rows.filter(series__cluster=cluster, at__gte=start, at__lt=end), group, ids)


def _sums(
    table: type[Sample], cluster: Cluster, group: str, ids: Collection[int] | None, start: int, end: int
) -> dict[int, Sums]:
    if start >= end:
        return {}
    rows = _rows(table, cluster, group, ids, start, end).annotate(*(Sum(name) for name in SUMMED))
    # Databases add up whole numbers to numbers of their own kind.
    return {key: Sums(*map(int, values)) for key, *values in rows}


def _newest(
    cluster: Cluster, group: str, ids: Collection[int], minute: int
) -> tuple[dict[int, Sums], dict[int, Amounts | None]]:
    """Sums of a minute, and what was requested then and not used: None where nothing was measured."""
    # The larger of both less what was used is what was requested beyond it.
    beyond = {
        f"idle_{name}": Sum(F(f"{name}_charged") - F(f"{name}_used"), filter=_MEASURED)
        for name in ("cpu", "memory")
    }
    rows = _rows(MinuteSample, cluster, group, ids, minute, minute + 1)
    rows = rows.annotate(*(Sum(name) for name in SUMMED), **beyond)
    sums, idle = {}, {}
    for key, *values, idle_cpu, idle_memory in rows:
        sums[key] = Sums(*map(int, values))
        idle[key] = None if idle_cpu is None else Amounts(int(idle_cpu), int(idle_memory))
    return sums, idle

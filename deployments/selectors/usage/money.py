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
from deployments.models import Cluster, DaySample, MinuteSample, QuarterSample, Sample, SeriesKind
from deployments.selectors.usage.shapes import Amounts, Money

QUARTER, DAY = 15, 24 * 60
"""Minutes of a step."""
NEWEST_WITHIN_MINUTES = 10
"""A sample older than that says nothing about now."""

# More keys are not sent to the database: databases bound how many there may be.
_MOST_KEYS = 1000
_MEASURED = Q(used_minutes__gte=F("minutes"))


@dataclass(frozen=True, slots=True)
class _Figures:
    """By key: sums of the month, sums and idle amounts of the newest minute. None: nothing was sampled."""

    month: dict[int, Sums] | None
    minute: dict[int, Sums] | None
    idle: dict[int, Amounts | None] = field(default_factory=dict)


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


def minutes_since_1970(at: datetime) -> int:
    """How samples name a moment: whole minutes since 1970-01-01 UTC."""
    return int(at.timestamp()) // 60


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


def _figures(cluster: Cluster, group: str, ids: Collection[int], now: datetime) -> _Figures:
    end = minutes_since_1970(now)
    days_until, quarters_until, minute = _sampled_until(cluster, end)
    if quarters_until is None and minute is None:
        return _Figures(month=None, minute=None)
    start = minutes_since_1970(month_start(now))
    turn = max(days_until or start, start)
    month = _sums(DaySample, cluster, group, ids, start, turn)
    for key, sums in _sums(QuarterSample, cluster, group, ids, turn, end - QUARTER + 1).items():
        month[key] = month.get(key, Sums()) + sums
    if minute is None:
        return _Figures(month=month, minute=None)
    newest = _sums(MinuteSample, cluster, group, ids, minute, minute + 1)
    return _Figures(month=month, minute=newest, idle=_idle(cluster, group, ids, minute, newest))


def _sampled_until(cluster: Cluster, end: int) -> tuple[int | None, int | None, int | None]:
    """The ends of the newest whole day and quarter that are rolled up; the newest minute if it is now's."""
    day, quarter, minute = (
        _of_cluster(table, cluster).filter(at__lte=end - step).aggregate(newest=Max("at"))["newest"]
        for table, step in ((DaySample, DAY), (QuarterSample, QUARTER), (MinuteSample, 0))
    )
    return (
        None if day is None else day + DAY,
        None if quarter is None else quarter + QUARTER,
        minute if minute is not None and minute > end - NEWEST_WITHIN_MINUTES else None,
    )


def _of_cluster(table: type[Sample], cluster: Cluster) -> QuerySet[Any]:
    rows: QuerySet[Any] = QuerySet(table)
    return rows.filter(series__cluster=cluster, series__kind=SeriesKind.CLUSTER)


def _rows(
    table: type[Sample], cluster: Cluster, group: str, ids: Collection[int], start: int, end: int
) -> QuerySet[Any]:
    """Samples of deployments from `start` up to before `end`, grouped."""
    rows: QuerySet[Any] = QuerySet(table)
    rows = rows.filter(series__cluster=cluster, series__kind=SeriesKind.DEPLOYMENT)
    if len(ids) <= _MOST_KEYS:
        rows = rows.filter(**{f"series__{group}__in": list(ids)})
    return rows.filter(at__gte=start, at__lt=end).order_by().values_list(f"series__{group}")


def _sums(
    table: type[Sample], cluster: Cluster, group: str, ids: Collection[int], start: int, end: int
) -> dict[int, Sums]:
    if start >= end:
        return {}
    rows = _rows(table, cluster, group, ids, start, end).annotate(*(Sum(name) for name in SUMMED))
    # Databases add up whole numbers to numbers of their own kind.
    return {key: Sums(*map(int, values)) for key, *values in rows}


def _idle(
    cluster: Cluster, group: str, ids: Collection[int], minute: int, newest: dict[int, Sums]
) -> dict[int, Amounts | None]:
    """What was requested and not used in a minute, where use was measured; None where it was not."""
    rows = _rows(MinuteSample, cluster, group, ids, minute, minute + 1).filter(_MEASURED)
    # The larger of both less what was used is what was requested beyond it.
    beyond = rows.annotate(
        cpu=Sum(F("cpu_charged") - F("cpu_used")), memory=Sum(F("memory_charged") - F("memory_used"))
    )
    measured = {key: Amounts(int(cpu), int(memory)) for key, cpu, memory in beyond}
    return {key: measured.get(key) for key in newest}

"""The hourly look at what was used: sums of the month, and for each deployment what it would do with.

Reads samples and writes `MonthSums` and `Sizing`, many at once. Asks no cluster, but its Prometheus for GPUs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Min, Q, QuerySet, Sum, Window
from django.db.models.functions import Coalesce, CumeDist
from django.utils import timezone

from deployments import costs, sizing
from deployments.counts import autoscaling_of
from deployments.gpu_use import gpu_percents
from deployments.models import CapturedLog, Cluster, Deployment, MonthSums, QuarterSample, SeriesKind, Sizing
from deployments.selectors.usage import money
from deployments.selectors.usage.shapes import Amounts
from deployments.spec import spec_of
from deployments.usage.minutes import QUARTER, minute_of
from k8s.quantities import bytes_, millicores

# What a task does in seconds, with a week of samples of each on a slow disk.
_PORTION = 400
_WRITTEN = (
    "revision",
    "computed_at",
    "hours",
    "cpu_p95",
    "memory_max",
    "cpu",
    "memory",
    "saving_hour",
    "waste_hour",
    "reason",
    "idle_since",
    "gpu_percent",
)
_MEASURED = Q(used_minutes__gte=F("minutes"))
_OUT_OF_MEMORY = "OOMKilled"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the samples of a window say of a deployment; times are minutes since 1970.

    `each` is what a replica used on average, None without measurements. `first` is the first measured
    step, `busy_until` the end of the last one in which a replica was busy.
    """

    evidence: sizing.Evidence
    each: Amounts | None = None
    first: int | None = None
    busy_until: int | None = None


def review(cluster_id: int, *, after: int = 0, at: datetime | None = None) -> int | None:
    """Brings a portion of a cluster's `Sizing` up to date, and with the first one its `MonthSums`.

    A portion is the deployments whose primary keys follow `after`. The answer is what the next portion
    follows, None when there is none.
    """
    now = at or timezone.now()
    cluster = Cluster.objects.get(pk=cluster_id)
    if not after:
        sum_month(cluster, now)
    living = Deployment.objects.filter(cluster=cluster, deleted_at=None, pk__gt=after)
    rows = list(living.order_by("pk")[:_PORTION])
    gpus = gpu_percents(cluster)
    seen = look(rows, now)
    before = dict(Sizing.objects.filter(deployment__in=rows).values_list("deployment_id", "idle_since"))
    looked = [
        _sizing_of(row, cluster, seen.get(row.pk), before.get(row.pk), gpus.get(row.pk), now) for row in rows
    ]
    Sizing.objects.bulk_create(
        looked, update_conflicts=True, unique_fields=["deployment"], update_fields=_WRITTEN
    )
    return rows[-1].pk if len(rows) == _PORTION else None


def sum_month(cluster: Cluster, now: datetime) -> None:
    """Sums what of this month is rolled up. Rows of older months are of no use any more."""
    month = minute_of(costs.month_start(now))
    until, sums = money.sums_since(cluster, month, now)
    rows = [
        MonthSums(series_id=key, month=month, until=until, **one.as_columns()) for key, one in sums.items()
    ]
    # Together: readers take `until` for all of them.
    with transaction.atomic():
        MonthSums.objects.filter(series__cluster=cluster).delete()
        MonthSums.objects.bulk_create(rows, batch_size=1000)


def look(rows: Sequence[Deployment], now: datetime) -> dict[int, Seen]:
    """What the last 7 days of samples say, by primary key; what has none is not in it."""
    ids = [row.pk for row in rows]
    samples = QuarterSample.objects.filter(
        series__kind=SeriesKind.DEPLOYMENT,
        series__deployment__in=ids,
        at__gte=minute_of(now - sizing.WINDOW),
        used_minutes__gt=0,
        # What was paused says nothing of what replicas need.
        pods__gt=0,
    ).order_by()
    p95 = _busiest(samples)
    out_of_memory = _out_of_memory(ids, now)
    return {
        found["series__deployment_id"]: _seen(
            found,
            p95.get(found["series__deployment_id"]),
            ran_out=found["series__deployment_id"] in out_of_memory,
        )
        for found in _totals(samples)
    }


def _totals(samples: QuerySet[QuarterSample]) -> Iterable[Mapping[str, Any]]:
    busy = Q(pod_cpu_peak__gte=sizing.IDLE_CPU)
    return samples.values("series__deployment_id").annotate(
        measured=Sum("used_minutes"),
        most_memory=Max("pod_memory_peak"),
        most_cpu=Max("cpu_peak"),
        first=Min("at"),
        last_busy=Max("at", filter=busy),
        # What a replica uses is told by steps that were measured from end to end.
        cpu_sum=Sum("cpu_used", filter=_MEASURED, default=0),
        memory_sum=Sum("memory_used", filter=_MEASURED, default=0),
        pods_sum=Sum("pods", filter=_MEASURED, default=0),
    )


def _busiest(samples: QuerySet[QuarterSample]) -> dict[int, int]:
    """The 95th percentile of the busiest replica's CPU in millicores: of 100 steps, 95 had no more."""
    rank = Window(CumeDist(), partition_by="series__deployment_id", order_by="pod_cpu_peak")
    ranked = (
        samples.filter(pod_cpu_peak__isnull=False).annotate(rank=rank).filter(rank__gte=sizing.BUSY_SHARE)
    )
    found: dict[int, int] = {}
    for key, cpu in ranked.values_list("series__deployment_id", "pod_cpu_peak"):
        if cpu is not None:
            found[key] = min(found.get(key, cpu), cpu)
    return found


def _out_of_memory(ids: Collection[int], now: datetime) -> set[int]:
    ended = CapturedLog.objects.filter(deployment__in=ids, reason=_OUT_OF_MEMORY).annotate(
        end=Coalesce("ended_at", "captured_at")
    )
    return set(ended.filter(end__gte=now - sizing.WINDOW).values_list("deployment_id", flat=True))


def _seen(found: Mapping[str, Any], p95: int | None, *, ran_out: bool) -> Seen:
    pods, busy = int(found["pods_sum"]), found["last_busy"]
    each = Amounts(int(found["cpu_sum"]) // pods, int(found["memory_sum"]) // pods) if pods else None
    evidence = sizing.Evidence(
        hours=int(found["measured"]) // 60,
        cpu_p95=p95,
        memory_max=found["most_memory"],
        cpu_peak=found["most_cpu"],
        ran_out_of_memory=ran_out,
    )
    return Seen(evidence, each, found["first"], None if busy is None else busy + QUARTER)


def _sizing_of(
    row: Deployment,
    cluster: Cluster,
    seen: Seen | None,
    idle_before: datetime | None,
    gpu_percent: float | None,
    now: datetime,
) -> Sizing:
    seen = seen or Seen(sizing.Evidence())
    current, paused = spec_of(row).resources, row.paused_at is not None
    reason = sizing.why_not_now(state=row.state, paused=paused) or _unmeasured(cluster, seen)
    found = (
        sizing.Suggestion(reason=reason)
        if reason
        else sizing.suggest(current, autoscaling_of(row), seen.evidence)
    )
    requested = Amounts(millicores(current.cpu), bytes_(current.memory), current.gpu)
    count, prices = row.wanted_replicas, costs.prices_of(cluster)
    return Sizing(
        deployment=row,
        revision=row.revision,
        computed_at=now,
        hours=seen.evidence.hours,
        cpu_p95=seen.evidence.cpu_p95,
        memory_max=seen.evidence.memory_max,
        cpu=found.cpu,
        memory=found.memory,
        reason=found.reason[:200],
        saving_hour=_saving(prices, requested, found, seen.each, count),
        waste_hour=_waste(prices, requested, seen.each, count, gpu_percent),
        idle_since=None if paused or not count else _idle_since(seen, idle_before, gpu_percent),
        gpu_percent=gpu_percent,
    )


def _unmeasured(cluster: Cluster, seen: Seen) -> str:
    if seen.evidence.hours or not cluster.metrics_message:
        return ""
    return f"What is used is not measured: {cluster.metrics_message}"


def _saving(
    prices: costs.Prices, requested: Amounts, found: sizing.Suggestion, each: Amounts | None, count: int
) -> Decimal | None:
    """Money an hour of all replicas; below zero where it would cost more. None without prices."""
    if found.cpu is None or found.memory is None:
        return None
    would = Amounts(found.cpu, found.memory, requested.gpu)
    before, after = (costs.paid_amounts(prices.basis, one, each) for one in (requested, would))
    had, needs = (costs.cost_of_hour(prices, one) if one else None for one in (before, after))
    return None if had is None or needs is None else (had - needs) * count


def _waste(
    prices: costs.Prices, requested: Amounts, each: Amounts | None, count: int, gpu_percent: float | None
) -> Decimal | None:
    """Money an hour for what all replicas request and do not use; GPUs where they are known to do nothing."""
    idle = costs.idle_amounts(requested, each)
    if idle is None:
        return None
    if gpu_percent is not None and gpu_percent < sizing.IDLE_GPU_PERCENT:
        idle = Amounts(idle.cpu, idle.memory, requested.gpu)
    cost = costs.cost_of_hour(prices, idle)
    return None if cost is None else cost * count


def _idle_since(seen: Seen, before: datetime | None, gpu_percent: float | None) -> datetime | None:
    """Since when nothing worth mention was computed; None where something was, or too little is known."""
    if seen.evidence.hours < sizing.LEAST_HOURS or seen.first is None:
        return None
    if gpu_percent is not None and gpu_percent >= sizing.IDLE_GPU_PERCENT:
        return None
    if seen.busy_until is not None:
        return _moment(seen.busy_until)
    # It began before the window: an earlier look knows when.
    return min(before, _moment(seen.first)) if before else _moment(seen.first)


def _moment(minutes: int) -> datetime:
    return datetime.fromtimestamp(minutes * 60, UTC)

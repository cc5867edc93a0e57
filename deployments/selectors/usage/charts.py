"""What was requested and used over a window, step by step, for charts."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from deployments import prometheus
from deployments.models import (
    Cluster,
    Deployment,
    MinuteSample,
    Namespace,
    QuarterSample,
    Sample,
    SeriesKind,
)
from deployments.selectors.usage import promql
from deployments.selectors.usage.kept import PROMETHEUS_KEPT_SECONDS, kept
from deployments.selectors.usage.shapes import Chart, Window
from deployments.usage.minutes import minute_of, step_of
from teams.models import Team

logger = logging.getLogger(__name__)

#: A page waits no longer.
PROMETHEUS_SECONDS = 2.0
_USED = {"cpu_used", "memory_used"}
_STEPS: dict[Window, tuple[type[Sample], int, int]] = {
    # samples, minutes of one, how many
    "1h": (MinuteSample, 1, 60),
    "24h": (MinuteSample, 1, 24 * 60),
    "7d": (QuarterSample, 15, 7 * 96),
    "30d": (QuarterSample, 15, 30 * 96),
}
_COLUMNS = (
    "at",
    "minutes",
    "used_minutes",
    "cpu_requested",
    "cpu_used",
    "cpu_peak",
    "memory_requested",
    "memory_used",
    "memory_peak",
    "gpu_requested",
    "pods",
)


def chart(
    cluster: Cluster, window: Window, *, team: Team | None = None, deployment: Deployment | None = None
) -> Chart:
    """Of a deployment, of a team in the cluster, or of all of it. Who may see it is the caller's to know.

    From the cluster's Prometheus where one is set and answers, else from samples. What it does not know of
    requests, samples do.
    """
    table, step, count = _STEPS[window]
    end = step_of(minute_of(timezone.now()), step)
    times = range(end - step * count, end, step)
    sampled = _sampled(table, window, times, {"series__cluster": cluster, **_subject(team, deployment)})
    scope = _scope(cluster, team, deployment) if cluster.prometheus_url else None
    return sampled if scope is None else _measured(cluster, scope, sampled)


def _sampled(table: type[Sample], window: Window, times: range, whose: dict[str, object]) -> Chart:
    rows: QuerySet[Any] = QuerySet(table)
    rows = rows.filter(at__gte=times[0], at__lt=times.stop, **whose)
    found = {row["at"]: row for row in rows.order_by().values(*_COLUMNS)}
    steps = [found.get(at) for at in times]
    return Chart(
        window=window,
        step_seconds=times.step * 60,
        at=[at * 60 for at in times],
        cpu_requested=_averages(steps, "cpu_requested", "minutes"),
        cpu_used=_averages(steps, "cpu_used", "used_minutes"),
        cpu_peak=[row["cpu_peak"] if row else None for row in steps],
        memory_requested=_averages(steps, "memory_requested", "minutes"),
        memory_used=_averages(steps, "memory_used", "used_minutes"),
        memory_peak=[row["memory_peak"] if row else None for row in steps],
        gpu_requested=_averages(steps, "gpu_requested", "minutes"),
        pods=[round(row["pods"] / row["minutes"], 2) if row else None for row in steps],
    )


def _subject(team: Team | None, deployment: Deployment | None) -> dict[str, object]:
    if deployment is not None:
        return {"series__kind": SeriesKind.DEPLOYMENT, "series__key": str(deployment.pk)}
    if team is not None:
        return {"series__kind": SeriesKind.TEAM, "series__key": str(team.pk)}
    return {"series__kind": SeriesKind.CLUSTER, "series__key": ""}


def _averages(steps: list[dict[str, Any] | None], column: str, over: str) -> list[int | None]:
    """None where nothing was sampled, or not what is asked for."""
    return [round(row[column] / row[over]) if row and row[over] else None for row in steps]


def _scope(cluster: Cluster, team: Team | None, deployment: Deployment | None) -> promql.Scope | None:
    """Whose pods are asked for; None where a team has no place in the cluster."""
    if deployment is not None:
        return promql.scope_of(deployment)
    if team is None:
        return promql.Scope()
    name = Namespace.objects.filter(cluster=cluster, team=team).values_list("name", flat=True).first()
    return promql.Scope(name) if name else None


def _measured(cluster: Cluster, scope: promql.Scope, sampled: Chart) -> Chart:
    """The same chart as Prometheus tells it; samples and why where it does not."""
    step = sampled.step_seconds
    fields = {
        "query": promql.query_of(cluster, scope, step // 60),
        # Prometheus looks back from an instant: a step's word is at its end.
        "start": str(sampled.at[0] + step),
        "end": str(sampled.at[-1] + step),
        "step": str(step),
    }
    about = f"prometheus {cluster.prometheus_url} {fields}"
    found = kept(about, PROMETHEUS_KEPT_SECONDS, lambda: _ask(cluster, fields))
    if isinstance(found, str):
        return replace(sampled, source_message=f"Prometheus {found}: this is what was sampled here instead.")
    ends = [at + step for at in sampled.at]
    told = {name: [values.get(end) for end in ends] for name, values in found.items()}
    cpu, memory = _whole(told, "cpu_used", 1000, ends), _whole(told, "memory_used", 1, ends)
    chart = replace(
        sampled,
        cpu_used=cpu,
        cpu_peak=_whole(told, "cpu_peak", 1000, ends) if step > 60 else cpu,
        memory_used=memory,
        memory_peak=_whole(told, "memory_peak", 1, ends) if step > 60 else memory,
        pods=[None if value is None else round(value, 2) for value in told.get("pods", [None] * len(ends))],
        source="prometheus",
    )
    return _with_requests(chart, told, ends)


def _with_requests(chart: Chart, told: Mapping[str, list[float | None]], ends: list[int]) -> Chart:
    """Those of kube-state-metrics where it is scraped: it tells of no GPUs where none are requested."""
    if "cpu_requested" not in told:
        return chart
    gpus = told.get("gpu_requested", [None] * len(ends))
    known = [
        0 if gpu is None and cpu is not None else gpu
        for gpu, cpu in zip(gpus, told["cpu_requested"], strict=True)
    ]
    return replace(
        chart,
        cpu_requested=_whole(told, "cpu_requested", 1000, ends),
        memory_requested=_whole(told, "memory_requested", 1, ends),
        gpu_requested=[None if gpu is None else round(gpu) for gpu in known],
    )


def _ask(cluster: Cluster, fields: Mapping[str, str]) -> dict[str, dict[int, float]] | str:
    """Values by figure and second; in words why there are none. Both are kept, or each look would wait."""
    try:
        series = prometheus.ask(cluster.prometheus_url, "query_range", fields, seconds=PROMETHEUS_SECONDS)
    except prometheus.NoAnswer as exc:
        logger.warning("Charts of cluster %s are of samples: Prometheus %s", cluster.name, exc)
        return str(exc)
    found = {
        one.labels.get(promql.FIGURE, ""): {int(at): value for at, value in one.points if isfinite(value)}
        for one in series
    }
    return found if _USED & found.keys() else "knows nothing of these containers in this time"


def _whole(
    told: Mapping[str, list[float | None]], figure: str, scale: int, ends: list[int]
) -> list[int | None]:
    values = told.get(figure, [None] * len(ends))
    return [None if value is None else round(value * scale) for value in values]

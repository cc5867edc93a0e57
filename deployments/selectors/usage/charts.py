"""What was requested and used over a window, step by step, for charts."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from deployments.models import Cluster, Deployment, MinuteSample, QuarterSample, Sample, SeriesKind
from deployments.selectors.usage.shapes import Chart, Window
from teams.models import Team

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
    """Of a deployment, of a team in the cluster, or of all of it. Who may see it is the caller's to know."""
    table, step, count = _STEPS[window]
    end = int(timezone.now().timestamp()) // 60 // step * step
    times = range(end - step * count, end, step)
    rows: QuerySet[Any] = QuerySet(table)
    rows = rows.filter(series__cluster=cluster, at__gte=times[0], at__lt=end)
    found = {row["at"]: row for row in rows.filter(**_subject(team, deployment)).order_by().values(*_COLUMNS)}
    steps = [found.get(at) for at in times]
    return Chart(
        window=window,
        step_seconds=step * 60,
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


def _subject(team: Team | None, deployment: Deployment | None) -> dict[str, str]:
    if deployment is not None:
        return {"series__kind": SeriesKind.DEPLOYMENT, "series__key": str(deployment.pk)}
    if team is not None:
        return {"series__kind": SeriesKind.TEAM, "series__key": str(team.pk)}
    return {"series__kind": SeriesKind.CLUSTER, "series__key": ""}


def _averages(steps: list[dict[str, Any] | None], column: str, over: str) -> list[int | None]:
    """None where nothing was sampled, or not what is asked for."""
    return [round(row[column] / row[over]) if row and row[over] else None for row in steps]

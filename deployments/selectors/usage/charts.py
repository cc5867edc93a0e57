"""Samples over a window, for charts."""

import time

from django.db.models import QuerySet

from deployments.models import Cluster, Deployment, MinuteSample, QuarterSample, Sample, SeriesKind
from deployments.selectors.usage.shapes import Chart, Window
from teams.models import Team

_SHAPES: dict[Window, tuple[type[Sample], int, int]] = {
    "1h": (MinuteSample, 1, 60),
    "24h": (MinuteSample, 1, 1440),
    "7d": (QuarterSample, 15, 7 * 96),
    "30d": (QuarterSample, 15, 30 * 96),
}


def chart(
    cluster: Cluster, window: Window, *, team: Team | None = None, deployment: Deployment | None = None
) -> Chart:
    table, step, count = _SHAPES[window]
    end = int(time.time()) // 60 // step * step
    steps = [end - step * number for number in range(count, 0, -1)]
    kind, key = SeriesKind.CLUSTER, ""
    if deployment is not None:
        kind, key = SeriesKind.DEPLOYMENT, str(deployment.pk)
    elif team is not None:
        kind, key = SeriesKind.TEAM, str(team.pk)
    rows = QuerySet(table).filter(
        series__cluster=cluster, series__kind=kind, series__key=key, at__gte=steps[0], at__lt=end
    )
    by = {
        row[0]: row
        for row in rows.values_list(
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
    }

    def column(place: int, over: int | None) -> list:
        return [
            None
            if at not in by or by[at][place] is None or (over and not by[at][over])
            else by[at][place] // by[at][over]
            if over
            else by[at][place]
            for at in steps
        ]

    return Chart(
        window,
        step * 60,
        [at * 60 for at in steps],
        column(3, 1),
        column(4, 2),
        column(5, None),
        column(6, 1),
        column(7, 2),
        column(8, None),
        column(9, 1),
        column(10, 1),
    )

"""Charts as pages show them: thinned to what a screen can draw, in units that people read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import get_language, gettext_noop, pgettext
from django.utils.translation import gettext as _

from dashboard.figures import localized
from deployments.models import Cluster, Deployment
from deployments.selectors.usage.charts import chart
from deployments.selectors.usage.kept import kept
from deployments.selectors.usage.shapes import Amounts, Chart, Window
from teams.models import Team

WINDOWS = {
    "1h": gettext_noop("1 hour"),
    "24h": gettext_noop("24 hours"),
    "7d": gettext_noop("7 days"),
    "30d": gettext_noop("30 days"),
}
MOST_POINTS = 360
MOST_ROWS = 48
CHART_KEPT_SECONDS = 10
"""A new point comes each minute."""
GIB = 2**30

Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line of a plot: `kind` is how it is drawn, "requested", "used", "peak" or "ceiling"."""

    kind: str
    label: str
    values: list[float | None]


@dataclass(frozen=True)
class Plot:
    """What is drawn in one frame, in one unit."""

    key: str
    title: str
    unit: str
    lines: list[Line]


@dataclass(frozen=True)
class ShownChart:
    """`data` is for the script, `columns` and `rows` a table of the same; `empty`: nothing is known.

    `source_message` says why it is not from Prometheus though one is set.
    """

    data: dict[str, Any]
    columns: list[str]
    rows: tuple[tuple[datetime, tuple[str, ...]], ...]
    step: str
    source: str
    source_message: str
    empty: bool


def shown_chart(found: Chart, *, ceiling: Amounts | None, ceiling_word: str) -> ShownChart:
    """`ceiling` is what cannot be exceeded, drawn as a line where it is known: "allocatable", "limit"."""
    size = -(-len(found.at) // MOST_POINTS) or 1
    plots = _plots(found, size, ceiling, ceiling_word)
    at = found.at[::size]
    data = {
        "window": found.window,
        "step": found.step_seconds * size,
        "at": at,
        "plots": [
            {
                "key": plot.key,
                "title": plot.title,
                "unit": plot.unit,
                "lines": [
                    {"kind": line.kind, "label": line.label, "values": line.values} for line in plot.lines
                ],
            }
            for plot in plots
        ],
    }
    coarse = -(-len(found.at) // MOST_ROWS) or 1
    table = _plots(found, coarse, None, "")
    lines = [(plot, line) for plot in table for line in plot.lines]
    rows = [
        (
            datetime.fromtimestamp(second, UTC),
            tuple(_text(line.values[place], plot.unit) for plot, line in lines),
        )
        for place, second in enumerate(found.at[::coarse])
    ]
    return ShownChart(
        data=data,
        columns=[
            pgettext("column", "{title} {label}").format(title=plot.title, label=line.label)
            for plot, line in lines
        ],
        rows=tuple(rows[::-1]),
        step=step_word(found.step_seconds * coarse),
        source=found.source,
        source_message=found.source_message,
        empty=all(value is None for value in (*found.cpu_requested, *found.cpu_used)),
    )


def _plots(chart: Chart, size: int, ceiling: Amounts | None, ceiling_word: str) -> list[Plot]:
    made = []
    for key, title, unit, scale in (("cpu", "CPU", _("cores"), 1000), ("memory", _("Memory"), "GiB", GIB)):
        lines = [
            Line("requested", _("requested"), thinned(getattr(chart, f"{key}_requested"), size, mean, scale)),
            Line("used", _("used"), thinned(getattr(chart, f"{key}_used"), size, mean, scale)),
            Line("peak", _("highest minute"), thinned(getattr(chart, f"{key}_peak"), size, max, scale)),
        ]
        most = getattr(ceiling, key) if ceiling else 0
        if most:
            values: list[float | None] = [most / scale] * len(lines[0].values)
            lines.append(Line("ceiling", _(ceiling_word), values))
        made.append(Plot(key, title, unit, lines))
    if any(chart.gpu_requested) or (ceiling and ceiling.gpu):
        gpus = Line("requested", _("requested"), thinned(chart.gpu_requested, size, mean, 1))
        made.append(Plot("gpu", "GPUs", "GPUs", [gpus]))
    return made


def thinned(
    values: Sequence[float | None], size: int, merge: Callable[[list[float]], float], scale: float
) -> list[float | None]:
    """Groups of `size` steps as one each; what is not known of some of a group is left out, of all a gap."""
    merged: list[float | None] = []
    for start in range(0, len(values), size):
        known = [value for value in values[start : start + size] if value is not None]
        merged.append(round(merge(known) / scale, 4) if known else None)
    return merged


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def step_word(seconds: int) -> str:
    """How long a step is: "5 min", "6 h", "1 d"."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return localized(f"{seconds / size:.3g} {unit}")
    return f"{seconds} s"


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return "–"  # noqa: RUF001  an en dash, as in print
    return localized(f"{value:.2f}" if unit != "GPUs" else f"{value:.3g}")


def chart_of(
    cluster: Cluster,
    window: Window,
    *,
    team: Team | None = None,
    deployment: Deployment | None = None,
    ceiling: Amounts | None = None,
    ceiling_word: str = "",
) -> ShownChart:
    """A deployment's, a team's in a cluster, or a whole cluster's; some seconds old at most."""

    def draw() -> ShownChart:
        found = chart(cluster, window, team=team, deployment=deployment)
        return shown_chart(found, ceiling=ceiling, ceiling_word=ceiling_word)

    about = (cluster.pk, cluster.prometheus_url, team and team.pk, deployment and deployment.pk)
    subject = (*about, get_language())
    return kept(f"chart {window} {subject} {ceiling} {ceiling_word}", CHART_KEPT_SECONDS, draw)

"""Logs: a page that follows or shows a tail, a file, and what crashed containers left."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.views.detail import containers_of
from dashboard.views.frame import PageRequest, page
from dashboard.views.log_text import inert
from dashboard.views.one import MAX_DIGITS, find, show_tab
from deployments import ask, selectors
from deployments.errors import DomainError, NotFound
from deployments.models import CapturedLog, Deployment, Pod, State
from deployments.selectors.captured import captured_logs_of, get_captured_log

TAILS = (100, 200, 1000, 5000, 10_000)
DOWNLOAD_LINES = 10_000
SINCE = {"5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "1d": 86_400}
SINCE_WORDS = {
    "5m": "last 5 minutes",
    "15m": "last 15 minutes",
    "1h": "last hour",
    "6h": "last 6 hours",
    "1d": "last day",
}
# A page that waits for a worker must not seem dead when there is none.
PAGE_PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class LogQuery:
    """What to read: one pod or all, a container, this run or the one before, how many lines, since when."""

    pod: str
    container: str
    previous: bool
    tail: int
    since: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "LogQuery":
        tail, since = request.GET.get("tail", ""), request.GET.get("since", "")
        return cls(
            pod=request.GET.get("pod", ""),
            container=request.GET.get("container", ""),
            previous=bool(request.GET.get("previous")),
            tail=int(tail) if tail in {str(number) for number in TAILS} else 1000,
            since=since if since in SINCE else "",
        )

    @property
    def since_seconds(self) -> int | None:
        return SINCE.get(self.since)

    def read(self, deployment: Deployment, *, tail: int | None = None, patience_seconds: float = 20) -> str:
        """The lines with nothing in them that acts on whoever reads them."""
        text = ask.read_logs(
            deployment,
            pod=self.pod or None,
            container=self.container or None,
            previous=self.previous,
            tail=tail or self.tail,
            since_seconds=self.since_seconds,
            patience_seconds=patience_seconds,
        )
        return inert(text)


@page
@require_safe
def logs(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    query = LogQuery.of(request)
    chosen = chosen_of(request, deployment)
    # With a script the page is there at once and its stream brings the lines. Without one it says
    # `plain`. A run that has ended streams nothing.
    plain = "plain" in request.GET
    streams = deployment.deleted_at is None and not query.previous and chosen is None
    context = {
        **choices_of(deployment),
        "query": query,
        "chosen": chosen,
        "plain": plain,
        "streams": streams,
        "lines": inert(chosen.text) if chosen else "",
        "failure": None,
    }
    # The live part of this tab is its head; it must not read logs again and again.
    reads = chosen is None and deployment.deleted_at is None and (plain or not streams)
    if reads and not request.htmx:
        try:
            context["lines"] = query.read(deployment, patience_seconds=PAGE_PATIENCE_SECONDS)
        except DomainError as error:
            context["failure"] = error
    return show_tab(request, deployment, "deployment-logs", "deployments/logs.html", context)


def choices_of(deployment: Deployment) -> dict[str, object]:
    """What the page offers, and why it may be empty."""
    pods = list(selectors.pods_of(deployment))
    captured: QuerySet[CapturedLog] = captured_logs_of(deployment)
    return {
        "pods": pods,
        "containers": sorted({c.name for pod in pods for c in containers_of(pod)}),
        "tails": TAILS,
        "sinces": SINCE_WORDS.items(),
        "captured": captured,
        "empty": why_empty(deployment, pods),
    }


def chosen_of(request: HttpRequest, deployment: Deployment) -> CapturedLog | None:
    """The captured log that is asked for, if one is.

    Raises:
        NotFound: it is not there.
    """
    asked = request.GET.get("captured", "")
    if not asked:
        return None
    if not asked.isdecimal() or len(asked) > MAX_DIGITS:
        raise NotFound("There is no such log.")
    return get_captured_log(deployment, int(asked))


def why_empty(deployment: Deployment, pods: Sequence[Pod]) -> str:
    """One sentence on what a reader waits for when there are no lines."""
    if deployment.deleted_at is not None:
        return "The deployment has been deleted. What its crashed containers wrote is listed below."
    if deployment.state == State.PAUSED:
        return "The deployment is paused: nothing runs that could write."
    if not pods:
        return "There is no pod yet. Its lines appear here as soon as one starts."
    if all(pod.phase == "Pending" for pod in pods):
        reasons = sorted({pod.reason for pod in pods if pod.reason})
        waits = f" ({', '.join(reasons)})" if reasons else ""
        return f"No container has started yet{waits}. Its lines appear here as soon as one does."
    return "Nothing has been written yet, or nothing that fits the choices above."


@page
@require_safe
def download(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    query = LogQuery.of(request)
    chosen = chosen_of(request, deployment)
    if chosen is not None:
        return as_file(f"{chosen.pod}-{chosen.container}-run-{chosen.run}", inert(chosen.text))
    return as_file(query.pod or deployment.name, query.read(deployment, tail=DOWNLOAD_LINES))


def as_file(name: str, text: str) -> HttpResponse:
    """A download. Browsers must neither show it nor guess what it is."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{safe}.log"',
            "X-Content-Type-Options": "nosniff",
        },
    )

"""Logs: a tail as a page and as a file, and a stream that follows."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from dashboard.live import BYE, Hub, Listener, event_stream, hub
from dashboard.views.detail import containers_of
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from deployments import ask, selectors
from deployments.errors import DomainError, NotFound
from deployments.models import Deployment

log = logging.getLogger(__name__)

TAILS = (100, 200, 1000, 5000)
DOWNLOAD_LINES = 10_000
# A page that waits for a worker must not seem dead when there is none.
PAGE_PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class LogQuery:
    """What to read: one pod or all, a container, this run or the one before, how many lines."""

    pod: str
    container: str
    previous: bool
    tail: int

    @classmethod
    def of(cls, request: HttpRequest) -> "LogQuery":
        tail = request.GET.get("tail", "")
        return cls(
            pod=request.GET.get("pod", ""),
            container=request.GET.get("container", ""),
            previous=bool(request.GET.get("previous")),
            tail=int(tail) if tail in {str(number) for number in TAILS} else 200,
        )

    def read(self, deployment: Deployment, **options: int) -> str:
        return ask.read_logs(
            deployment,
            pod=self.pod or None,
            container=self.container or None,
            previous=self.previous,
            **{"tail": self.tail, **options},
        )


@page
@require_safe
def logs(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    query = LogQuery.of(request)
    pods = list(selectors.pods_of(deployment))
    context: dict[str, object] = {
        "query": query,
        "pods": pods,
        "containers": sorted({c.name for pod in pods for c in containers_of(pod)}),
        "tails": TAILS,
        "lines": "",
        "failure": None,
    }
    # With a script the page is there at once and its stream brings the lines. Without one it says
    # `plain`. The run before the last restart is at its end, so nothing streams it.
    context["plain"] = plain = "plain" in request.GET
    context["streams"] = deployment.deleted_at is None and not query.previous
    # The live part of this tab is its head; it must not read logs again and again.
    if not request.htmx and (plain or not context["streams"]):
        try:
            context["lines"] = query.read(deployment, patience_seconds=PAGE_PATIENCE_SECONDS)
        except DomainError as error:
            context["failure"] = error
    return show_tab(request, deployment, "deployment-logs", "deployments/logs.html", context)


@page
@require_safe
def download(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    query = LogQuery.of(request)
    file = f"{query.pod or deployment.name}.log"
    return HttpResponse(
        query.read(deployment, tail=DOWNLOAD_LINES),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


@require_safe
async def follow(request: HttpRequest, team: str, name: str) -> HttpResponseBase:
    """Lines as they are written, as server-sent events, for as long as this person may read them."""
    here = hub()
    listener = await here.join(request.session.session_key, wants_names=False)
    if listener is None:
        return HttpResponse("Sign in first.\n", status=401, content_type="text/plain")
    try:
        deployment = await here.ask(selectors.get_deployment, listener.access.user, team, name)
    except NotFound:
        here.leave(listener)
        return HttpResponse("There is no such deployment.\n", status=404, content_type="text/plain")
    return event_stream(lines(here, listener, deployment.pk, team, LogQuery.of(request)))


async def lines(
    here: Hub, listener: Listener, deployment_id: int, team: str, query: LogQuery
) -> AsyncIterator[str]:
    """The stream; `event: skipped` says how many lines a slow reader missed."""
    pump = asyncio.create_task(fill(listener, deployment_id, query))
    try:
        yield "retry: 1000\nevent: hello\ndata: 1\n\n"
        message = ""
        while message != BYE:
            message = await listener.next() if listener.access.may_hear(team) else BYE
            yield message
    finally:
        pump.cancel()
        here.leave(listener)


async def fill(listener: Listener, deployment_id: int, query: LogQuery) -> None:
    """Lines into the stream's queue, no faster than the browser takes them: who is slow skips upstream."""
    source = ask.follow_logs(
        deployment_id, pod=query.pod or None, container=query.container or None, tail=query.tail
    )
    try:
        async with aclosing(source) as upstream:
            async for item in upstream:
                await listener.queue.put(event_of(item))
    except DomainError as error:
        log.warning("a log cannot be followed: %s", error)
    listener.end()


def event_of(item: ask.LogLine | ask.Skipped) -> str:
    if isinstance(item, ask.Skipped):
        return f"event: skipped\ndata: {item.lines}\n\n"
    return f"event: line\ndata: {json.dumps([item.pod, item.text])}\n\n"

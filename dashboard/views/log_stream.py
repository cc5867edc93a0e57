"""The stream of a followed log, as its page reads it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from itertools import groupby

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from dashboard.live import BYE, Hub, Listener, event_stream, hub, joined
from dashboard.said import said
from dashboard.views.logs import LogQuery
from deployments import ask, selectors
from deployments.errors import DomainError, NotFound

log = logging.getLogger(__name__)

# Portions on their way to a browser. Few: who is slow skips lines upstream instead of filling us.
PORTIONS = 8


@require_safe
async def follow(request: HttpRequest, team: str, name: str) -> HttpResponseBase:
    """Lines as they are written, as server-sent events, for as long as this person may read them."""
    here = hub()
    listener = await joined(request, wants_names=False)
    if isinstance(listener, HttpResponse):
        return listener
    listener.queue = asyncio.Queue(PORTIONS)
    try:
        deployment = await here.ask(selectors.get_deployment, listener.access.user, team, name)
    except NotFound:
        here.leave(listener)
        return HttpResponse("There is no such deployment.\n", status=404, content_type="text/plain")
    # The stream outlives the request, and with it the active language: it is told which one that was.
    begin = partial(fill, listener, deployment.pk, LogQuery.of(request), get_language())
    return event_stream(lines(here, listener, team, begin))


async def lines(
    here: Hub, listener: Listener, team: str, begin: Callable[[], Coroutine[None, None, None]]
) -> AsyncIterator[str]:
    """The stream: `lines` with [pod, text, time] of each, `skipped` with how many a slow reader missed."""
    pump = asyncio.create_task(begin())
    try:
        yield "retry: 1000\nevent: hello\ndata: 1\n\n"
        message = ""
        while message != BYE:
            message = await listener.next() if listener.access.may_hear(team) else BYE
            yield message
    finally:
        pump.cancel()
        here.leave(listener)


async def fill(listener: Listener, deployment_id: int, query: LogQuery, language: str | None) -> None:
    """Lines into the stream's queue, no faster than the browser takes them."""
    source = ask.follow_logs(
        deployment_id,
        pod=query.pod or None,
        container=query.container or None,
        tail=query.tail,
        since_seconds=query.since_seconds,
    )
    try:
        async with aclosing(source) as upstream:
            async for portion in upstream:
                await listener.queue.put("".join(events_of(portion)))
    except DomainError as error:
        log.warning("a log cannot be followed: %s", error)
        with override(language):
            words = f"{said(error.title)}. {said(error.detail)}"
        await listener.queue.put(event("problem", words))
        # Ended at once, the problem would be overtaken by the end.
        await listener.queue.put(BYE)
        return
    listener.end()


def events_of(portion: list[ask.LogLine | ask.Skipped]) -> list[str]:
    """Neighbouring lines are one event. JSON has no newline of its own, so a line cannot end its event."""
    events: list[str] = []
    for skips, items in groupby(portion, key=lambda item: isinstance(item, ask.Skipped)):
        if skips:
            events += [event("skipped", item.lines) for item in items if isinstance(item, ask.Skipped)]
        else:
            events.append(event("lines", list(items)))
    return events


def event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"

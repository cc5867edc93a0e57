"""Server-sent events: names of what changed, and lines of logs.

The view that opens a stream is an ordinary one, in a thread, so that
authentication and permission are the same as everywhere; what it answers is
iterated by the event loop. A stream holds no database connection: see `gate`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

import msgspec
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from deployments import limits, listening
from deployments.api import gate
from deployments.api.base import token_of, user_of
from deployments.api.gate import Gate, Pass, Reader
from deployments.ask import LogLine, Skipped
from deployments.connections import let_go_of_database
from deployments.errors import DomainError
from deployments.nudges import Nudge

Item = TypeVar("Item")

HEARTBEAT_SECONDS = 5.0


class NoStreamsHere(DomainError):
    code = "no_streams_here"
    title = "This server cannot stream"
    status = 501


def watch_stream(request: Request) -> StreamingHttpResponse:
    """`event: change` with names of what this person may see; `refresh` when some may have been missed."""
    lease = _lease(request)
    return _answer(_changes(_reader(request), lease))


def log_stream(
    request: Request, team: str, lines: AsyncIterator[list[LogLine | Skipped]]
) -> StreamingHttpResponse:
    """`event: line` with pod, text and time; `skipped` when the reader is too slow, `problem` at the end."""
    lease = _lease(request)
    return _answer(_lines(_reader(request, team=team), lease, lines))


def _reader(request: Request, *, team: str = "") -> Reader:
    token = token_of(request)
    if token is not None:
        return Reader(token_id=token.pk, team=team)
    return Reader(session_key=request.session.session_key, team=team)


def _lease(request: Request) -> limits.Lease:
    """A place among the streams of whoever asks.

    Raises:
        NoStreamsHere, TooManyRequests.
    """
    # A WSGI server would collect the endless stream before it sends a byte.
    if not isinstance(request._request, ASGIRequest):  # noqa: SLF001 - DRF hides which server it is
        raise NoStreamsHere("Streams need the ASGI server.")
    return limits.take_stream(user_of(request).pk)


def _answer(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        events,
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _changes(reader: Reader, lease: limits.Lease) -> AsyncGenerator[bytes, None]:
    here = gate.gate()
    with here.admitted(reader, lease) as pass_, listening.hub().listener() as heard:
        await _begin(here, pass_)
        yield _event("hello", {})
        async for nudge in _with_pauses(heard, pass_):
            if nudge is None:
                yield b": alive\n\n"
            elif nudge.lost:
                yield _event("refresh", {})
            elif nudge.team in pass_.teams:
                yield _event("change", _names(nudge))


async def _begin(here: Gate, pass_: Pass) -> None:
    await here.look_at([pass_])
    # The view has used a connection, which would stay open for as long as the stream.
    await sync_to_async(let_go_of_database)()


def _names(nudge: Nudge) -> dict[str, str | None]:
    return {"team": nudge.team, "deployment": nudge.deployment, "operation": nudge.operation or None}


async def _lines(
    reader: Reader, lease: limits.Lease, lines: AsyncIterator[list[LogLine | Skipped]]
) -> AsyncGenerator[bytes, None]:
    here = gate.gate()
    with here.admitted(reader, lease) as pass_:
        await _begin(here, pass_)
        yield _event("hello", {})
        try:
            async for portion in _with_pauses(lines, pass_):
                yield b": alive\n\n" if portion is None else b"".join(map(_line_event, portion))
        except DomainError as exc:
            # The answer has begun: a problem can only be told as an event.
            yield _event("problem", exc.as_problem())


def _line_event(line: LogLine | Skipped) -> bytes:
    if isinstance(line, Skipped):
        return _event("skipped", {"lines": line.lines})
    return _event("line", {"pod": line.pod, "text": line.text, "at": line.at})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


async def _with_pauses(source: AsyncIterator[Item], pass_: Pass) -> AsyncGenerator[Item | None, None]:
    """Items as they come, and None after each `HEARTBEAT_SECONDS` without one, while the pass is good.

    Closes `source` at the end.
    """
    pending: asyncio.Future[Item] | None = None
    ended = asyncio.ensure_future(pass_.ended.wait())
    try:
        while not ended.done():
            if pending is None:
                pending = asyncio.ensure_future(_next(source))
            either: set[asyncio.Future[Any]] = {pending, ended}
            done, _ = await asyncio.wait(
                either, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                yield None
            elif pending in done and not ended.done():
                finished, pending = pending, None
                try:
                    item = finished.result()
                except StopAsyncIteration:
                    return
                yield item
    finally:
        ended.cancel()
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        if isinstance(source, AsyncGenerator):
            await source.aclose()


async def _next(source: AsyncIterator[Item]) -> Item:
    return await anext(source)

"""Server-sent events: names of what changed, and lines of logs.

The view that opens a stream is an ordinary one, in a thread, so that
authentication and permission are the same as everywhere; what it answers is
iterated by the event loop. A stream holds no database connection.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from importlib import import_module
from typing import Any, TypeVar

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request

from deployments import limits, listening, selectors
from deployments.api.base import token_of, token_team, user_of
from deployments.ask import LogLine, Skipped
from deployments.errors import DomainError
from deployments.nudges import Nudge
from teams.models import ApiToken, Team

Item = TypeVar("Item")

HEARTBEAT_SECONDS = 5.0
"""Also how soon after a sign-out or revocation a stream ends, at the latest."""


class NoStreamsHere(DomainError):
    code = "no_streams_here"
    title = "This server cannot stream"
    status = 501


def watch_stream(request: Request) -> StreamingHttpResponse:
    """`event: change` with names of what this person may see; `refresh` when some may have been missed."""
    access = Access(request)
    return _answer(request, access, _changes(access))


def log_stream(request: Request, lines: AsyncIterator[list[LogLine | Skipped]]) -> StreamingHttpResponse:
    """`event: line` with pod, text and time; `skipped` when the reader is too slow, `problem` at the end."""
    access = Access(request)
    return _answer(request, access, _lines(access, lines))


def _answer(request: Request, access: "Access", events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    # A WSGI server would collect the endless stream before it sends a byte.
    if not isinstance(request._request, ASGIRequest):  # noqa: SLF001 - DRF hides which server it is
        raise NoStreamsHere("Streams need the ASGI server.")
    access.lease = limits.take_stream(user_of(request).pk)
    return StreamingHttpResponse(
        _leased(access.lease, events),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _leased(lease: limits.Lease, events: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The events, after which the place of the stream is free again."""
    try:
        async for event in events:
            yield event
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
        # Not waited for: whoever ends a stream may be in a hurry.
        asyncio.get_running_loop().run_in_executor(None, limits.give_back, lease)


class Access:
    """Whether the person may still read, and which teams; asked again while a stream is open."""

    def __init__(self, request: Request) -> None:
        self.lease: limits.Lease | None = None
        self._user: User = user_of(request)
        self._token: ApiToken | None = token_of(request)
        self._limited_to: Team | None = token_team(request)
        self._session_key: str | None = None if self._token else request.session.session_key

    async def teams(self) -> frozenset[str] | None:
        """Names of the teams that may be told of; None when access has ended."""
        return await sync_to_async(self._teams)()

    def _teams(self) -> frozenset[str] | None:
        try:
            user = self._still_signed_in()
            if user is None:
                return None
            if self.lease is not None:
                limits.keep_streams([self.lease])
            teams = selectors.teams_of(user)
            if self._limited_to is not None:
                teams = teams.filter(pk=self._limited_to.pk)
            return frozenset(teams.values_list("name", flat=True))
        finally:
            # Streams live for hours: their number must not be the number of connections.
            if not connection.in_atomic_block:
                connection.close()

    def _still_signed_in(self) -> User | None:
        if self._token is not None:
            found = ApiToken.objects.select_related("user").filter(pk=self._token.pk, revoked_at=None).first()
            if found is None or not found.user.is_active:
                return None
            return None if found.expires_at and found.expires_at <= timezone.now() else found.user
        fresh = HttpRequest()
        fresh.session = import_module(settings.SESSION_ENGINE).SessionStore(self._session_key)
        user = get_user(fresh)
        return user if isinstance(user, User) and user.is_active else None


async def _changes(access: Access) -> AsyncGenerator[bytes, None]:
    teams = await access.teams()
    loop = asyncio.get_running_loop()
    checked = loop.time()
    with listening.hub().listener() as heard:
        yield _event("hello", {})
        async for nudge in _with_pauses(heard):
            if loop.time() - checked >= HEARTBEAT_SECONDS:
                teams, checked = await access.teams(), loop.time()
            if teams is None:
                return
            if nudge is None:
                yield b": alive\n\n"
            elif nudge.lost:
                yield _event("refresh", {})
            elif nudge.team in teams:
                yield _event("change", _names(nudge))


def _names(nudge: Nudge) -> dict[str, str | None]:
    return {"team": nudge.team, "deployment": nudge.deployment, "operation": nudge.operation or None}


async def _lines(
    access: Access, lines: AsyncIterator[list[LogLine | Skipped]]
) -> AsyncGenerator[bytes, None]:
    # Asked at once for the sake of the connection that the view has used: see `Access`.
    if await access.teams() is None:
        return
    yield _event("hello", {})
    loop = asyncio.get_running_loop()
    checked = loop.time()
    try:
        async for portion in _with_pauses(lines):
            if loop.time() - checked >= HEARTBEAT_SECONDS:
                if await access.teams() is None:
                    return
                checked = loop.time()
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


async def _with_pauses(source: AsyncIterator[Item]) -> AsyncGenerator[Item | None, None]:
    """Items as they come, and None after each `HEARTBEAT_SECONDS` without one. Closes `source` at the end."""
    pending: asyncio.Future[Item] | None = None
    try:
        while True:
            if pending is None:
                pending = asyncio.ensure_future(_next(source))
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield None
                continue
            finished, pending = pending, None
            try:
                item = finished.result()
            except StopAsyncIteration:
                return
            yield item
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        if isinstance(source, AsyncGenerator):
            await source.aclose()


async def _next(source: AsyncIterator[Item]) -> Item:
    return await anext(source)

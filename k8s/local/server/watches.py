"""Watches: what has changed since a version, and everything from then on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from k8s.local import errors
from k8s.local.kinds import Kind
from k8s.local.selectors import Matcher
from k8s.local.server.context import CONTEXT, Context, Target, WatchTrouble, flag, number
from k8s.local.server.encoding import to_json
from k8s.local.server.faults import gone_event
from k8s.local.server.reads import check_not_ahead, matcher_of, parse_version, shape_of, warnings_of
from k8s.local.server.tables import partial_metadata, table
from k8s.local.store import HISTORY_PER_KIND, Change, Object, Subscription

BOOKMARK_SECONDS: Final = 60.0
#: A watch without timeoutSeconds lasts between this long and twice as long, so that not all end at once.
DEFAULT_SECONDS: Final = 1800
#: The last bookmark comes a little before the end, so that the client resumes from there.
LAST_BOOKMARK_BEFORE_END_SECONDS: Final = 2.0
#: A client that is so far behind has to list again. What waits for it is in the history anyway.
BACKLOG_LIMIT: Final = HISTORY_PER_KIND
PIECE_BYTES: Final = 256 * 1024
INITIAL_EVENTS_END: Final = {"k8s.io/initial-events-end": "true"}


@dataclass
class Watch:
    """One client's watch: what it wants to see, and in which shape."""

    context: Context
    kind: Kind
    namespace: str | None
    matches: Matcher | None
    shape: str
    include: str
    bookmarks: bool
    columns_sent: bool = field(default=False)
    trouble: WatchTrouble | None = None

    def event(self, change: Change) -> bytes:
        """The event of a change for this client; empty if it is none of its business.

        An object that stops meeting the selector is DELETED for this client, one
        that starts to is ADDED.
        """
        if self.namespace is not None and change.key[1] != self.namespace:
            return b""
        sort: str = change.type
        if self.matches is not None:
            now = change.type != "DELETED" and self.matches(change.object)
            before = change.previous is not None and self.matches(change.previous)
            if not now and not before:
                return b""
            sort = ("MODIFIED" if before else "ADDED") if now else "DELETED"
        line = self.encoded(sort, change.object)
        if change.type == "DELETED":
            self.context.encoder.forget(change.object["metadata"]["uid"])
        return line

    def encoded(self, sort: str, obj: Object) -> bytes:
        """One line of the stream."""
        if self.shape == "Table":
            body = table(
                self.kind,
                [obj],
                version=obj["metadata"]["resourceVersion"],
                include=self.include,
                with_columns=not self.columns_sent,
            )
            self.columns_sent = True
            payload = to_json(body)
        elif self.shape:
            payload = to_json(partial_metadata(obj))
        else:
            payload = self.context.encoder.whole(self.kind, obj)
        return b"".join((b'{"type":"', sort.encode(), b'","object":', payload, b"}\n"))

    def bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        """A line that only tells how far the client has come."""
        meta: dict[str, Any] = {"resourceVersion": str(self.context.store.resource_version)}
        if annotations:
            meta["annotations"] = annotations
        obj: dict[str, Any] = {"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": meta}
        if self.shape == "Table":
            obj = {**table(self.kind, [], version=meta["resourceVersion"], include="None"), "metadata": meta}
        elif self.shape:
            obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        elif self.kind.key == "pods":
            obj |= {"spec": {"containers": None}, "status": {}}
        return to_json({"type": "BOOKMARK", "object": obj}) + b"\n"


@dataclass
class _Stream:
    """Where the lines go, and what may happen to them on the way."""

    request: web.Request
    response: web.StreamResponse
    trouble: WatchTrouble | None

    async def write(self, lines: Iterable[bytes]) -> None:
        """Send the lines, gathered into pieces: a burst, or all of a large cluster, is never one body."""
        piece: list[bytes] = []
        size = 0
        for line in lines:
            piece.append(line)
            size += len(line)
            if size >= PIECE_BYTES:
                await self._send(b"".join(piece))
                piece, size = [], 0
        if size:
            await self._send(b"".join(piece))

    async def _send(self, body: bytes) -> None:
        if self.trouble is not None:
            await self.trouble.before_writing(self.response, self.request, body)
        await self.response.write(body)


async def watch(request: web.Request, target: Target) -> web.StreamResponse:
    """Stream the changes that the request asks for."""
    context = request.app[CONTEXT]
    watching = Watch(
        context,
        target.kind,
        target.scope,
        _matcher(request, target),
        shape_of(request),
        request.query.get("includeObject", "Metadata"),
        flag(request, "allowWatchBookmarks"),
    )
    seconds = number(request, "timeoutSeconds") or random.randint(DEFAULT_SECONDS, 2 * DEFAULT_SECONDS)  # noqa: S311
    initial = flag(request, "sendInitialEvents")
    if initial:
        check_not_ahead(context.store, parse_version(request.query.get("resourceVersion") or "0"))
    # No await between reading the state and subscribing, or a change could fall in between.
    lines, expired = _beginning(request, watching, initial=initial)
    watching.trouble = context.watch_faults(target) if context.watch_faults is not None else None
    if watching.trouble is not None and request.query.get("resourceVersion", "") not in ("", "0"):
        expired = expired or watching.trouble.begins_gone()
        lines = [gone_event()] if expired else lines
    subscription = context.store.subscribe([target.kind.key], limit=BACKLOG_LIMIT)
    context.watches.add(subscription)
    try:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", **warnings_of(target.kind)}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        stream = _Stream(request, response, None if expired else watching.trouble)
        await stream.write(lines)
        if not expired:
            await _follow(stream, watching, subscription, seconds)
        return response
    except ConnectionError:
        return response
    finally:
        subscription.close()
        context.watches.discard(subscription)


def _matcher(request: web.Request, target: Target) -> Matcher | None:
    matches = matcher_of(request, target.kind)
    if not target.name:
        return matches
    # An old way to watch one object: by its own path.
    return lambda obj: obj["metadata"]["name"] == target.name and (matches is None or matches(obj))


def _beginning(request: web.Request, watching: Watch, *, initial: bool) -> tuple[Iterable[bytes], bool]:
    """The first lines, and whether the watch ends with them."""
    store = watching.context.store
    asked = request.query.get("resourceVersion", "")
    if asked not in ("", "0") and not initial:
        try:
            changes = store.changes_since(watching.kind.key, parse_version(asked))
        except errors.Expired as error:
            # The answer has begun as a 200 when this is found out, so it says so in an event.
            return [to_json({"type": "ERROR", "object": error.status()}) + b"\n"], True
        return [watching.event(change) for change in changes], False
    if request.query.get("sendInitialEvents", "").lower() == "false":
        return [], False
    found = store.list(watching.kind.key, watching.namespace)
    lines = [
        watching.encoded("ADDED", obj) for obj in found if watching.matches is None or watching.matches(obj)
    ]
    if initial and watching.bookmarks:
        lines.append(watching.bookmark(INITIAL_EVENTS_END))
    return lines, False


async def _follow(stream: _Stream, watching: Watch, subscription: Subscription, seconds: float) -> None:
    ends = time.monotonic() + seconds
    last_bookmark = ends - LAST_BOOKMARK_BEFORE_END_SECONDS
    marks = time.monotonic() + BOOKMARK_SECONDS
    while True:
        next_mark = marks if marks < last_bookmark else last_bookmark
        due = min(next_mark if watching.bookmarks and next_mark > time.monotonic() else ends, ends)
        try:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                alive = await subscription.wait()
        except TimeoutError:
            if time.monotonic() >= ends:
                return
            marks = time.monotonic() + BOOKMARK_SECONDS
            # A bookmark says that everything before it has been sent: what has just come goes first.
            if not subscription.waiting:
                await stream.write([watching.bookmark()])
                continue
        else:
            if not alive:
                return
        changes = subscription.take()
        if watching.trouble is not None:
            changes = [change for change in changes if watching.trouble.lets_through(change)]
        await stream.write(watching.event(change) for change in changes)

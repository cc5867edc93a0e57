"""A viewer's side of a followed log."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import redis
import redis.asyncio
from django.conf import settings

from deployments import connections
from deployments.errors import WorkersNotReachable
from deployments.following.keys import (
    FIRST_LINES,
    INTEREST_SECONDS,
    INTERESTS,
    Interest,
    Line,
    interest_in,
)

logger = logging.getLogger(__name__)

_REGISTER_EVERY_SECONDS = 3.0
_BLOCK_MILLISECONDS = 1000
_MOST_AT_ONCE = 50
_RECONNECT_SECONDS = 1.0


LogLine = Line
"""What a viewer is told of a line."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Lines that came faster than they could be kept or read."""

    lines: int


async def follow_logs(
    deployment_id: int,
    *,
    pod: str | None = None,
    container: str | None = None,
    tail: int = FIRST_LINES,
    since_seconds: int | None = None,
) -> AsyncGenerator[list[LogLine | Skipped], None]:
    """The last lines, then each new one, for ever, in portions; close the generator (`aclosing`) to stop.

    Survives a Redis that goes away and comes back empty. The observer does the
    reading, once for any number of viewers. Permission is the caller's.

    Raises:
        WorkersNotReachable: no Redis is configured.
    """
    if not settings.REDIS_URL:
        raise WorkersNotReachable("No Redis is configured, so no log can be followed.")
    reading = _Reading(
        interest_in(deployment_id, pod or "", container or "", tail), tail, _stamp(since_seconds)
    )
    while True:
        client = connections.async_redis_client()
        try:
            while True:
                if told := await reading.next(client):
                    yield told
        except (redis.RedisError, OSError) as exc:
            logger.warning("a followed log is interrupted, Redis does not answer: %s", exc)
        finally:
            await client.aclose()
        await asyncio.sleep(_RECONNECT_SECONDS)


def _stamp(since_seconds: int | None) -> str:
    """The time so many seconds ago as lines carry it; "" for no limit."""
    if since_seconds is None:
        return ""
    return (datetime.now(UTC) - timedelta(seconds=since_seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


class _Entry:
    """What one entry of a stream carries: lines, the first of which has the number `number`."""

    def __init__(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        self.id = entry_id
        self.epoch = fields[b"e"]
        self.number = int(fields[b"n"])
        self.lines = msgspec.json.decode(fields[b"l"], type=list[Line])


class _Reading:
    """A place in a stream: the last entry, and the number its last line had."""

    def __init__(self, interest: Interest, tail: int, since: str = "") -> None:
        self.interest = interest
        self.tail = tail
        self.since = since
        self.last_id: bytes | str = ""
        self.epoch = b""
        self.number = 0
        self.latest: dict[str, str] = {}
        self.told_until: dict[str, str] = {}
        self.registered_at = 0.0

    async def next(self, client: "redis.asyncio.Redis") -> list[LogLine | Skipped]:
        await self._register(client)
        if not self.last_id:
            newest = await self._newest(client)
            # From the stream's beginning while there is nothing: the first lines are already underway.
            self.last_id = newest[-1].id if newest else "0"
            return self._told(newest)[-self.tail :]
        found: Any = await client.xread(
            {self.interest.stream: self.last_id}, count=_MOST_AT_ONCE, block=_BLOCK_MILLISECONDS
        )
        entries = [_Entry(*entry) for entry in found[0][1]] if found else []
        if entries:
            self.last_id = entries[-1].id
        return self._told(entries)

    async def _newest(self, client: "redis.asyncio.Redis") -> list[_Entry]:
        """The newest entries, oldest first, that hold the lines to begin with."""
        entries: list[_Entry] = []
        lines, before = 0, "+"
        while lines < self.tail:
            page: Any = await client.xrevrange(self.interest.stream, max=before, count=_MOST_AT_ONCE)
            if not page:
                break
            entries += [_Entry(*entry) for entry in page]
            lines += sum(len(entry.lines) for entry in entries[-len(page) :])
            before = f"({entries[-1].id.decode()}"
        return entries[::-1]

    async def _register(self, client: "redis.asyncio.Redis") -> None:
        # Again and again: a Redis that came back empty knows of no interest.
        if time.monotonic() - self.registered_at < _REGISTER_EVERY_SECONDS:
            return
        await client.zadd(INTERESTS, {self.interest.member: time.time() + INTEREST_SECONDS})
        self.registered_at = time.monotonic()

    def _told(self, entries: list[_Entry]) -> list[LogLine | Skipped]:
        told: list[LogLine | Skipped] = []
        for entry in entries:
            if entry.epoch != self.epoch:
                self.told_until = dict(self.latest)
            elif entry.number > self.number + 1:
                told.append(Skipped(entry.number - self.number - 1))
            self.epoch, self.number = entry.epoch, entry.number + len(entry.lines) - 1
            told += [line for line in entry.lines if self._is_new(line)]
        return told

    def _is_new(self, line: Line) -> bool:
        # A new upstream tells the last lines once more.
        if line.at and line.at <= max(self.since, self.told_until.get(line.pod, "")):
            return False
        self.latest[line.pod] = line.at
        return True

"""A viewer's side of a followed log."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

from deployments import connections
from deployments.errors import WorkersNotReachable
from deployments.following.keys import FIRST_LINES, INTEREST_SECONDS, INTERESTS, Interest

logger = logging.getLogger(__name__)

_REGISTER_EVERY_SECONDS = 3.0
_BLOCK_MILLISECONDS = 1000
_MOST_AT_ONCE = 500
_RECONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `at` is the container runtime's RFC 3339 time, "" where it gave none."""

    pod: str
    text: str
    at: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Lines that came faster than they could be kept or read."""

    lines: int


async def follow_logs(
    deployment_id: int, *, pod: str | None = None, container: str | None = None, tail: int = FIRST_LINES
) -> AsyncGenerator[LogLine | Skipped, None]:
    """The last lines, then each new one, for ever; close the generator (`aclosing`) to stop.

    Survives a Redis that goes away and comes back empty. The observer does the
    reading, once for any number of viewers. Permission is the caller's.

    Raises:
        WorkersNotReachable: no Redis is configured.
    """
    if not settings.REDIS_URL:
        raise WorkersNotReachable("No Redis is configured, so no log can be followed.")
    reading = _Reading(Interest(deployment_id, pod or "", container or ""), tail)
    while True:
        client = connections.async_redis_client()
        try:
            while True:
                for told in await reading.next(client):
                    yield told
        except (redis.RedisError, OSError) as exc:
            logger.warning("a followed log is interrupted, Redis does not answer: %s", exc)
        finally:
            await client.aclose()
        await asyncio.sleep(_RECONNECT_SECONDS)


class _Reading:
    """A place in a stream: the last entry, and the number its line had."""

    def __init__(self, interest: Interest, tail: int) -> None:
        self.interest = interest
        self.tail = tail
        self.last_id: bytes | str = ""
        self.epoch = b""
        self.number = 0
        self.latest: dict[str, str] = {}
        self.told_until: dict[str, str] = {}
        self.registered_at = 0.0

    async def next(self, client: "redis.asyncio.Redis") -> list[LogLine | Skipped]:
        await self._register(client)
        if not self.last_id:
            newest: Any = await client.xrevrange(self.interest.stream, count=max(1, self.tail))
            # From the stream's beginning while there is nothing: the first lines are already underway.
            self.last_id = newest[0][0] if newest else "0"
            return self._told(list(reversed(newest))[-self.tail :], first=True)
        found: Any = await client.xread(
            {self.interest.stream: self.last_id}, count=_MOST_AT_ONCE, block=_BLOCK_MILLISECONDS
        )
        entries: list[Any] = found[0][1] if found else []
        if entries:
            self.last_id = entries[-1][0]
        return self._told(entries)

    async def _register(self, client: "redis.asyncio.Redis") -> None:
        # Again and again: a Redis that came back empty knows of no interest.
        if time.monotonic() - self.registered_at < _REGISTER_EVERY_SECONDS:
            return
        await client.zadd(INTERESTS, {self.interest.member: time.time() + INTEREST_SECONDS})
        self.registered_at = time.monotonic()

    def _told(self, entries: list[Any], *, first: bool = False) -> list[LogLine | Skipped]:
        told: list[LogLine | Skipped] = []
        for _, fields in entries:
            number, epoch = int(fields[b"n"]), fields[b"e"]
            missed = number - self.number - 1 if epoch == self.epoch else 0
            if epoch != self.epoch:
                self.told_until = dict(self.latest)
            if missed > 0 and not first:
                told.append(Skipped(missed))
            first = False
            self.epoch, self.number = epoch, number
            line = LogLine(fields[b"p"].decode(), fields[b"t"].decode(), fields[b"a"].decode())
            # A new upstream tells the last lines once more.
            if line.at and line.at <= self.told_until.get(line.pod, ""):
                continue
            self.latest[line.pod] = line.at
            told.append(line)
        return told

"""The observer's side of followed logs: one upstream per thing followed, for any number of viewers."""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import msgspec
import redis
import redis.asyncio
from django.conf import settings

from deployments import connections
from deployments.following.backlog import Backlog, entries_of
from deployments.following.keys import (
    FIRST_LINES,
    INTERESTS,
    STREAM_CHARACTERS,
    STREAM_LINES,
    Interest,
    Line,
)
from deployments.models import Deployment, Pod
from deployments.observe.database import Database
from k8s.client_async import AsyncCluster
from k8s.cluster import LogQuery
from k8s.errors import ClusterError
from k8s.logs import stamped

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.3
_RECONNECT_SECONDS = 1.0
_PODS_SECONDS = 1.0
_REOPEN_SECONDS = 1.0
_FLUSH_SECONDS = 0.1
_STREAM_KEPT_SECONDS = 60
_LONGEST_LINE = 16_384
# All replicas together begin with about so many lines, however many replicas there are.
_MOST_FIRST_LINES = 20_000
# A chatty container must not keep the observer from its watches.
_LINES_AT_ONCE = 256


class FollowServer:
    """Serves whatever Redis says is listened to."""

    def __init__(self, cluster_of: Callable[[int], AsyncCluster | None], database: Database) -> None:
        self._cluster_of = cluster_of
        self._database = database
        self._tasks: dict[Interest, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """For ever; a Redis that is away only ends what it cannot carry."""
        try:
            while True:
                if settings.REDIS_URL:
                    await self._serve_until_redis_fails()
                await asyncio.sleep(_RECONNECT_SECONDS)
        finally:
            await self._stop(set(self._tasks))

    async def _serve_until_redis_fails(self) -> None:
        client = connections.async_redis_client()
        try:
            while True:
                await self._match(client, await self._interests(client))
                await asyncio.sleep(_LOOK_SECONDS)
        except (redis.RedisError, OSError) as exc:
            logger.warning("followed logs are interrupted, Redis does not answer: %s", exc)
        finally:
            await self._stop(set(self._tasks))
            with suppress(redis.RedisError, OSError):
                await client.aclose()

    async def _interests(self, client: "redis.asyncio.Redis") -> set[Interest]:
        now = time.time()
        await client.zremrangebyscore(INTERESTS, "-inf", now)
        wanted = set()
        members: list[bytes] = await client.zrange(INTERESTS, 0, 200)  # type: ignore[assignment]
        for member in members:
            with suppress(msgspec.MsgspecError):
                wanted.add(msgspec.json.decode(member, type=Interest))
        return wanted

    async def _match(self, client: "redis.asyncio.Redis", wanted: set[Interest]) -> None:
        ended = {interest for interest, task in self._tasks.items() if task.done()}
        await self._stop(ended | (self._tasks.keys() - wanted))
        for interest in wanted - set(self._tasks):
            upstream = Upstream(interest, self._cluster_of, self._database, client)
            self._tasks[interest] = asyncio.create_task(upstream.run())

    async def _stop(self, interests: set[Interest]) -> None:
        tasks = [self._tasks.pop(interest) for interest in interests]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, (redis.RedisError, OSError)):
                logger.error("following a log broke off", exc_info=result)


class Upstream:
    """Reads the logs that one interest names and writes them to its stream."""

    def __init__(
        self,
        interest: Interest,
        cluster_of: Callable[[int], AsyncCluster | None],
        database: Database,
        client: "redis.asyncio.Redis",
    ) -> None:
        self.interest = interest
        self._cluster_of = cluster_of
        self._database = database
        self._stream = Stream(interest.stream, client)
        self._backlog = Backlog()
        self._readers: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write())
                tasks.create_task(self._follow_pods())
        finally:
            for task in self._readers.values():
                task.cancel()
            await asyncio.gather(*self._readers.values(), return_exceptions=True)

    async def _follow_pods(self) -> None:
        """A reader for each pod there is; pods come and go."""
        while True:
            cluster_id, namespace, names = await self._database.insist(self._pods)
            for gone in self._readers.keys() - names:
                self._readers.pop(gone).cancel()
            first = min(self.interest.tail, max(FIRST_LINES, _MOST_FIRST_LINES // max(1, len(names))))
            for name in names - self._readers.keys():
                self._readers[name] = asyncio.create_task(self._read(cluster_id, namespace, name, first))
            await asyncio.sleep(_PODS_SECONDS)

    def _pods(self) -> tuple[int, str, set[str]]:
        row = Deployment.objects.filter(pk=self.interest.deployment_id, deleted_at=None).first()
        if row is None:
            return 0, "", set()
        pods = Pod.objects.filter(deployment=row)
        if self.interest.pod:
            pods = pods.filter(name=self.interest.pod)
        return row.cluster_id, row.namespace, set(pods.values_list("name", flat=True))

    async def _read(self, cluster_id: int, namespace: str, pod: str, first_lines: int) -> None:
        """One pod's lines, through restarts of its container, for as long as it is there."""
        last = ""
        while True:
            query = self._query(last, first_lines)
            cluster = self._cluster_of(cluster_id)
            if cluster is not None:
                try:
                    async with aclosing(cluster.follow_logs(namespace, pod, query)) as texts:
                        async for line in _lines_after(last, pod, texts):
                            last = line.at
                            await self._take(line)
                except ClusterError as exc:
                    logger.debug("log of %s/%s interrupted: %s", namespace, pod, exc)
            await asyncio.sleep(_REOPEN_SECONDS)

    def _query(self, last: str, first_lines: int) -> LogQuery:
        container = self.interest.container or None
        if not last:
            return LogQuery(container=container, tail_lines=first_lines)
        since = datetime.now(UTC) - datetime.fromisoformat(last[:19] + "+00:00")
        return LogQuery(container=container, tail_lines=None, since_seconds=int(since.total_seconds()) + 2)

    async def _take(self, line: Line) -> None:
        # What was written before anybody listened is waited for; what is new must stay fresh, and is
        # rather skipped.
        if self._backlog.is_full and line.at < self._backlog.opened_at:
            await self._backlog.room()
        self._backlog.put(line)

    async def _write(self) -> None:
        await self._stream.begin()
        while True:
            await self._stream.append(*await self._backlog.take())
            await asyncio.sleep(_FLUSH_SECONDS)


async def _lines_after(last: str, pod: str, texts: AsyncIterator[str]) -> AsyncIterator[Line]:
    """Lines that are later than `last`; overlong ones are cut, and say so."""
    at, count = "", 0
    async for text in texts:
        stamp, words = stamped(text)
        # A piece of an overlong line is as old as its beginning.
        at = stamp or at
        count += 1
        if count % _LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
        if at and at <= last:
            continue  # told before the stream was opened again
        if len(words) > _LONGEST_LINE:
            words = f"{words[:_LONGEST_LINE]} [and {len(words) - _LONGEST_LINE} more characters]"
        yield Line(pod, words, at)


class Stream:
    """One stream in Redis: what is appended last, up to `STREAM_LINES` and `STREAM_CHARACTERS`."""

    def __init__(self, name: str, client: "redis.asyncio.Redis") -> None:
        self._name = name
        self._client = client
        self._epoch = uuid.uuid4().hex
        self._number = 0
        self._kept: deque[tuple[bytes, int, int]] = deque()
        self._lines = 0
        self._characters = 0

    async def begin(self) -> None:
        """Forgets what an upstream that has ended left: nobody knows what was written since then."""
        await self._client.delete(self._name)

    async def append(self, lines: list[Line], dropped: int) -> None:
        """Adds lines, and forgets the oldest. Readers see a gap in the numbers after `dropped` lines."""
        portions = list(entries_of(lines))
        async with self._client.pipeline(transaction=False) as pipe:
            for portion in portions:
                fields = {"e": self._epoch, "n": str(self._number + 1), "l": msgspec.json.encode(portion)}
                pipe.xadd(self._name, fields)  # type: ignore[arg-type]
                self._number += len(portion)
            pipe.expire(self._name, _STREAM_KEPT_SECONDS)
            ids: list[bytes] = await pipe.execute()
        self._number += dropped
        for entry_id, portion in zip(ids, portions, strict=False):
            self._keep(entry_id, len(portion), sum(len(line.text) for line in portion))
        if self._forget():
            await self._client.xtrim(self._name, minid=self._kept[0][0], approximate=False)

    def _keep(self, entry_id: bytes, lines: int, characters: int) -> None:
        self._kept.append((entry_id, lines, characters))
        self._lines += lines
        self._characters += characters

    def _forget(self) -> bool:
        """Whether there was more than a stream may hold."""
        before = len(self._kept)
        while len(self._kept) > 1 and (self._lines > STREAM_LINES or self._characters > STREAM_CHARACTERS):
            _, lines, characters = self._kept.popleft()
            self._lines -= lines
            self._characters -= characters
        return len(self._kept) < before

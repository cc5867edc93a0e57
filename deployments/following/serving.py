"""The observer's side of followed logs: one upstream per thing followed, for any number of viewers."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import redis
import redis.asyncio
from django.conf import settings

from deployments import connections
from deployments.following.keys import FIRST_LINES, INTERESTS, STREAM_LINES, Interest
from deployments.models import Deployment, Pod
from deployments.observe.database import Database
from k8s.client_async import AsyncCluster
from k8s.cluster import LogQuery
from k8s.errors import ClusterError

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.3
_RECONNECT_SECONDS = 1.0
_PODS_SECONDS = 1.0
_REOPEN_SECONDS = 1.0
_FLUSH_SECONDS = 0.1
_QUEUED_LINES = 4000
_STREAM_KEPT_SECONDS = 60
_LONGEST_LINE = 16_384

Line = tuple[str, str, str]
"""Pod, text, time."""


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
        self._client = client
        self._epoch = uuid.uuid4().hex
        self._number = 0
        self._queue: asyncio.Queue[tuple[int, Line]] = asyncio.Queue(_QUEUED_LINES)
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
            for name in names - self._readers.keys():
                self._readers[name] = asyncio.create_task(self._read(cluster_id, namespace, name))
            await asyncio.sleep(_PODS_SECONDS)

    def _pods(self) -> tuple[int, str, set[str]]:
        row = Deployment.objects.filter(pk=self.interest.deployment_id, deleted_at=None).first()
        if row is None:
            return 0, "", set()
        pods = Pod.objects.filter(deployment=row)
        if self.interest.pod:
            pods = pods.filter(name=self.interest.pod)
        return row.cluster_id, row.namespace, set(pods.values_list("name", flat=True))

    async def _read(self, cluster_id: int, namespace: str, pod: str) -> None:
        """One pod's lines, through restarts of its container, for as long as it is there."""
        last = ""
        while True:
            query = self._query(last)
            cluster, told_until = self._cluster_of(cluster_id), last
            if cluster is not None:
                try:
                    async for text in cluster.follow_logs(namespace, pod, query):
                        at, _, rest = text.partition(" ")
                        if at <= told_until:
                            continue  # told before the stream was opened again
                        last = at
                        self._put((pod, rest[:_LONGEST_LINE], at))
                except ClusterError as exc:
                    logger.debug("log of %s/%s interrupted: %s", namespace, pod, exc)
            await asyncio.sleep(_REOPEN_SECONDS)

    def _query(self, last: str) -> LogQuery:
        container = self.interest.container or None
        if not last:
            return LogQuery(container=container, tail_lines=FIRST_LINES)
        since = datetime.now(UTC) - datetime.fromisoformat(last[:19] + "+00:00")
        return LogQuery(container=container, tail_lines=None, since_seconds=int(since.total_seconds()) + 2)

    def _put(self, line: Line) -> None:
        # Each line has its number, also one that finds no room: readers see the gap.
        self._number += 1
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait((self._number, line))

    async def _write(self) -> None:
        stream = self.interest.stream
        while True:
            lines = [await self._queue.get()]
            while not self._queue.empty() and len(lines) < STREAM_LINES:
                lines.append(self._queue.get_nowait())
            async with self._client.pipeline(transaction=False) as pipe:
                for number, (pod, text, at) in lines:
                    fields = {"e": self._epoch, "n": str(number), "p": pod, "t": text, "a": at}
                    pipe.xadd(stream, fields, maxlen=STREAM_LINES, approximate=True)  # type: ignore[arg-type]
                pipe.expire(stream, _STREAM_KEPT_SECONDS)
                await pipe.execute()
            await asyncio.sleep(_FLUSH_SECONDS)

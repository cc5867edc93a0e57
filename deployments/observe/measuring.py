"""Asking a cluster what its pods and nodes use: one request for each kind, however many people look."""

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Final

from deployments.nudges import Nudge
from deployments.observe.batches import chunks
from deployments.observe.database import Database
from deployments.observe.hints import Hints
from deployments.usage import measured
from k8s.client_async import LIST_SECONDS, AsyncCluster
from k8s.errors import ClusterError
from k8s.kinds import collection_path
from k8s.metrics import Measured, decode_measured

logger = logging.getLogger(__name__)

# metrics-server measures each 15 s by default: asking more often tells nothing new.
EVERY_SECONDS: Final = 15.0
LONGEST_PAUSE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 1.0
# So few at a time that what is seen of pods never waits long for its turn in the database.
_CHUNK: Final = 500


class Measuring:
    """Asks as long as the cluster is there; less and less often while it does not answer."""

    def __init__(
        self,
        cluster_id: int,
        name: str,
        cluster: AsyncCluster,
        database: Database,
        hints: Hints,
        is_there: Callable[[], bool],
    ) -> None:
        self._cluster_id = cluster_id
        self._name = name
        self._cluster = cluster
        self._database = database
        self._hints = hints
        self._is_there = is_there
        self._failures = 0

    async def run(self) -> None:
        while True:
            # A cluster that is away is asked by its watches alone, until it is back.
            while not self._is_there():  # noqa: ASYNC110  nothing wakes us
                await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.sleep(pause_seconds(self._failures, await self._ask()))

    async def _ask(self) -> float | None:
        """Asks once and stores the answer; the cluster's own Retry-After if it refused with one."""
        try:
            nodes = await self._measured("NodeMetrics")
            pods = await self._measured("PodMetrics")
        except ClusterError as exc:
            self._failures += 1
            if self._failures == 1:
                logger.warning("cluster %s does not tell what is used: %s", self._name, exc)
            await self._store(partial(measured.record_trouble, self._cluster_id, exc))
            return exc.retry_after_seconds
        self._failures = 0
        for chunk in chunks(pods, _CHUNK):
            await self._store(partial(measured.record_pods, self._cluster_id, chunk))
        await self._store(partial(measured.record_nodes, self._cluster_id, nodes))
        self._hints.tell([Nudge(cluster=self._name)])
        return None

    async def _store(self, write: Callable[[], None]) -> None:
        await self._database.insist(write, otherwise=lambda: None)

    async def _measured(self, kind: str) -> list[Measured]:
        body = await self._cluster.read(collection_path(kind, None), {}, seconds=LIST_SECONDS)
        # In a thread: the watches go on while thousands are read.
        return await asyncio.to_thread(decode_measured, body)


def pause_seconds(failures: int, asked_seconds: float | None) -> float:
    """Until the next question: after `failures` in a row twice as long each time, up to two minutes.

    A Retry-After of the cluster, `asked_seconds`, only makes it longer. Never all clusters at once.
    """
    pause = min(LONGEST_PAUSE_SECONDS, EVERY_SECONDS * 2**failures) if failures else EVERY_SECONDS
    return max(pause, min(asked_seconds or 0, LONGEST_PAUSE_SECONDS)) * random.uniform(0.95, 1.05)  # noqa: S311

"""The observer process: takes the lead, watches every cluster of the table, serves followed logs."""

import asyncio
import logging
import signal
import uuid
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.db import Error

from deployments import alive
from deployments.access import access_of
from deployments.following.serving import FollowServer
from deployments.models import Cluster
from deployments.nudges import Nudge
from deployments.observe import leading, liveness
from deployments.observe.database import Database
from deployments.observe.hints import Hints
from deployments.observe.watching import WatchedCluster
from k8s.client_async import AsyncCluster
from k8s.errors import UnusableCredentials

logger = logging.getLogger(__name__)

_WAIT_FOR_LEAD_SECONDS = 1.0
_LOOK_FOR_CLUSTERS_SECONDS = 3.0


async def observe_until_stopped() -> None:
    """Runs until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    if main is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, main.cancel)
    living = asyncio.create_task(alive.keep_touching(settings.ALIVE_FILE))
    with suppress(asyncio.CancelledError):
        await observe()
    living.cancel()


async def observe() -> None:
    """Leads and watches, or waits to; for ever, until cancelled."""
    database, holder = Database(), uuid.uuid4()
    try:
        while True:
            if await database.insist(lambda: leading.acquire(holder)):
                await _lead(database, holder)
            else:
                await asyncio.sleep(_WAIT_FOR_LEAD_SECONDS)
    finally:
        with suppress(Error):
            await asyncio.shield(database.run(lambda: leading.resign(holder)))
        database.close()


async def _lead(database: Database, holder: uuid.UUID) -> None:
    """Watches until the lead is lost."""
    logger.info("observing")
    hints = Hints()
    watching = Watching(database, hints)
    work = [
        asyncio.create_task(hints.run()),
        asyncio.create_task(watching.run()),
        asyncio.create_task(FollowServer(watching.cluster, database).run()),
        asyncio.create_task(_keep_lead(database, holder)),
    ]
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        hints.close()


async def _keep_lead(database: Database, holder: uuid.UUID) -> None:
    """Ends when somebody else leads."""
    while await database.insist(lambda: leading.acquire(holder)):  # noqa: ASYNC110  nothing wakes us
        await asyncio.sleep(leading.RENEW_SECONDS)
    logger.warning("another observer leads; waiting")


class Watching:
    """The clusters of the table, each watched by a task; follows the table as it changes."""

    def __init__(self, database: Database, hints: Hints) -> None:
        self._database = database
        self._hints = hints
        self._tasks: dict[int, tuple[str, asyncio.Task[None]]] = {}
        self._clusters: dict[int, AsyncCluster] = {}

    def cluster(self, cluster_id: int) -> AsyncCluster | None:
        """A connection to a cluster that is watched now."""
        return self._clusters.get(cluster_id)

    async def run(self) -> None:
        try:
            while True:
                rows = await self._database.insist(lambda: list(Cluster.objects.all()))
                await self._match(rows)
                await asyncio.sleep(_LOOK_FOR_CLUSTERS_SECONDS)
        finally:
            for _, task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*(task for _, task in self._tasks.values()), return_exceptions=True)

    async def _match(self, rows: list[Cluster]) -> None:
        wanted = {row.pk: row for row in rows if row.credentials}
        for pk, (credentials, task) in list(self._tasks.items()):
            if task.done() or pk not in wanted or wanted[pk].credentials != credentials:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                del self._tasks[pk]
        for pk, row in wanted.items():
            if pk not in self._tasks:
                task = asyncio.create_task(self._watch(row))
                task.add_done_callback(_logged(row.name))
                self._tasks[pk] = (row.credentials, task)

    async def _watch(self, row: Cluster) -> None:
        try:
            cluster = AsyncCluster(access_of(row))
        except UnusableCredentials as exc:
            message = str(exc)
            nudges = await self._database.insist(
                lambda: liveness.mark_lost(row.pk, message), otherwise=list[Nudge]
            )
            self._hints.tell(nudges)
            await asyncio.Event().wait()  # until the row changes
            return
        async with cluster:
            self._clusters[row.pk] = cluster
            try:
                await WatchedCluster(row.pk, row.name, cluster, self._database, self._hints).run()
            finally:
                self._clusters.pop(row.pk, None)


def _logged(name: str) -> Callable[[asyncio.Task[None]], None]:
    def told(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            logger.error("watching cluster %s broke off; it begins anew", name, exc_info=task.exception())

    return told

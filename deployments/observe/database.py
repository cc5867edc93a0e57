"""The observer's one thread for the database: writes in order, the event loop never waits."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error, close_old_connections, connection, connections

from deployments import odd

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_LONGEST_PAUSE_SECONDS = 5.0
# Others wait longer for SQLite's lock. Here whoever asked tries again, and a process that is to stop
# waits for what its threads have begun.
_LOCK_SECONDS = 2


class Database:
    """Runs database work in a single thread; use `run` where a failure may be told, `insist` where not."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Raises: django.db.Error."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _fresh, work)

    async def insist(
        self, work: Callable[[], Result], *, otherwise: Callable[[], Result] | None = None
    ) -> Result:
        """Repeats the work until the database takes it: a locked or restarted one comes back.

        What it cannot take at all is not repeated: it is logged, and `otherwise` says what it comes to.

        Raises:
            django.db.DataError, OverflowError: it cannot be stored, and there is no `otherwise`.
        """
        pause = 0.2
        while True:
            try:
                return await self.run(work)
            except odd.NEVER_HEAL as exc:
                if otherwise is None:
                    raise
                logger.exception("it cannot be stored and is left out: %s", exc)
                return otherwise()
            except Error as exc:
                logger.warning("database trouble, again in %.1f s: %s", pause, exc)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    def close(self) -> None:
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True, cancel_futures=False)


def _fresh(work: Callable[[], Result]) -> Result:
    close_old_connections()
    try:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {_LOCK_SECONDS * 1000}")
        return work()
    except (Error, OverflowError):
        # A broken connection must not meet the next piece of work.
        connections.close_all()
        raise

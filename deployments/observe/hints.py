"""Nudges and enqueues leave through here: off the event loop, throttled, and never in the way."""

import asyncio
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from deployments import nudges, queue
from deployments.nudges import Nudge

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0
_FLUSH_SECONDS = 0.05
_FORGET_SECONDS = 60.0
_CHECK_EVERY_SECONDS = 1.0
_MOST_REMEMBERED = 10_000


class Hints:
    """At most one nudge a second for each name; the last one of a burst is sent, too.

    Redis is asked in a thread of its own: while it is away, recording goes on.
    """

    def __init__(self) -> None:
        self._sent_at: dict[Nudge, float] = {}
        self._pending: set[Nudge] = set()
        self._to_reconcile: set[int] = set()
        self._to_roll_back: set[int] = set()
        self._to_capture: set[int] = set()
        self._to_check: set[int] = set()
        self._checked_at: dict[int, float] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hints")

    def tell(self, told: Iterable[Nudge]) -> None:
        self._pending.update(told)

    def reconcile(self, deployment_ids: Iterable[int]) -> None:
        self._to_reconcile.update(deployment_ids)

    def roll_back(self, deployment_ids: Iterable[int]) -> None:
        self._to_roll_back.update(deployment_ids)

    def capture(self, deployment_ids: Iterable[int]) -> None:
        self._to_capture.update(deployment_ids)

    def check(self, deployment_ids: Iterable[int]) -> None:
        """Asks for each at most once in a while: what is seen of one rollout comes in many pieces."""
        now = time.monotonic()
        for deployment_id in deployment_ids:
            if now - self._checked_at.get(deployment_id, -_CHECK_EVERY_SECONDS) >= _CHECK_EVERY_SECONDS:
                self._checked_at[deployment_id] = now
                self._to_check.add(deployment_id)
        if len(self._checked_at) > _MOST_REMEMBERED:
            self._checked_at = {pk: at for pk, at in self._checked_at.items() if now - at < _FORGET_SECONDS}

    async def run(self) -> None:
        """Sends what is due, for ever."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            due = self._take_due(time.monotonic())
            ids, self._to_reconcile = self._to_reconcile, set()
            stuck, self._to_roll_back = self._to_roll_back, set()
            ended, self._to_capture = self._to_capture, set()
            silent = self.take_checks()
            if due or ids or stuck or ended or silent:
                work = partial(_send, due, ids, stuck, ended, silent)
                await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def take_checks(self) -> set[int]:
        """Deployments whose address is to be asked now; each is answered once."""
        due, self._to_check = self._to_check, set()
        return due

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _take_due(self, now: float) -> list[Nudge]:
        latest = now - _EVERY_SECONDS
        due = [nudge for nudge in self._pending if self._sent_at.get(nudge, latest) <= latest]
        self._pending.difference_update(due)
        self._sent_at.update(dict.fromkeys(due, now))
        if len(self._sent_at) > _MOST_REMEMBERED:
            self._sent_at = {name: at for name, at in self._sent_at.items() if now - at < _FORGET_SECONDS}
        return due


def _send(due: list[Nudge], ids: set[int], stuck: set[int], ended: set[int], silent: set[int]) -> None:
    nudges.send(*due)
    for deployment_id in ids:
        queue.enqueue(deployment_id)
    for deployment_id in stuck:
        queue.enqueue_rollback(deployment_id)
    for deployment_id in ended:
        queue.enqueue_capture(deployment_id)
    for deployment_id in silent:
        queue.enqueue_check(deployment_id)

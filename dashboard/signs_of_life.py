"""What worker and beat do to be known to be alive; see `deployments.alive`.

Their loops say so by themselves, so that one that stands still is found. A broker that is away stops both
loops, and is no reason to end anybody: while they wait for it, a thread speaks for them.
"""

from typing import Any

from celery import bootsteps
from celery.beat import PersistentScheduler
from django.conf import settings

from deployments import alive


class SaysSo(bootsteps.StartStopStep):
    """A step of a worker's consumer: begun when it is connected, stopped when it is no more."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None
        self._waiting = alive.Waiting(settings.ALIVE_FILE, every_seconds=alive.EVERY_SECONDS)
        self._waiting.begin()

    def start(self, consumer: Any) -> None:
        self._waiting.end()
        alive.touch(settings.ALIVE_FILE)
        self._timer = consumer.timer.call_repeatedly(alive.EVERY_SECONDS, alive.touch, (settings.ALIVE_FILE,))

    def stop(self, _consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._waiting.begin()


class Scheduler(PersistentScheduler):
    """Beat's own, which says so with each look at what is due: every few seconds."""

    def tick(self, *args: Any, **options: Any) -> float:
        alive.touch(settings.ALIVE_FILE)
        return float(super().tick(*args, **options))

    def _ensure_connected(self) -> Any:
        with alive.Waiting(settings.ALIVE_FILE, every_seconds=alive.EVERY_SECONDS).meanwhile():
            return super()._ensure_connected()  # type: ignore[misc]

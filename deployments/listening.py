"""One subscription to nudges per process, handed on to any number of listeners.

A process that serves a thousand streams holds one connection to Redis for them.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from deployments import nudges
from deployments.nudges import Nudge

QUEUE_LENGTH = 200


class Listener(AsyncIterator[Nudge]):
    """What one stream has not read yet. One that reads too slowly forgets the names and is told so."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Nudge] = asyncio.Queue(QUEUE_LENGTH)

    def tell(self, nudge: Nudge) -> None:
        """Queue a nudge; in place of all that do not fit any more, `Nudge(lost=True)`."""
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            nudge = Nudge(lost=True)
        self._queue.put_nowait(nudge)

    async def __anext__(self) -> Nudge:
        return await self._queue.get()


class Hub:
    """The listeners of one event loop: the first brings the subscription, the last takes it along."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._relaying: asyncio.Task[None] | None = None

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """A listener from now until the end of the block. Redis may go and come: see `nudges.subscribe`."""
        joined = Listener()
        self._listeners.add(joined)
        if self._relaying is None or self._relaying.done():
            self._relaying = asyncio.create_task(self._relay())
        try:
            yield joined
        finally:
            self._listeners.discard(joined)
            if not self._listeners and self._relaying is not None:
                self._relaying.cancel()
                self._relaying = None

    async def _relay(self) -> None:
        async for nudge in nudges.subscribe():
            for listener in self._listeners:
                listener.tell(nudge)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop; a server process has one."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())

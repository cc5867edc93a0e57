"""The loop that every controller is: keys in, newest state re-read, one step towards what is wanted."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import Final

from k8s.local.errors import ApiError
from k8s.local.store import Change, Key, Object, Store, Subscription

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS: Final = 0.05
LAST_RETRY_SECONDS: Final = 30.0
TURN_SECONDS: Final = 0.003


class WorkQueue:
    """Keys to look at, each at most once, now or later."""

    def __init__(self) -> None:
        self._keys: dict[Key, None] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()

    def add(self, key: Key) -> None:
        """Look at it soon."""
        self._keys[key] = None
        self._wake.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Look at it later; of several such wishes the soonest counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.0, seconds)
        waiting = self._timers.get(key)
        if waiting is not None and waiting.when() <= due:
            return
        if waiting is not None:
            waiting.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    @property
    def waiting(self) -> bool:
        """Whether there is something to look at right now."""
        return bool(self._keys)

    async def next(self) -> Key:
        """Wait for the next key."""
        while not self._keys:
            self._wake.clear()
            await self._wake.wait()
        key = next(iter(self._keys))
        del self._keys[key]
        return key

    def close(self) -> None:
        """Forget everything."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._keys.clear()


class Controller(ABC):
    """Watches kinds, and reconciles the objects that a change concerns.

    ``reconcile`` is synchronous: the store cannot change under it.
    """

    #: Kinds whose changes matter.
    watches: Collection[str] = ()

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queue = WorkQueue()
        #: Cleared to keep it from acting.
        self.going = asyncio.Event()
        self.going.set()
        self._failures: dict[Key, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    def concerns(self, change: Change) -> Iterable[Key]:
        """The keys to reconcile after a change."""

    @abstractmethod
    def initial(self) -> Iterable[Key]:
        """The keys to reconcile at the start."""

    @abstractmethod
    def reconcile(self, key: Key) -> float | None:
        """Bring one object closer to what is wanted; returns seconds until it wants another look."""

    def start(self) -> None:
        """Begin. Changes from now on are seen."""
        subscription = self.store.subscribe(self.watches)
        for key in self.initial():
            self.queue.add(key)
        self._tasks = [asyncio.create_task(self._watch(subscription)), asyncio.create_task(self._work())]

    async def stop(self) -> None:
        """End; what was queued is found again at the next start."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []
        self.queue.close()

    async def _watch(self, subscription: Subscription) -> None:
        async for change in subscription:
            for key in self.concerns(change):
                self.queue.add(key)

    async def _work(self) -> None:
        while True:
            key = await self.queue.next()
            await self.going.wait()
            self._one(key)
            # Several at a time, so that who watches them sees several changes at once instead of
            # one after the other; but not for long: the API server and the others want their turn.
            ends = time.monotonic() + TURN_SECONDS
            while self.queue.waiting and time.monotonic() < ends:
                self._one(await self.queue.next())
            await asyncio.sleep(0)

    def _one(self, key: Key) -> None:
        try:
            again = self.reconcile(key)
        except Exception as problem:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            if not isinstance(problem, ApiError):
                log.exception("%s: %s", type(self).__name__, key)
            self.queue.add_after(key, min(FIRST_RETRY_SECONDS * 2**failures, LAST_RETRY_SECONDS))
            return
        self._failures.pop(key, None)
        if again is not None:
            self.queue.add_after(key, again)


def key_of(kind: str, obj: Object) -> Key:
    """The key of an object of that kind."""
    meta = obj["metadata"]
    return kind, meta.get("namespace", ""), meta["name"]


def owner_key(obj: Object, owner_kind: str, kind: str) -> Iterable[Key]:
    """The key of the controlling owner, if it is of ``owner_kind`` (its kind string is ``kind``)."""
    owner = controller_of(obj)
    if owner is not None and owner["kind"] == owner_kind:
        return [(kind, obj["metadata"].get("namespace", ""), owner["name"])]
    return []


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the controller, or None."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def owner_reference(kind: str, api_version: str, owner: Object) -> Object:
    """The reference that a controller puts on what it makes."""
    meta = owner["metadata"]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }

"""Changes of objects, and subscriptions to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

Object = dict[str, Any]
#: (kind string, namespace or "", name)
Key = tuple[str, str, str]
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object. For DELETED, ``object`` is its last state at the version of the deletion."""

    type: ChangeType
    key: Key
    object: Object
    previous: Object | None
    resource_version: int


class Subscription:
    """Changes of some kinds, from the moment of subscribing on; an async iterator.

    With a ``limit``, a reader that falls that many changes behind is cut off:
    iteration ends and ``overflowed`` is True.
    """

    def __init__(
        self, kinds: Collection[str], limit: int | None, forget: Callable[[Subscription], None]
    ) -> None:
        self.kinds = frozenset(kinds)
        self.overflowed = False
        self._forget = forget
        self._limit = limit
        self._changes: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Change:
        while not self._changes:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._changes.popleft()

    @property
    def waiting(self) -> bool:
        """Whether there is something to take."""
        return bool(self._changes)

    def take(self) -> list[Change]:
        """Everything waiting now, without waiting."""
        found = list(self._changes)
        self._changes.clear()
        return found

    async def wait(self) -> bool:
        """Wait for something to take; False once closed and empty."""
        while not self._changes and not self._closed:
            self._wake.clear()
            await self._wake.wait()
        return bool(self._changes)

    def close(self) -> None:
        """End the iteration after what is already waiting."""
        self._closed = True
        self._forget(self)
        self._wake.set()

    def put(self, change: Change) -> None:
        """Hand over a change; for the store to call."""
        if self._limit is not None and len(self._changes) >= self._limit:
            self.overflowed = True
            self._changes.clear()
            self.close()
            return
        self._changes.append(change)
        self._wake.set()

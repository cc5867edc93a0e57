"""List, watch, resume, list again: what a cluster has, for as long as anybody wants to know.

Trouble never ends a watch. It is told as `Lost`, once per failed attempt, and
tried again as `k8s.patience` allows.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiohttp

from k8s.client_async import LIST_SECONDS, PULSE_SECONDS, AsyncCluster
from k8s.decode import decode_line, decode_list, require_facts
from k8s.errors import ClusterError, ClusterUnavailable, Expired
from k8s.facts import Facts
from k8s.kinds import collection_path
from k8s.patience import Patience

log = logging.getLogger(__name__)

PAGE: Final = 500
# The server ends a watch after this long, with a bookmark just before: so even
# a quiet one is resumed from a recent version, and one that froze is found out.
WATCH_SECONDS: Final = (30, 40)
FROZEN_SECONDS: Final = 10
# An event that was lost on the way, by whomever, is noticed at the next list and not before.
RELIST_SECONDS: Final = (540, 660)
_LONGEST_LINE: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """All there is, at `resource_version`. Whatever was known before and is not in it is gone."""

    facts: list[Facts]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One object as it now is, new or changed."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class Gone:
    """One object that is no more."""

    uid: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Alive:
    """Nothing changed, and the cluster answers: what is known is as of `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt failed. `since` is when the trouble began; the next other word ends it."""

    error: ClusterError
    since: datetime


Seen = Listed | Changed | Gone | Alive | Lost


def _whole(facts: Facts) -> Facts:
    return facts


async def watch(
    cluster: AsyncCluster,
    kind: str,
    *,
    namespace: str | None = None,
    labels: str = "",
    keep: Callable[[Facts], Facts] = _whole,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Seen, None]:
    """Everything of a kind, then each change, for ever.

    Begins with `Listed` (or `Lost` until that succeeds); another `Listed` comes whenever
    changes may have been missed, after each break of the connection, and every ten minutes.
    `namespace` None means all of them. `keep` says what of an object is kept, page by page: a list
    of thousands is never held whole. Close the generator (`contextlib.aclosing`) to stop:
    that closes the connection. `sleep` and `clock` are what pauses are made and measured with.

    Raises:
        MalformedRequest: a kind that cannot be watched; never anything of the cluster's.
    """
    require_facts(kind)
    patience = Patience(clock)
    watching = _Watching(cluster, kind, collection_path(kind, namespace), labels, keep, patience, clock)
    failures, lost, lost_since = 0, False, datetime.now(UTC)
    while True:
        try:
            async with aclosing(watching.once(tell_opened=lost)) as round_:
                async for seen in round_:
                    yield seen
            failures, lost = 0, False
            await sleep(patience.after_success())
            continue
        except ClusterError as exc:
            error = exc
        # No answer at all may mean that it comes back as it was some time ago,
        # from a backup or a lost write: what is known must be compared anew.
        if isinstance(error, Expired) or error.status in (0, 504):
            watching.resource_version = ""
        failures = 1 if watching.progress else failures + 1
        lost = lost and failures > 1
        if failures == 1:
            lost_since = datetime.now(UTC)
            # The first "too old" is the ordinary course of things, and healed at once.
            if isinstance(error, Expired):
                await sleep(patience.after_success())
                continue
        log.info("watch of %s failed (%s): %s", kind, type(error).__name__, error)
        lost = True
        yield Lost(error, lost_since)
        await sleep(patience.after_failure(failures, error.retry_after_seconds))


class _Watching:
    """One kind's place in its history: `resource_version` "" means that it must be listed first."""

    def __init__(
        self,
        cluster: AsyncCluster,
        kind: str,
        path: str,
        labels: str,
        keep: Callable[[Facts], Facts],
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self.cluster = cluster
        self.kind = kind
        self.path = path
        self.labels = labels
        self.keep = keep
        self.patience = patience
        self.clock = clock
        self.resource_version = ""
        self._list_again_at = 0.0
        self._progress = False

    @property
    def progress(self) -> bool:
        """Whether the newest watch has told anything. A list alone is no progress."""
        return self._progress

    async def once(self, *, tell_opened: bool) -> AsyncGenerator[Seen, None]:
        """One list if needed and one watch, until the server ends it. Raises ClusterError."""
        self._progress = False
        if not self.resource_version or self.clock() >= self._list_again_at:
            # Set first: where lists fail and watches do not, the watch goes on.
            self._list_again_at = self.clock() + random.randint(*RELIST_SECONDS)  # noqa: S311
            listed = await self._list()
            self.resource_version = listed.resource_version
            yield listed
            tell_opened = False
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.resource_version,
            "timeoutSeconds": str(seconds),
            "labelSelector": self.labels,
        }
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.patience.spend()
        async with self.cluster.stream(self.path, query, seconds=None) as response:
            if tell_opened:
                yield Alive(datetime.now(UTC))
            async with aclosing(self._changes(response, started + seconds + FROZEN_SECONDS)) as changes:
                async for seen in changes:
                    self._progress = True
                    yield seen
        if not self._progress and loop.time() - started < 1:
            raise ClusterUnavailable("the cluster ends the watch at once and without a word")
        yield Alive(datetime.now(UTC))

    async def _list(self) -> Listed:
        """All there is. From the API server's memory, which spares its database."""
        try:
            return await self._pages(PAGE)
        except Expired as exc:
            log.info("a list of %s was overtaken by changes between two pages: %s", self.kind, exc)
        # The rest that the cluster offers would be of a later time than what came before: changes to
        # that would never be told. So all at once, as of one time.
        return await self._pages(0)

    async def _pages(self, limit: int) -> Listed:
        query = {"labelSelector": self.labels, "limit": str(limit or ""), "resourceVersion": "0"}
        facts: list[Facts] = []
        while True:
            self.patience.spend()
            page = decode_list(self.kind, await self.cluster.read(self.path, query, seconds=LIST_SECONDS))
            facts += map(self.keep, page.items)
            if not page.continue_:
                return Listed(facts, page.resource_version)
            query |= {"continue": page.continue_, "resourceVersion": ""}

    async def _changes(
        self, response: aiohttp.ClientResponse, frozen_at: float
    ) -> AsyncGenerator[Seen, None]:
        async with aclosing(self._lines(response, frozen_at)) as lines:
            async for line in lines:
                seen = self._seen(line) if line else Alive(datetime.now(UTC))
                if seen is not None:
                    yield seen

    def _seen(self, line: bytes) -> Seen | None:
        told = decode_line(self.kind, line)
        self.resource_version = told.resource_version or self.resource_version
        if told.type == "BOOKMARK":
            return Alive(datetime.now(UTC))
        if told.facts is None:
            return None
        if told.type == "DELETED":
            return Gone(told.facts.uid, told.facts.namespace, told.facts.name)
        return Changed(self.keep(told.facts))

    async def _lines(
        self, response: aiohttp.ClientResponse, frozen_at: float
    ) -> AsyncGenerator[bytes | None, None]:
        """Lines of the stream; None when it was quiet for a while and the cluster still answers.

        Ends with the stream, and when it is quiet after the time at which the
        server was to end it: then something on the way holds it open for nothing.
        """
        loop = asyncio.get_running_loop()
        rest = bytearray()
        while True:
            try:
                async with asyncio.timeout(PULSE_SECONDS):
                    chunk = await response.content.readany()
            except TimeoutError:
                await self.cluster.pulse()
                if loop.time() > frozen_at:
                    return
                yield None
                continue
            if not chunk:
                # Half a line, or a page of something that is no API server.
                if rest.strip():
                    yield bytes(rest)
                return
            self.cluster.heard()
            rest += chunk
            if len(rest) > _LONGEST_LINE:
                raise ClusterUnavailable("the cluster sends a watch event larger than any object can be")
            if b"\n" in chunk:
                *lines, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in lines:
                    if line.strip():
                        yield line

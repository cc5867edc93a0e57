"""Who may go on reading an open stream. All streams of a process are looked up together.

That happens at once when it is said that somebody's rights changed, and every few seconds
besides, for when nobody could say it. One thread with one database connection does it, however
many streams there are.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.db import DatabaseError, close_old_connections, connection
from django.http import HttpRequest
from django.utils import timezone

from deployments import limits, listening, selectors
from teams.models import ApiToken
from teams.sessions import SessionStore
from teams.tokens import live_tokens

log = logging.getLogger(__name__)

T = TypeVar("T")

CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class Reader:
    """Who reads, by a token or else by a browser's session; `team` when it is about that one alone."""

    token_id: uuid.UUID | None = None
    session_key: str | None = None
    team: str = ""


@dataclass(eq=False)
class Pass:
    """One stream's leave to go on: the names of the teams it may tell of, until it has `ended`.

    `lease` is its place among the reader's streams.
    """

    reader: Reader
    lease: limits.Lease
    teams: frozenset[str] = frozenset()
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Gate:
    """The passes of one event loop. The first brings the tasks that check them, the last takes them along."""

    def __init__(self) -> None:
        self._passes: set[Pass] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._said = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gate")

    @contextmanager
    def admitted(self, reader: Reader, lease: limits.Lease) -> Iterator[Pass]:
        """A pass for the time inside, with its lease; `look_at` it before the first word."""
        admitted = Pass(reader, lease)
        self._passes.add(admitted)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._check())]
        try:
            yield admitted
        finally:
            self._passes.discard(admitted)
            # Not waited for: whoever ends a stream may be in a hurry.
            self._thread.submit(limits.give_back, lease)
            if not self._passes:
                for task in self._tasks:
                    task.cancel()
                self._tasks = []

    async def look_at(self, passes: Collection[Pass]) -> None:
        """Ends those whose readers have no right any more, and tells the others their teams."""
        found = await self._ask(lambda: teams_by_reader({one.reader for one in passes}))
        for one in passes:
            teams = found.get(one.reader)
            if teams is None:
                one.ended.set()
            else:
                one.teams = teams

    async def _listen(self) -> None:
        with listening.hub().listener() as heard:
            async for nudge in heard:
                if nudge.rights:
                    self._said.set()

    async def _check(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._said.wait(), CHECK_SECONDS)
            self._said.clear()
            try:
                await self._ask(self._keep_leases)
                await self.look_at(list(self._passes))
            except DatabaseError as error:
                log.warning("streams: cannot look up who may read (%s); trying again", error)

    def _keep_leases(self) -> None:
        limits.keep_streams([one.lease for one in list(self._passes)])

    async def _ask(self, question: Callable[[], T]) -> T:
        def answer() -> T:
            close_old_connections()
            try:
                return question()
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._thread, answer)


def teams_by_reader(readers: Collection[Reader]) -> dict[Reader, frozenset[str]]:
    """The names that each may be told of; whoever may read no more is not in it."""
    keys = {reader.token_id for reader in readers if reader.token_id}
    tokens = {row.pk: row for row in live_tokens().filter(pk__in=keys)}
    teams: dict[int, frozenset[str]] = {}
    found: dict[Reader, frozenset[str]] = {}
    for reader in readers:
        token = tokens.get(reader.token_id) if reader.token_id else None
        user = _owner(token) if reader.token_id else _signed_in(reader.session_key)
        if user is None:
            continue
        if user.pk not in teams:
            teams[user.pk] = frozenset(team.name for team in selectors.teams_of(user))
        mine = teams[user.pk]
        if token and token.team:
            mine &= {token.team.name}
        if not reader.team or reader.team in mine:
            found[reader] = mine
    return found


def _owner(token: ApiToken | None) -> User | None:
    if token is None or not token.user.is_active:
        return None
    return None if token.expires_at and token.expires_at <= timezone.now() else token.user


def _signed_in(session_key: str | None) -> User | None:
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, Gate] = WeakKeyDictionary()


def gate() -> Gate:
    """The gate of the running event loop; a server process has one."""
    return _gates.setdefault(asyncio.get_running_loop(), Gate())

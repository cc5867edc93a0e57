"""Server-sent events: names of what changed, no data.

What is heard (`deployments.listening`) is fanned out to bounded queues, one per
open page. Whoever gets a name fetches the fragment through the page's own address,
so a stream needs no more permission than knowing one's teams. Those are looked up
for all streams together, by one thread with one database connection, however many
streams there are.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from deployments import limits, listening, selectors
from deployments.errors import TooManyRequests
from deployments.metrics import STREAMS
from deployments.nudges import Nudge
from teams.sessions import SessionStore

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

HEARTBEAT_SECONDS = 15.0
CHECK_SECONDS = 8.0
QUEUE_LENGTH = 200
RESYNC = "event: resync\ndata: 1\n\n"
BYE = "event: bye\ndata: 1\n\n"
BEAT = ": beat\n\n"
STREAM_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


@dataclass(frozen=True)
class Access:
    """Who is behind a session, and of which teams and clusters they may hear the names; None means all."""

    user: User
    teams: frozenset[str] | None
    clusters: frozenset[str] | None

    def may_hear(self, team: str) -> bool:
        return self.teams is None or team in self.teams

    def may_hear_of_cluster(self, cluster: str) -> bool:
        return self.clusters is None or cluster in self.clusters


def access_of(session_key: str | None) -> Access | None:
    """Whoever is signed in with that session; None when nobody is any more. Uses the database."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Access(user, None, None)
    teams = selectors.teams_of(user).values_list("name", flat=True)
    clusters = selectors.clusters_visible_to(user).values_list("name", flat=True)
    return Access(user, frozenset(teams), frozenset(clusters))


def accesses_of(session_keys: set[str]) -> dict[str, Access | None]:
    return {key: access_of(key) for key in session_keys}


@dataclass(eq=False)
class Listener:
    """One open stream. `wants_names` is False for streams that carry something else."""

    session_key: str
    access: Access
    lease: limits.Lease
    wants_names: bool = True
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, message: str) -> None:
        """Queue a message. A reader too slow for its queue forgets the names and looks at everything."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(RESYNC)

    def end(self) -> None:
        self.ended.set()
        # Wakes the stream, which looks at `ended`; a full queue wakes it too.
        self.tell(BEAT)

    async def next(self) -> str:
        """What to send next: a message, a heartbeat in silence, BYE at the end."""
        message = BEAT
        with suppress(TimeoutError):
            message = await asyncio.wait_for(self.queue.get(), HEARTBEAT_SECONDS)
        return BYE if self.ended.is_set() else message


class Hub:
    """All streams of this process (of one event loop)."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.tasks: list[asyncio.Task[None]] = []
        self.rights_changed = asyncio.Event()
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something that uses the database in the one thread that has a connection for streams."""

        def answer() -> T:
            close_old_connections()
            try:
                return question(*args, **kwargs)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self.thread, answer)

    async def join(self, session_key: str | None, *, wants_names: bool = True) -> Listener | None:
        """A listener for whoever is behind the session; None when nobody is signed in.

        Raises:
            TooManyRequests: this person has too many streams open.
        """
        access = await self.ask(access_of, session_key)
        if access is None or session_key is None:
            return None
        lease = await self.ask(limits.take_stream, access.user.pk)
        listener = Listener(session_key, access, lease, wants_names)
        self.listeners.add(listener)
        STREAMS.set(len(self.listeners))
        if not self.tasks:
            self.tasks = [asyncio.create_task(self.relay()), asyncio.create_task(self.check())]
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; the last one takes the subscription with it."""
        self.listeners.discard(listener)
        self.thread.submit(limits.give_back, listener.lease)
        STREAMS.set(len(self.listeners))
        if not self.listeners:
            for task in self.tasks:
                task.cancel()
            self.tasks = []

    async def relay(self) -> None:
        """Pass names on for as long as anyone listens. A lost Redis is survived, and said."""
        with listening.hub().listener() as heard:
            async for nudge in heard:
                if nudge.rights:
                    self.rights_changed.set()
                elif nudge.lost:
                    self.resync()
                elif nudge.cluster:
                    self.tell_measured(nudge.cluster)
                else:
                    self.spread(nudge)

    def resync(self) -> None:
        """Have every page look at everything again."""
        for listener in list(self.listeners):
            if listener.wants_names:
                listener.tell(RESYNC)

    def tell_measured(self, cluster: str) -> None:
        """What a cluster uses was measured anew."""
        message = f"event: measured\ndata: {cluster}\n\n"
        for listener in list(self.listeners):
            if listener.wants_names and listener.access.may_hear_of_cluster(cluster):
                listener.tell(message)

    def spread(self, nudge: Nudge) -> None:
        message = f"event: changed\ndata: {nudge.team}/{nudge.deployment}\n\n"
        for listener in list(self.listeners):
            if listener.wants_names and listener.access.may_hear(nudge.team):
                listener.tell(message)

    async def check(self) -> None:
        """End the streams of those who signed out, or may see less than they did.

        At once when that is said, and every few seconds for when nobody could say it.
        """
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.rights_changed.wait(), CHECK_SECONDS)
            self.rights_changed.clear()
            keys = {listener.session_key for listener in self.listeners}
            await self.ask(limits.keep_streams, [listener.lease for listener in self.listeners])
            try:
                now = await self.ask(accesses_of, keys)
            except DatabaseError as error:
                log.warning("live: cannot look sessions up (%s); trying again", error)
                continue
            for listener in list(self.listeners):
                access = now.get(listener.session_key, listener.access)
                if access is None:
                    listener.end()
                else:
                    listener.access = access


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop; a server process has one."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


async def joined(request: HttpRequest, *, wants_names: bool = True) -> Listener | HttpResponse:
    """A listener for whoever asks, or the answer that refuses them."""
    try:
        listener = await hub().join(request.session.session_key, wants_names=wants_names)
    except TooManyRequests as error:
        wait = {"Retry-After": str(error.retry_after_seconds)}
        return HttpResponse(f"{error.detail}\n", status=429, content_type="text/plain", headers=wait)
    return listener or HttpResponse("Sign in first.\n", status=401, content_type="text/plain")


@require_safe
async def live(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The stream of names that one page listens to."""
    here = hub()
    listener = await joined(request)
    if isinstance(listener, HttpResponse):
        return listener
    return event_stream(names(here, listener, resumed="HTTP_LAST_EVENT_ID" in request.META))


def event_stream(content: AsyncIterator[str]) -> StreamingHttpResponse:
    return StreamingHttpResponse(content, content_type="text/event-stream", headers=STREAM_HEADERS)


async def names(here: Hub, listener: Listener, *, resumed: bool) -> AsyncIterator[str]:
    """What one page is told. The first event carries an id, so that a browser that comes back says so."""
    try:
        yield f"retry: 1000\nid: 1\nevent: {'resync' if resumed else 'hello'}\ndata: 1\n\n"
        message = ""
        while message != BYE:
            message = await listener.next()
            yield message
    finally:
        here.leave(listener)

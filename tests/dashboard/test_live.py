"""The streams a page listens to: names only, for those who may hear them, for as long as they may."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import AsyncClient, AsyncRequestFactory, Client
from django.urls import resolve, reverse

from dashboard import live
from deployments import ask, limits, nudges
from deployments.limits import Lease
from deployments.models import Deployment
from teams.models import Membership
from tests.processes import ValkeyServer, new_valkey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks and heartbeats as often as a test needs them."""
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.3)


async def signed_in(user: User) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(user)
    return client


class Stream:
    """An open stream, read event by event."""

    def __init__(self, response: Any) -> None:
        # Ours, without Django's wrapper around it.
        self.parts = cast("AsyncGenerator[str, None]", response._iterator)

    async def until(self, word: str, *, seconds: float = 15) -> str:
        """The first part that holds `word`."""
        async with asyncio.timeout(seconds):
            async for part in self.parts:
                if word in part:
                    return part
        raise AssertionError(f"the stream ended without {word!r}")

    async def ended(self, *, seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            async for _ in self.parts:
                pass


async def opened(client: AsyncClient, url: str = "", **headers: str) -> Stream:
    """The stream at an address, as our view makes it: the test client would wrap it in its own."""
    path = url or reverse("live")
    request = AsyncRequestFactory().get(path, headers=headers)
    request.session = cast("Any", client.session)
    match = resolve(path)
    response = await match.func(request, *match.args, **match.kwargs)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    return Stream(response)


@asynccontextmanager
async def listening(client: AsyncClient, url: str = "", **headers: str) -> AsyncIterator[Stream]:
    stream = await opened(client, url, **headers)
    try:
        yield stream
    finally:
        await stream.parts.aclose()


async def nobody_listens() -> None:
    async with asyncio.timeout(15):
        while live.hub().listeners:
            await asyncio.sleep(0.02)


async def publish_until_heard(stream: Stream, nudge: nudges.Nudge, word: str) -> str:
    """Say it again and again until it is heard: the subscription may still be on its way."""
    heard = asyncio.ensure_future(stream.until(word))
    while not heard.done():
        await sync_to_async(nudges.send)(nudge)
        await asyncio.wait({heard}, timeout=0.1)
    return heard.result()


async def test_a_member_hears_the_name_of_what_changed(
    redis_url: str, deployment: Deployment, viewer: User
) -> None:
    async with listening(await signed_in(viewer)) as stream:
        nudge = nudges.Nudge(team="pricing", deployment=deployment.name)
        heard = await publish_until_heard(stream, nudge, "changed")
        assert heard == f"event: changed\ndata: pricing/{deployment.name}\n\n"


async def test_nobody_hears_of_other_peoples_teams(
    redis_url: str, deployment: Deployment, stranger: User, viewer: User
) -> None:
    async with listening(await signed_in(stranger)) as theirs, listening(await signed_in(viewer)) as ours:
        nudge = nudges.Nudge(team="pricing", deployment=deployment.name)
        await publish_until_heard(ours, nudge, "changed")
        # Two heartbeats later everything published before has been handed out.
        for _ in range(2):
            assert "changed" not in await theirs.until("")


async def test_nobody_hears_of_clusters_where_they_have_no_team(
    redis_url: str, deployment: Deployment, stranger: User, viewer: User
) -> None:
    async with listening(await signed_in(stranger)) as theirs, listening(await signed_in(viewer)) as ours:
        heard = await publish_until_heard(ours, nudges.Nudge(cluster="local"), "measured")
        assert heard == "event: measured\ndata: local\n\n"
        for _ in range(2):
            assert "local" not in await theirs.until("")


async def test_an_admin_hears_all(redis_url: str, deployment: Deployment, admin: User) -> None:
    async with listening(await signed_in(admin)) as stream:
        await publish_until_heard(stream, nudges.Nudge(team="pricing", deployment="x"), "pricing/x")


async def test_without_a_session_there_is_no_stream(db: None) -> None:
    assert (await AsyncClient().get(reverse("live"))).status_code == 401


async def test_a_browser_that_comes_back_is_told_to_look_again(redis_url: str, viewer: User) -> None:
    client = await signed_in(viewer)
    async with listening(client, **{"Last-Event-ID": "1"}) as stream:
        assert "resync" in await stream.until("event")


async def test_the_stream_ends_with_the_session(redis_url: str, viewer: User) -> None:
    client = await signed_in(viewer)
    async with listening(client) as stream:
        await stream.until("hello")
        await client.post(reverse("sign-out"))
        await stream.until("bye")
        await stream.ended()


async def test_the_stream_of_a_disabled_account_ends_within_a_second(
    redis_url: str, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing but being told can end it in time.
    monkeypatch.setattr(live, "CHECK_SECONDS", 600)
    async with listening(await signed_in(viewer)) as stream:
        nudge = nudges.Nudge(team="pricing", deployment="x")
        await publish_until_heard(stream, nudge, "changed")
        await sync_to_async(call_command)("account", "disable", "viewer", verbosity=0)
        disabled = time.monotonic()
        await stream.until("bye")
        assert time.monotonic() - disabled < 1


async def test_whoever_leaves_a_team_hears_no_more_of_it(redis_url: str, viewer: User, admin: User) -> None:
    async with listening(await signed_in(viewer)) as left, listening(await signed_in(admin)) as stays:
        nudge = nudges.Nudge(team="pricing", deployment="before")
        await publish_until_heard(left, nudge, "before")
        await Membership.objects.filter(user=viewer).adelete()
        here = live.hub()
        async with asyncio.timeout(15):
            while any(entry.access.teams == frozenset({"pricing"}) for entry in here.listeners):
                await asyncio.sleep(0.05)
        await publish_until_heard(stays, nudges.Nudge(team="pricing", deployment="after"), "after")
        for _ in range(2):
            assert "after" not in await left.until("")


async def test_a_lost_redis_means_looking_at_everything_again(
    viewer: User, settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server: ValkeyServer = new_valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    try:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = server.url
        async with listening(await signed_in(viewer)) as stream:
            await publish_until_heard(stream, nudges.Nudge(team="pricing", deployment="x"), "pricing/x")
            await sync_to_async(server.kill)()
            await stream.until("resync")
            await sync_to_async(server.start)()
            await publish_until_heard(stream, nudges.Nudge(team="pricing", deployment="y"), "pricing/y")
    finally:
        server.stop()


async def test_a_slow_page_forgets_names_and_looks_at_everything() -> None:
    listener = live.Listener("key", live.Access(User(), None, None), Lease(1, "1"))
    for number in range(live.QUEUE_LENGTH + 1):
        listener.tell(str(number))
    assert (listener.queue.qsize(), listener.queue.get_nowait()) == (1, live.RESYNC)


async def test_a_hundred_streams_are_one_subscription_and_leave_nothing(redis_url: str, viewer: User) -> None:
    client = await signed_in(viewer)
    streams = [await opened(client) for _ in range(100)]
    here = live.hub()
    assert (len(here.listeners), len(here.tasks)) == (100, 2)
    await publish_until_heard(streams[0], nudges.Nudge(team="pricing", deployment="x"), "pricing/x")
    for stream in streams[1:]:
        await stream.until("pricing/x")
    for stream in streams:
        await stream.parts.aclose()
    await nobody_listens()
    assert here.tasks == []


async def test_followed_lines_are_text_and_end_with_the_session(
    redis_url: str, deployment: Deployment, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "<b>hi</b>\rthere\n\nevent: bye\ndata: 1\n\n\u2028\u202e\x1b[31m"

    async def written(*_: object, **__: object) -> AsyncIterator[list[ask.LogLine | ask.Skipped]]:
        yield [ask.LogLine("pod-1", hostile, "now")]
        yield [ask.Skipped(7)]
        await asyncio.Event().wait()

    # The observer's half is tested with it; this is what the page is sent.
    monkeypatch.setattr(ask, "follow_logs", written)
    client = await signed_in(viewer)
    url = reverse("deployment-logs-follow", args=["pricing", deployment.name])
    async with listening(client, url) as stream:
        told = await stream.until("event: lines")
        assert told.count("\n") == 3
        assert "\r" not in told
        assert json.loads(told.split("data: ", 1)[1]) == [["pod-1", hostile, "now"]]
        assert "data: 7" in await stream.until("skipped")
        await client.post(reverse("sign-out"))
        await stream.until("bye")
    await nobody_listens()


async def test_only_members_follow_logs(redis_url: str, deployment: Deployment, stranger: User) -> None:
    url = reverse("deployment-logs-follow", args=["pricing", deployment.name])
    assert (await AsyncClient().get(url)).status_code == 401
    assert (await (await signed_in(stranger)).get(url)).status_code == 404


def test_streams_are_for_reading_only(browser: Client, browser_of: Callable[[User], Client]) -> None:
    assert browser.post(reverse("live")).status_code == 405


async def test_a_person_with_too_many_streams_is_told_so(
    redis_url: str, viewer: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_away_until", 0.0)
    settings.STREAMS_PER_USER = 1
    client = await signed_in(viewer)
    async with listening(client) as stream:
        await stream.until("hello")
        refused = await client.get(reverse("live"))
        assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    await nobody_listens()
    # Given back by a thread of the hub's own, which the end of the stream does not wait for.
    await live.hub().ask(limits.take_stream, viewer.pk)

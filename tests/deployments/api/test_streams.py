"""Streams end with the access to them, and tell nobody of what they may not see."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import AsyncClient
from django.utils import timezone

from deployments import intent, nudges
from deployments.api import gate, streams
from deployments.models import Deployment
from teams.models import Team
from teams.roles import Scope
from teams.tokens import create_token

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 10


async def opened(address: str, **headers: str) -> AsyncIterator[tuple[str, Any]]:
    """Event names and data of a stream, without its heartbeats."""
    answer: Any = await AsyncClient().get(f"/api/v1/{address}", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"] == "text/event-stream"
    async for chunk in answer.streaming_content:
        name, _, data = chunk.decode().strip().partition("\ndata: ")
        if name.startswith("event: "):
            yield name.removeprefix("event: "), json.loads(data)


async def bearer(user: User, **limits: Any) -> dict[str, str]:
    text, _ = await sync_to_async(create_token)(user, "test", [Scope.READ], **limits)
    return {"authorization": f"Bearer {text}"}


async def heard(events: AsyncIterator[tuple[str, Any]], *told: nudges.Nudge) -> list[Any]:
    """What a stream says of `told`, up to the first event about something called `last`."""
    found: list[Any] = []
    async with asyncio.timeout(SECONDS):
        assert (await anext(events))[0] == "hello"
        waiting = asyncio.ensure_future(anext(events))
        while True:
            # Published again until heard: the subscription may still be on its way.
            await sync_to_async(nudges.send)(*told)
            done, _ = await asyncio.wait({waiting}, timeout=0.3)
            if not done:
                continue
            event = waiting.result()
            if event not in found:
                found.append(event)
            if event[1].get("deployment") == "last":
                return found
            waiting = asyncio.ensure_future(anext(events))


async def test_watch_tells_only_what_one_may_see(
    no_redis: None, redis_url: str, viewer: User, other_team: Team
) -> None:
    events = opened("watch/", **await bearer(viewer))
    told = (
        nudges.Nudge(team="fraud", deployment="secret"),
        nudges.Nudge(team="pricing", deployment="house", operation="abc"),
        nudges.Nudge(team="pricing", deployment="last"),
    )
    found = await heard(events, *told)
    assert ("change", {"team": "pricing", "deployment": "house", "operation": "abc"}) in found
    assert "secret" not in str(found)


async def test_a_token_of_one_team_hears_of_that_team_only(
    no_redis: None, redis_url: str, admin: User, team: Team, other_team: Team
) -> None:
    events = opened("watch/", **await bearer(admin, team=other_team))
    told = (
        nudges.Nudge(team="pricing", deployment="house"),
        nudges.Nudge(team="fraud", deployment="last"),
    )
    assert {data["team"] for _, data in await heard(events, *told)} == {"fraud"}


async def test_a_stream_ends_with_its_token_also_when_nobody_can_say_so(
    no_redis: None, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "CHECK_SECONDS", 0.1)
    events = opened("watch/", **await bearer(viewer))
    assert (await anext(events))[0] == "hello"
    await sync_to_async(viewer.api_tokens.update)(revoked_at=timezone.now())
    async with asyncio.timeout(SECONDS):
        assert {name async for name, _ in events} <= {"refresh"}


def revoke_tokens(viewer: User) -> None:
    for row in viewer.api_tokens.all():
        intent.revoke_token(row, by=viewer)


def disable(viewer: User) -> None:
    call_command("account", "disable", viewer.username, verbosity=0)


@pytest.mark.parametrize("end", [revoke_tokens, disable])
async def test_rights_that_end_are_refused_and_their_streams_closed_within_a_second(
    end: Callable[[User], None],
    no_redis: None,
    redis_url: str,
    viewer: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nothing but being told can end the stream in time.
    monkeypatch.setattr(gate, "CHECK_SECONDS", 600)
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 600)
    rights = await bearer(viewer)
    events = opened("watch/", **rights)
    # Heard once, so that the subscription is there.
    await heard(events, nudges.Nudge(team="pricing", deployment="last"))
    await sync_to_async(end)(viewer)
    ended = time.monotonic()
    async with asyncio.timeout(SECONDS):
        assert {name async for name, _ in events} <= {"change"}
    assert time.monotonic() - ended < 1
    answer: Any = await AsyncClient().get("/api/v1/me/", headers=rights)
    assert answer.status_code == 401


async def test_a_stream_ends_when_its_session_does(
    no_redis: None, redis_url: str, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "CHECK_SECONDS", 0.1)
    browser = AsyncClient()
    await browser.aforce_login(viewer)
    answer: Any = await browser.get("/api/v1/watch/")
    chunks = answer.streaming_content
    assert b"hello" in await anext(chunks)
    await sync_to_async(browser.session.flush)()
    async with asyncio.timeout(SECONDS):
        async for chunk in chunks:
            assert b"change" not in chunk


async def test_a_problem_after_the_beginning_is_an_event(
    no_redis: None, viewer: User, house: Deployment
) -> None:
    address = "teams/pricing/deployments/house/logs/?follow=true"
    told = [event async for event in opened(address, **await bearer(viewer))]
    assert [name for name, _ in told] == ["hello", "problem"]
    assert told[1][1]["code"] == "workers_not_reachable"


async def test_logs_that_have_ended_cannot_be_followed(viewer: User, house: Deployment) -> None:
    answer = await AsyncClient().get(
        "/api/v1/teams/pricing/deployments/house/logs/?follow=true&previous=true",
        headers=await bearer(viewer),
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "previous")

"""So many requests a minute, and so many open streams; what is left is told in headers."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from deployments import limits
from deployments.models import Deployment, IdempotencyRecord
from teams.models import AuditEntry
from teams.roles import Scope
from tests.deployments.api.caller import Caller
from tests.deployments.api.conftest import by_token
from tests.deployments.api.test_streams import bearer

ONE = "teams/pricing/deployments/house/"


@pytest.fixture(autouse=True)
def counting(no_redis: None, redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_away_until", 0.0)
    settings.REQUESTS_PER_MINUTE, settings.REQUESTS_PER_MINUTE_ANONYMOUS = 3, 2


def test_every_answer_tells_what_is_left(api: Caller) -> None:
    answer = api.get("me/")
    assert answer.headers["RateLimit-Policy"] == '"token";q=3;w=60'
    assert answer.headers["RateLimit"].startswith('"token";r=2;t=')


def test_too_many_are_told_when_to_come_back(api: Caller, house: Deployment) -> None:
    answers = [api.get("me/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"token";r=0;t=')
    assert api.post(ONE + "restart/", idempotency_key="abc").status_code == 429
    assert not IdempotencyRecord.objects.exists()
    house.refresh_from_db()
    assert house.generation == 1


def test_each_token_and_each_person_has_their_own_count(deployer: User, viewer: User) -> None:
    browser = Client()
    browser.force_login(deployer)
    callers = [by_token(deployer, Scope.READ), by_token(deployer, Scope.READ), Caller(browser)]
    for caller in callers:
        assert [caller.get("me/").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert by_token(viewer, Scope.READ).get("me/").status_code == 200


def test_whoever_guesses_tokens_is_counted_by_address(db: None) -> None:
    def guess(character: str, address: str) -> int:
        headers = {"Authorization": "Bearer tim_" + character * 40}
        caller = Caller(Client(REMOTE_ADDR=address, headers=headers))
        status: int = caller.get("me/").status_code
        return status

    assert [guess(character, "192.0.2.1") for character in "abc"] == [401, 401, 429]
    assert guess("d", "192.0.2.2") == 401
    assert Caller(Client(REMOTE_ADDR="192.0.2.1")).get("schema/").status_code == 429


@pytest.mark.django_db(transaction=True)
async def test_a_stream_too_many_is_refused_and_one_that_ends_makes_room(viewer: User, settings: Any) -> None:
    settings.STREAMS_PER_USER, settings.REQUESTS_PER_MINUTE = 1, 100
    headers = await bearer(viewer)
    first: Any = await AsyncClient().get("/api/v1/watch/", headers=headers)
    chunks = first.streaming_content
    assert b"hello" in await anext(chunks)
    second: Any = await AsyncClient().get("/api/v1/watch/", headers=headers)
    assert (second.status_code, second.json()["code"]) == (429, "too_many_streams")
    assert int(second.headers["Retry-After"]) > 0
    # Whoever goes away ends our generator behind the client's own.
    await first._iterator.aclose()
    while True:
        third: Any = await AsyncClient().get("/api/v1/watch/", headers=headers)
        if third.status_code == 200:
            break


def test_refusals_beyond_so_many_are_answered_429_and_are_one_line_of_the_audit(
    viewer: User, house: Deployment, settings: Any
) -> None:
    settings.REQUESTS_PER_MINUTE, settings.REFUSALS_PER_MINUTE = 0, 2
    theirs = by_token(viewer, Scope.DEPLOY)
    answers = [theirs.post(ONE + "restart/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    refusals = AuditEntry.objects.filter(allowed=False).order_by("id")
    assert [row.action for row in refusals] == ["restart", "restart", "further refusals"]

"""What is counted in Redis, and that nobody is locked out when there is none."""

from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import RequestFactory

from deployments import limits
from deployments.errors import TooManyRequests
from deployments.limits import Limit, count, give_back, keep_streams, neighbourhood_of, take_stream
from tests.processes import new_valkey

TWICE = Limit("test", 2)


@pytest.fixture(autouse=True)
def nothing_remembered(no_redis: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_away_until", 0.0)


def test_each_is_counted_by_themselves(redis_url: str) -> None:
    first, second, third = (count(TWICE, "ann") for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert [found.left for found in (first, second, third)] == [1, 0, 0]
    assert [found.exceeded for found in (first, second, third)] == [False, False, True]
    assert 1 <= third.reset_seconds <= 60
    other = count(TWICE, "bob")
    assert other is not None
    assert not other.exceeded


def test_the_count_ends_with_its_window(redis_url: str) -> None:
    short = Limit("short", 1, seconds=60)
    count(short, "ann")
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.scan_iter("timoneiro:limit:short:*")
        assert 0 < client.ttl(key) <= 60
        assert b"ann" not in key
        client.pexpire(key, 1)
        while client.exists(key):
            pass
    again = count(short, "ann")
    assert again is not None
    assert not again.exceeded


def test_a_limit_of_zero_is_none(redis_url: str) -> None:
    assert count(Limit("test", 0), "ann") is None


def test_without_redis_nothing_is_limited() -> None:
    assert [count(Limit("test", 1), "ann") for _ in range(3)] == [None] * 3
    assert take_stream(1).user_id == 1


def test_a_redis_that_goes_away_locks_nobody_out(tmp_path: Path, settings: Any) -> None:
    server = new_valkey(tmp_path)
    server.start()
    settings.REDIS_URL, settings.STREAMS_PER_USER = server.url, 1
    assert count(TWICE, "ann") is not None
    lease = take_stream(1)
    server.kill()
    assert count(TWICE, "ann") is None
    assert take_stream(1).user_id == 1
    keep_streams([lease])
    give_back(lease)


def test_one_person_has_so_many_streams_and_no_more(redis_url: str, settings: Any) -> None:
    settings.STREAMS_PER_USER = 2
    first, _ = take_stream(1), take_stream(1)
    with pytest.raises(TooManyRequests) as refused:
        take_stream(1)
    assert refused.value.code == "too_many_streams"
    assert take_stream(2).user_id == 2
    give_back(first)
    assert take_stream(1).user_id == 1


def test_a_stream_that_nobody_keeps_is_forgotten(
    redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STREAMS_PER_USER = 1
    now = 1_000_000.0
    monkeypatch.setattr("deployments.limits.time.time", lambda: now)
    lease = take_stream(1)
    now += limits.LEASE_SECONDS - 1
    keep_streams([lease])
    now += limits.LEASE_SECONDS - 1
    with pytest.raises(TooManyRequests):
        take_stream(1)
    now += 2
    assert take_stream(1).user_id == 1


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_is_counted_with_all_that_one_machine_may_have(address: str, counted: str) -> None:
    assert neighbourhood_of(RequestFactory().get("/", REMOTE_ADDR=address)) == counted

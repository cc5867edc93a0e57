"""Followed logs on a real Valkey: what the observer writes, and what a viewer is told of it."""

import asyncio
from contextlib import aclosing

import pytest
import redis

from deployments import connections
from deployments.following import backlog, serving
from deployments.following.backlog import Backlog, entries_of
from deployments.following.keys import INTERESTS, Interest, Line, interest_in
from deployments.following.reader import LogLine, Skipped, follow_logs
from deployments.following.serving import Stream

INTEREST = Interest(7)


def line(number: int, pod: str = "p") -> Line:
    return Line(pod, f"line {number}", f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}.000000000Z")


def lines(*numbers: int) -> list[Line]:
    return [line(number) for number in numbers]


async def write(*portions: tuple[list[Line], int]) -> None:
    """As an upstream does: lines, and how many were dropped after them."""
    client = connections.async_redis_client()
    stream = Stream(INTEREST.stream, client)
    for written, dropped in portions:
        await stream.append(written, dropped)
    await client.aclose()


async def read(count: int, *, tail: int = 100, since_seconds: int | None = None) -> list[LogLine | Skipped]:
    told: list[LogLine | Skipped] = []
    log = follow_logs(7, tail=tail, since_seconds=since_seconds)
    async with asyncio.timeout(10), aclosing(log):
        async for portion in log:
            told += portion
            if len(told) >= count:
                break
    return told


def texts(told: list[LogLine | Skipped]) -> list[str]:
    return [each.text for each in told if isinstance(each, LogLine)]


def test_a_viewer_gets_the_last_lines_and_registers_its_interest(redis_url: str) -> None:
    asyncio.run(write((lines(1, 2, 3), 0), (lines(4, 5), 0)))
    assert texts(asyncio.run(read(2, tail=2))) == ["line 4", "line 5"]
    with redis.Redis.from_url(redis_url) as client:
        assert client.zscore(INTERESTS, INTEREST.member) is not None


def test_the_last_lines_are_gathered_from_as_many_entries_as_it_takes(redis_url: str) -> None:
    asyncio.run(write(*((lines(number), 0) for number in range(1, 121))))
    assert texts(asyncio.run(read(90, tail=90))) == [f"line {number}" for number in range(31, 121)]


def test_a_viewer_is_told_how_much_was_dropped_and_where(redis_url: str) -> None:
    asyncio.run(write((lines(1, 2), 3), (lines(6), 0)))
    told = asyncio.run(read(4))
    assert (told[2], texts(told)) == (Skipped(3), ["line 1", "line 2", "line 6"])


def test_a_viewer_that_is_too_slow_is_told_how_much_it_missed(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STREAM_LINES", 4)

    async def fall_behind() -> list[LogLine | Skipped]:
        client = connections.async_redis_client()
        stream = Stream(INTEREST.stream, client)
        await stream.append(lines(1), 0)
        log, told = follow_logs(7), list[LogLine | Skipped]()
        async with asyncio.timeout(10), aclosing(log):
            told += await anext(log)
            for number in range(2, 12):
                await stream.append(lines(number), 0)
            told += await anext(log)
        await client.aclose()
        return told

    told = asyncio.run(fall_behind())
    skipped = [each.lines for each in told if isinstance(each, Skipped)]
    assert skipped == [6]
    assert texts(told) == ["line 1", "line 8", "line 9", "line 10", "line 11"]


def test_a_new_upstream_repeats_nothing(redis_url: str) -> None:
    asyncio.run(write((lines(1, 2), 0)))
    asyncio.run(write((lines(1, 2, 3), 0)))
    assert texts(asyncio.run(read(3))) == ["line 1", "line 2", "line 3"]


def test_nothing_older_than_asked_for_is_told(redis_url: str) -> None:
    fresh = Line("p", "fresh", "2999-01-01T00:00:00.000000000Z")
    asyncio.run(write(([line(1), fresh], 0)))
    assert texts(asyncio.run(read(1, since_seconds=60))) == ["fresh"]


def test_a_stream_keeps_the_newest_of_many_long_lines(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STREAM_CHARACTERS", 100_000)
    long = [Line("p", "x" * 10_000, line(number).at) for number in range(40)]
    asyncio.run(write(*(([each], 0) for each in long)))
    with redis.Redis.from_url(redis_url) as client:
        assert client.xlen(INTEREST.stream) == 10


def test_replicas_are_in_the_order_of_time() -> None:
    async def taken() -> tuple[list[Line], int]:
        kept = Backlog(most_lines=3)
        for each in (line(3, "a"), line(1, "b"), line(2, "b"), line(4, "b")):
            kept.put(each)
        return await kept.take()

    found, dropped = asyncio.run(taken())
    assert ([(each.pod, each.text) for each in found], dropped) == (
        [("b", "line 1"), ("b", "line 2"), ("a", "line 3")],
        1,
    )


def test_history_waits_for_room_where_news_is_dropped() -> None:
    async def fill_and_empty() -> list[Line]:
        kept = Backlog(most_lines=1)
        kept.put(line(1))
        waiting = asyncio.create_task(kept.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        found, _ = await kept.take()
        async with asyncio.timeout(5):
            await waiting
        return found

    assert asyncio.run(fill_and_empty()) == lines(1)


def test_entries_are_small_whatever_the_lines_are() -> None:
    many = [Line("p", "x" * size, "") for size in (10, 60_000, 60_000, *(1,) * 450)]
    portions = list(entries_of(many))
    assert [each for portion in portions for each in portion] == many
    assert max(len(portion) for portion in portions) <= 200
    limit = backlog.MOST_CHARACTERS
    assert all(sum(len(each.text) for each in portion) <= limit for portion in portions)


def test_viewers_of_nearly_the_same_share_an_upstream() -> None:
    assert interest_in(7, "", "", 1) == interest_in(7, "", "", 100) == INTEREST
    assert interest_in(7, "", "", 150) == interest_in(7, "", "", 200) != INTEREST
    assert interest_in(7, "", "", 10**6).tail == 10_000

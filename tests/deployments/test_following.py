"""A viewer's side of a followed log, on a real Valkey."""

import asyncio
from contextlib import aclosing

import redis

from deployments.following.keys import INTERESTS, Interest
from deployments.following.reader import LogLine, Skipped, follow_logs

INTEREST = Interest(7)


def write(client: redis.Redis, number: int, *, epoch: str = "e", at: str | None = None) -> None:
    """One line, as the observer writes it."""
    stamp = at or f"2026-01-01T00:00:{number:02d}.000000000Z"
    fields = {"e": epoch, "n": str(number), "p": "p", "t": f"line {number}", "a": stamp}
    client.xadd(INTEREST.stream, fields)  # type: ignore[arg-type]


async def read(count: int, *, tail: int = 100) -> list[LogLine | Skipped]:
    told: list[LogLine | Skipped] = []
    async with asyncio.timeout(10), aclosing(follow_logs(7, tail=tail)) as log:
        async for line in log:
            told.append(line)
            if len(told) == count:
                break
    return told


def test_a_viewer_gets_the_last_lines_and_registers_its_interest(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for number in range(1, 6):
            write(client, number)
        told = asyncio.run(read(2, tail=2))
        assert [line.text for line in told if isinstance(line, LogLine)] == ["line 4", "line 5"]
        assert client.zscore(INTERESTS, INTEREST.member) is not None


def test_a_slow_viewer_is_told_how_much_it_missed(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for number in (1, 2, 6):
            write(client, number)
        told = asyncio.run(read(4))
    assert told[2] == Skipped(3)


def test_a_new_upstream_repeats_nothing(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        write(client, 1)
        write(client, 2)
        for number in (1, 2, 3):
            write(client, number, epoch="another")
        told = asyncio.run(read(3))
    assert [line.text for line in told if isinstance(line, LogLine)] == ["line 1", "line 2", "line 3"]

"""One subscription for any number of listeners, which hear when they may have missed something."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from asgiref.sync import sync_to_async

from deployments import listening, nudges
from deployments.listening import Listener
from deployments.nudges import Nudge
from tests.processes import new_valkey

SECONDS = 20
LOST = Nudge(lost=True)


def subscribers(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        counted: Any = client.pubsub_numsub(nudges.CHANNEL)
        return int(counted[0][1])


async def until_subscribed(url: str, number: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await sync_to_async(subscribers)(url) != number:
            await asyncio.sleep(0.02)


async def test_many_listeners_are_one_subscription_and_leave_none(no_redis: None, redis_url: str) -> None:
    with ExitStack() as open_streams:
        heard = [open_streams.enter_context(listening.hub().listener()) for _ in range(50)]
        await until_subscribed(redis_url, 1)
        await sync_to_async(nudges.send)(Nudge(team="pricing", deployment="house"))
        async with asyncio.timeout(SECONDS):
            assert {await anext(listener) for listener in heard} == {
                Nudge(team="pricing", deployment="house")
            }
        assert await sync_to_async(subscribers)(redis_url) == 1
    await until_subscribed(redis_url, 0)


async def test_an_outage_is_told_when_it_begins_and_when_it_is_over(
    no_redis: None, settings: Any, tmp_path: Path
) -> None:
    server = new_valkey(tmp_path)
    server.start()
    try:
        settings.REDIS_URL = server.url
        with listening.hub().listener() as heard:
            await until_subscribed(server.url, 1)
            async with asyncio.timeout(SECONDS):
                await sync_to_async(server.kill)()
                assert await anext(heard) == LOST
                await sync_to_async(server.start)()
                assert await anext(heard) == LOST
                # From here on nothing is missed: whoever looks anew now hears of each later change.
                await sync_to_async(nudges.send)(Nudge(team="pricing", deployment="later"))
                assert await anext(heard) == Nudge(team="pricing", deployment="later")
    finally:
        server.stop()


async def test_who_reads_too_slowly_forgets_the_names_and_is_told() -> None:
    slow = Listener()
    for number in range(listening.QUEUE_LENGTH + 1):
        slow.tell(Nudge(team="pricing", deployment=str(number)))
    assert await anext(slow) == LOST
    slow.tell(Nudge(team="pricing", deployment="next"))
    assert await anext(slow) == Nudge(team="pricing", deployment="next")

"""Names of what changed, told to whoever listens. Hints only: a lost nudge heals by a slow poll.

No data travels here, so that nobody learns more than their own next read shows.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
import redis.asyncio
from django.conf import settings
from django.db import transaction

from deployments import connections
from deployments.models import Deployment, Operation

logger = logging.getLogger(__name__)

CHANNEL = "timoneiro:nudges"
_RECONNECT_SECONDS = 1.0


class Nudge(msgspec.Struct, frozen=True, kw_only=True):
    """What changed. `deployment` "" means anything of the team; `lost` means nudges may have been missed.

    `rights` says that somebody may see less than before, and not who: streams ask again whom they serve.
    `cluster` is set alone: what its pods and nodes use was measured anew.
    """

    team: str = ""
    deployment: str = ""
    operation: str = ""
    cluster: str = ""
    lost: bool = False
    rights: bool = False


def publish(deployment: Deployment, operation: Operation | None = None) -> None:
    """Tells listeners that a deployment changed. Call after commit. Never raises."""
    send(
        Nudge(
            team=deployment.team.name,
            deployment=deployment.name,
            operation=str(operation.id) if operation else "",
        )
    )


def rights_changed() -> None:
    """Has all open streams look at once, after the commit, whether their readers still may. Never raises."""
    # robust: they look by themselves every few seconds.
    transaction.on_commit(lambda: send(Nudge(rights=True)), robust=True)


def send(*nudges: Nudge) -> None:
    """Publishes nudges in one round trip; a dead Redis is logged and forgotten."""
    client = connections.redis_client()
    if client is None or not nudges:
        return
    try:
        with client.pipeline(transaction=False) as pipe:
            for nudge in nudges:
                pipe.publish(CHANNEL, msgspec.json.encode(nudge))
            pipe.execute()
    except (redis.RedisError, OSError) as exc:
        logger.warning("nudge lost, Redis does not answer: %s", exc)


async def subscribe() -> AsyncIterator[Nudge]:
    """Nudges as they come, for ever.

    `Nudge(lost=True)` comes when the connection breaks, and again when it is back:
    what was published between was heard by nobody.
    """
    broken = False
    while True:
        if settings.REDIS_URL:
            client = connections.async_redis_client()
            try:
                async with client.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for nudge in _messages(channel):
                        if nudge is not None:
                            yield nudge
                        elif broken:
                            broken = False
                            yield Nudge(lost=True)
            except (redis.RedisError, OSError) as exc:
                if not broken:
                    logger.warning("nudges interrupted, Redis does not answer: %s", exc)
            finally:
                await client.aclose()
        if not broken:
            broken = True
            yield Nudge(lost=True)
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _messages(channel: "redis.asyncio.client.PubSub") -> AsyncIterator[Nudge | None]:
    """None when the subscription holds, then what is published."""
    while True:
        message = await channel.get_message(timeout=connections.SOCKET_SECONDS - 1)
        if message is None:
            # A half-open connection shows itself only when something is sent.
            await channel.ping()
        elif message["type"] == "subscribe":
            yield None
        elif message["type"] == "message":
            try:
                yield msgspec.json.decode(message["data"], type=Nudge)
            except msgspec.MsgspecError:
                logger.warning("a nudge could not be read: %r", message.get("data"))

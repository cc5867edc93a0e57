"""When the sweep last ran: a sign of life of beat, of the queue and of a worker, all at once.

Kept in Redis, which may forget it: the next sweep is at most 15 seconds away.
"""

import logging
import time

import redis

from deployments.connections import redis_client

log = logging.getLogger(__name__)

_KEY = "timoneiro:swept"


def note_sweep() -> None:
    """Never raises: the sweep matters more than that somebody knows of it."""
    client = redis_client()
    if client is None:
        return
    try:
        client.set(_KEY, time.time())
    except (redis.RedisError, OSError) as exc:
        log.warning("nobody will know that the sweep ran, Redis does not answer: %s", exc)


def seconds_since_sweep(client: redis.Redis) -> float | None:
    """None where Redis knows of none.

    Raises:
        redis.RedisError.
    """
    found = client.get(_KEY)
    return max(0.0, time.time() - float(found)) if isinstance(found, bytes) else None

"""Connections to Redis; and away from the database while waiting.

Short time limits: Redis carries hints and must never hold a request up.
"""

from functools import lru_cache

import redis
import redis.asyncio
from django.conf import settings
from django.db import connection

CONNECT_SECONDS = 1.0
SOCKET_SECONDS = 5.0


def redis_client() -> redis.Redis | None:
    """The process's shared client; None when no Redis is configured."""
    return _shared_client(settings.REDIS_URL) if settings.REDIS_URL else None


@lru_cache(maxsize=4)
def _shared_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=SOCKET_SECONDS, health_check_interval=0
    )


def patient_redis_client(wait_seconds: float) -> redis.Redis:
    """A client for one blocking read of at most `wait_seconds`; close it after use."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=wait_seconds + SOCKET_SECONDS,
    )


def let_go_of_database() -> None:
    """Closes this thread's connection before a long wait: those who wait must not use up the server's."""
    if not connection.in_atomic_block:
        connection.close()


def async_redis_client() -> redis.asyncio.Redis:
    """A client bound to the running event loop; `aclose` it after use."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=SOCKET_SECONDS,
        # One shape of stream answers, whatever the client's default becomes.
        protocol=2,
    )


def answer_key(question_id: str) -> str:
    """The list into which a worker pushes its answer to a question of the web tier."""
    return f"timoneiro:answer:{question_id}"

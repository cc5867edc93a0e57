"""Redis or Valkey: reachable, closed to others, and not one that throws messages away."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis
from django.conf import settings
from django.utils import timezone

from deployments.connections import CONNECT_SECONDS, SOCKET_SECONDS
from deployments.doctor import clock
from deployments.doctor.findings import Area

_VERSION: Final = (6, 2)
_FULL: Final = 0.9
_START: Final = "docker compose up -d redis (./dev up brings its own)"


def look_at_broker(area: Area) -> None:
    if not settings.REDIS_URL:
        area.problem(
            "redis_not_configured",
            "REDIS_URL is empty.",
            why="Wishes reach workers, and changes reach open pages, by way of it.",
            remedy="Name one: REDIS_URL=redis://:password@host:6379/0 (./dev up brings its own)",
        )
        return
    try:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=SOCKET_SECONDS
        )
    except ValueError as exc:
        area.problem(
            "redis_url",
            f"REDIS_URL cannot be understood: {exc}",
            why="No process finds the queue.",
            remedy="Write it as redis://:password@host:6379/0, special characters of the password as %XX",
        )
        return
    with client:
        _look(area, client)


def _look(area: Area, client: redis.Redis) -> None:
    host, port = _place(client)
    asked_at = timezone.now()
    try:
        told: dict[str, Any] = client.info()
        seconds, microseconds = client.time()
    except redis.exceptions.AuthenticationError as exc:
        area.problem(
            "redis_password",
            f"Redis at {host}:{port} refuses the password of REDIS_URL: {exc}",
            why="No process can use the queue.",
            remedy="Let REDIS_URL carry the password of the server's requirepass, and restart the processes.",
        )
        return
    except (redis.RedisError, OSError) as exc:
        area.problem(
            "redis_unreachable",
            f"Redis at {host}:{port} does not answer: {exc}",
            why="Wishes wait; logs, predictions and live pages stand still.",
            remedy=f"Start it, and compare REDIS_URL with where it listens: {_START}",
        )
        return
    their_time = datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(microseconds))
    clock.compare(area, "Redis", their_time, asked_at)
    name = "Valkey" if "valkey_version" in told else "Redis"
    version = str(told.get("valkey_version") or told.get("redis_version") or "0")
    area.note(f"{name} {version} at {host}:{port}")
    _look_at_version(area, name, version)
    _look_at_door(area, client, host)
    _look_at_memory(area, told)


def _place(client: redis.Redis) -> tuple[str, object]:
    how = client.connection_pool.connection_kwargs
    return str(how.get("host") or how.get("path") or "localhost"), how.get("port") or 6379


def _look_at_version(area: Area, name: str, version: str) -> None:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _VERSION:
        area.problem(
            "redis_version",
            f"{name} {version} is older than {_VERSION[0]}.{_VERSION[1]}.",
            why="Followed logs and limits use commands that it does not know.",
            remedy="Run valkey/valkey:9 or Redis 7: nothing that it holds needs to be kept.",
        )


def _look_at_door(area: Area, client: redis.Redis, host: str) -> None:
    """Whether whoever reaches it may use it: asked of the server itself, without the password."""
    if host.startswith("/") or host == "localhost" or _is_loopback(host):
        return
    how = {**client.connection_pool.connection_kwargs, "password": None, "username": None}
    how.pop("credential_provider", None)
    pool = redis.ConnectionPool(connection_class=client.connection_pool.connection_class, **how)
    with redis.Redis(connection_pool=pool) as stranger:
        try:
            stranger.ping()
        except (redis.RedisError, OSError):
            return
        finally:
            pool.disconnect()
    area.problem(
        "redis_open",
        f"Redis at {host} takes commands without a password.",
        why="Whoever reaches it can have workers do things, and read what logs and predictions answer.",
        remedy="Set a password: valkey-server --requirepass PASSWORD, REDIS_URL=redis://:PASSWORD@host:6379/0",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _look_at_memory(area: Area, told: dict[str, Any]) -> None:
    policy = str(told.get("maxmemory_policy") or "noeviction")
    if policy != "noeviction":
        area.problem(
            "redis_eviction",
            f"Redis throws entries away when its memory is full (maxmemory-policy {policy}).",
            why="Messages to workers and counts of limits may vanish without a word.",
            remedy="valkey-cli CONFIG SET maxmemory-policy noeviction; keep it in its configuration, too",
        )
    most, used = int(told.get("maxmemory") or 0), int(told.get("used_memory") or 0)
    if most and used > _FULL * most:
        area.problem(
            "redis_full",
            f"Redis uses {used * 100 // most} % of the memory that it may use.",
            why="When it is full it takes no more messages.",
            remedy="valkey-cli CONFIG SET maxmemory 512mb; then see what piles up: valkey-cli LLEN reconcile",
        )
    if told.get("role") == "slave":
        area.problem(
            "redis_read_only",
            "REDIS_URL names a replica, which cannot be written to.",
            why="No message can be sent.",
            remedy="Name the primary in REDIS_URL.",
        )

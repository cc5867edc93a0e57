"""How often, and how many at once: counted in Redis, so that all web processes count together.

Without Redis nothing is limited: what carries hints only must not lock anybody out.
"""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

import redis
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from deployments.connections import redis_client
from deployments.errors import TooManyRequests

log = logging.getLogger(__name__)

T = TypeVar("T")

# A Redis that did not answer is not waited for again by each request meanwhile.
AWAY_SECONDS = 5.0
# A stream is counted for this long after its process last said that it is open.
LEASE_SECONDS = 30
_away_until = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` times in `seconds`; `name` says of what, and is shown in headers."""

    name: str
    most: int
    seconds: int = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands with a limit after the present request."""

    limit: Limit
    left: int
    reset_seconds: int
    exceeded: bool
    just_exceeded: bool = False
    """Whether the present request is the first one beyond the limit in its window."""

    @property
    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` as in draft-ietf-httpapi-ratelimit-headers."""
        name = self.limit.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.limit.most};w={self.limit.seconds}',
            "RateLimit": f'"{name}";r={self.left};t={self.reset_seconds}',
        }

    @property
    def refusal(self) -> TooManyRequests:
        """What is answered beyond the limit."""
        return TooManyRequests(
            f"At most {self.limit.most} in {self.limit.seconds} s. Try again in {self.reset_seconds} s.",
            retry_after_seconds=self.reset_seconds,
        )

    def refuse_if_exceeded(self) -> None:
        """Raises: TooManyRequests."""
        if self.exceeded:
            raise self.refusal


def count(limit: Limit, who: str) -> Standing | None:
    """Counts one more of `who` and says how they stand; None when nothing is limited."""
    if limit.most <= 0:
        return None
    # Hashed: what people type as their name may be their password.
    key = f"timoneiro:limit:{limit.name}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"

    def ask(client: redis.Redis) -> tuple[int, int]:
        with client.pipeline() as pipe:
            pipe.set(key, 0, ex=limit.seconds, nx=True)
            pipe.incr(key)
            pipe.pttl(key)
            _, used, left_ms = pipe.execute()
        return int(used), int(left_ms)

    counted = _asked(ask)
    if counted is None:
        return None
    used, left_ms = counted
    reset_seconds = max(-(-left_ms // 1000), 1)
    return Standing(
        limit, max(limit.most - used, 0), reset_seconds, used > limit.most, used == limit.most + 1
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """One open stream of one person."""

    user_id: int
    id: str

    @property
    def key(self) -> str:
        return f"timoneiro:streams:{self.user_id}"


def take_stream(user_id: int) -> Lease:
    """The right to one more open stream; to be kept by `keep_streams`, and given back at the end.

    Raises:
        TooManyRequests: this person has as many as one may have.
    """
    lease, most = Lease(user_id, uuid.uuid4().hex), settings.STREAMS_PER_USER
    now = time.time()

    def ask(client: redis.Redis) -> int:
        with client.pipeline() as pipe:
            pipe.zremrangebyscore(lease.key, "-inf", now)
            pipe.zadd(lease.key, {lease.id: now + LEASE_SECONDS})
            pipe.zcard(lease.key)
            pipe.expire(lease.key, LEASE_SECONDS)
            return int(pipe.execute()[2])

    if most > 0 and (_asked(ask) or 0) > most:
        give_back(lease)
        raise TooManyRequests(
            f"You have {most} streams open, which is the most that one person may have. Close some.",
            retry_after_seconds=LEASE_SECONDS,
            code="too_many_streams",
        )
    return lease


def keep_streams(leases: Iterable[Lease]) -> None:
    """Says that these are still open."""
    until = time.time() + LEASE_SECONDS

    def ask(client: redis.Redis) -> None:
        with client.pipeline(transaction=False) as pipe:
            for lease in leases:
                pipe.zadd(lease.key, {lease.id: until})
                pipe.expire(lease.key, LEASE_SECONDS)
            pipe.execute()

    _asked(ask)


def give_back(lease: Lease) -> None:
    """The stream has ended."""
    _asked(lambda client: client.zrem(lease.key, lease.id))


def address_of(request: HttpRequest) -> str | None:
    """Where a request comes from, by the server's word for it; None when it has none (a local socket).

    Behind a proxy the server has to be told whose X-Forwarded-For it may believe.
    """
    try:
        return str(ip_address(str(request.META.get("REMOTE_ADDR", "")).strip()))
    except ValueError:
        return None


def attempted_name(request: HttpRequest, credentials: Mapping[str, str] | None) -> str:
    """What a failed sign-in is remembered by, instead of the name that was typed."""
    name = (credentials or {}).get("username") or request.POST.get("username", "")
    return salted_hmac("deployments.limits attempted name", name, algorithm="sha256").hexdigest()


def neighbourhood_of(request: HttpRequest) -> str:
    """The address to count by: of IPv6 the /64, all of which one machine may have."""
    address = address_of(request)
    if address is None:
        return "unknown"
    found = ip_address(address)
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address


def _asked(ask: Callable[[redis.Redis], T]) -> T | None:
    """What Redis answers; None when there is none, or none that answers."""
    global _away_until  # noqa: PLW0603 - one memory per process, of one Redis
    client = redis_client()
    if client is None or time.monotonic() < _away_until:
        return None
    try:
        return ask(client)
    except redis.RedisError as error:
        _away_until = time.monotonic() + AWAY_SECONDS
        log.warning("nothing is limited while Redis does not answer: %s", error)
        return None

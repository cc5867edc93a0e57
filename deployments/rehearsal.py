"""What a worker found out for a preflight: the cluster's own dry run, and what bounds the namespace.

Travels as JSON from worker to web. Nothing in it comes from a Secret.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An object that the cluster would refuse, in its own words."""

    kind: str
    name: str
    message: str


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """A ResourceQuota: quantities by resource name, such as {"requests.cpu": "2", "pods": "10"}."""

    name: str
    hard: Mapping[str, str] = {}
    used: Mapping[str, str] = {}


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a LimitRange: `type` is Container or Pod, `min` and `max` are quantities."""

    name: str
    type: str
    min: Mapping[str, str] = {}
    max: Mapping[str, str] = {}


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What the cluster said to a wish that was only rehearsed.

    `tried` names the objects sent, for instance "Deployment". `gaps` are sentences about
    what could not be asked, for instance because a permission is missing; `quotas` or
    `limits` are then None.
    """

    tried: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    quotas: tuple[Quota, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    gaps: tuple[str, ...] = ()


def as_json(rehearsal: Rehearsal) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(rehearsal)
    return built

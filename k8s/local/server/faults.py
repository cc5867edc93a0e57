"""Faults on demand: rules that make chosen requests go wrong in the ways real clusters do.

Only a cluster started with ``--faults`` has them. README.md in the local cluster's folder tells the rules.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from k8s.local import errors
from k8s.local.changes import Change
from k8s.local.server.context import Target, flag, target_of
from k8s.local.server.encoding import to_json
from k8s.local.store import Store

Fault = Literal[
    "delay",
    "throttle",
    "error",
    "error-after",
    "reset",
    "old-list",
    "html",
    "gone",
    "frozen-watch",
    "drop-events",
]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Faults of an open watch, looked at with every event; the others are of the request as a whole.
_OF_REQUESTS: Final = ("throttle", "error", "error-after", "html")
#: Whatever happens, these answer: whoever made the rules must be able to end them.
ADMIN_PATH: Final = "/local-cluster"
_LOGIN_PAGE: Final = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass
class Rule:
    """Which requests (empty: all) go wrong how, how often, and after how many that still went right."""

    fault: Fault
    verb: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    count: int | None = None
    skip: int = 0
    share: float = 1.0
    seconds: float = 1.0
    code: int = 500
    id: int = 0
    hits: int = 0
    #: For old-list: the version that lists show.
    version: int = 0

    def __post_init__(self) -> None:
        if self.fault not in get_args(Fault):
            raise errors.BadRequest(f"no such fault: {self.fault} (there are: {', '.join(get_args(Fault))})")

    def is_for(self, verb: str, target: Target) -> bool:
        """Whether it is about requests like this one."""
        resource = f"{target.kind.plural}/{target.subresource}" if target.subresource else target.kind.plural
        return (
            self.verb in ("", verb)
            and self.resource in ("", target.kind.plural, resource)
            and self.namespace in ("", target.namespace)
            and self.name in ("", target.name)
        )


@dataclass
class Faults:
    """The rules in force."""

    store: Store
    rules: dict[int, Rule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._random = random.Random()  # noqa: S311 - no secret

    def add(self, wanted: dict[str, Any]) -> Rule:
        """Put a rule in force.

        Raises:
            BadRequest: it makes no sense.
        """
        given = {key: value for key, value in wanted.items() if key not in ("id", "hits", "version")}
        try:
            rule = msgspec.convert(given, Rule)
        except msgspec.ValidationError as problem:
            raise errors.BadRequest(f"not a fault rule: {problem}") from problem
        if unknown := given.keys() - asdict(rule).keys():
            raise errors.BadRequest(f"not a fault rule: unknown fields {sorted(unknown)}")
        rule.id, rule.version = next(self._numbers), self.store.resource_version
        self.rules[rule.id] = rule
        return rule

    def struck_by(self, verb: str, target: Target, among: Iterable[str]) -> Rule | None:
        """The first rule that is for this request and due; it counts as having struck."""
        for rule in self.rules.values():
            if rule.fault in among and rule.is_for(verb, target) and self._is_due(rule):
                return rule
        return None

    def _is_due(self, rule: Rule) -> bool:
        if rule.count is not None and rule.hits >= rule.count:
            return False
        if rule.skip > 0:
            rule.skip -= 1
            return False
        if rule.share < 1 and self._random.random() >= rule.share:
            return False
        rule.hits += 1
        return True


class WatchFaults:
    """What the rules do to one open watch."""

    def __init__(self, faults: Faults, target: Target) -> None:
        self._faults = faults
        self._target = target

    def begins_gone(self) -> bool:
        """Whether the watch is told at its beginning that its version is too old."""
        return self._faults.struck_by("watch", self._target, ("gone",)) is not None

    def lets_through(self, change: Change) -> bool:
        """False for an event that gets lost."""
        key = self._target.kind.key
        if change.key[0] != (self._target.kind.stored_as or key):
            return True
        return self._faults.struck_by("watch", self._target, ("drop-events",)) is None

    async def before_writing(self, response: web.StreamResponse, request: web.Request, body: bytes) -> None:
        """Called before each piece of the stream.

        Raises:
            ConnectionError: the stream ends here.
        """
        rule = self._faults.struck_by("watch", self._target, ("frozen-watch", "gone", "reset"))
        if rule is None:
            return
        if rule.fault == "frozen-watch":
            # The connection stays, nothing comes, nothing ends: until the client gives up.
            await asyncio.Event().wait()
        if rule.fault == "gone":
            await response.write(gone_event())
        elif rule.fault == "reset":
            await response.write(body[: len(body) // 2])
            _hang_up(request)
        raise ConnectionResetError(rule.fault)


def gone_event() -> bytes:
    """The event that tells a watcher to list again."""
    error = errors.Expired("too old resource version: the history has been compacted")
    return to_json({"type": "ERROR", "object": error.status()}) + b"\n"


def verb_of(request: web.Request, target: Target) -> str:
    """As RBAC names verbs."""
    if request.method == "GET":
        if flag(request, "watch"):
            return "watch"
        return "get" if target.name else "list"
    verb = _VERBS.get(request.method, request.method.lower())
    return "deletecollection" if verb == "delete" and not target.name else verb


def middleware(faults: Faults) -> Middleware:
    """Makes requests go wrong as the rules say."""

    @web.middleware
    async def strike(request: web.Request, handler: Handler) -> web.StreamResponse:
        target = target_of(request.rel_url.raw_path)
        if target is None or not faults.rules:
            return await handler(request)
        verb = verb_of(request, target)
        # A delay comes on top of whatever else happens.
        if slow := faults.struck_by(verb, target, ("delay",)):
            await asyncio.sleep(slow.seconds)
        rule = faults.struck_by(verb, target, _of_requests(verb))
        return await (handler(request) if rule is None else _struck(rule, request, handler))

    return strike


def _of_requests(verb: str) -> tuple[str, ...]:
    """The faults that can befall a request as a whole, not a stream."""
    if verb == "watch":
        return _OF_REQUESTS
    return (*_OF_REQUESTS, "reset", "gone", "old-list") if verb == "list" else (*_OF_REQUESTS, "reset")


async def _struck(rule: Rule, request: web.Request, handler: Handler) -> web.StreamResponse:
    match rule.fault:
        case "throttle":
            seconds = max(1, round(rule.seconds))
            raise errors.TooManyRequests(
                "Too many requests, please try again later.",
                details={"retryAfterSeconds": seconds},
                headers={"Retry-After": str(seconds)},
            )
        case "error":
            raise _Failure("Internal error occurred: a fault was asked for", rule.code)
        case "error-after":
            await handler(request)
            raise _Failure(
                "Internal error occurred: a fault was asked for after the work was done", rule.code
            )
        case "html":
            return web.Response(text=_LOGIN_PAGE, content_type="text/html")
        case "gone":
            raise errors.Expired(
                "The provided continue parameter is too old to display a consistent list result."
            )
        case "old-list":
            old = {"resourceVersion": str(rule.version), "resourceVersionMatch": "Exact"}
            return await handler(request.clone(rel_url=request.rel_url.update_query(old)))
        case "reset":
            return await _reset(request, await handler(request))
    return await handler(request)


class _Failure(errors.ApiError):
    reason = "InternalError"

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        if code != 500:
            self.reason = ""


async def _reset(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Answer half of the body, then hang up."""
    body = response.body if isinstance(response, web.Response) else b""
    whole = body if isinstance(body, bytes) else b""
    broken = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
    broken.content_length = len(whole)
    await broken.prepare(request)
    await broken.write(whole[: len(whole) // 2])
    _hang_up(request)
    raise ConnectionResetError("a fault was asked for")


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()

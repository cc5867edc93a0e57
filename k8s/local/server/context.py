"""What the handlers share, and what a request asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import unquote

import msgspec
import yaml
from aiohttp import web

from k8s.local import errors
from k8s.local.kinds import BY_PATH, Kind
from k8s.local.kubelet.usage import PodUsage
from k8s.local.registry import Registry
from k8s.local.server import protobuf
from k8s.local.server.encoding import Encoder
from k8s.local.store import Change, Object, Store, Subscription

APPLY_TYPES: Final = ("application/apply-patch+yaml", "application/apply-patch+json")


class Logs(Protocol):
    """Where the output of containers comes from."""

    async def read_logs(
        self,
        pod: Object,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int | None = None,
        since_seconds: int | None = None,
        since_time: str | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
        follow: bool = False,
    ) -> AsyncIterator[bytes]:
        """Output of a container in pieces. Raises BadRequest with the real texts when there is none."""


class Usage(Protocol):
    """Where measurements come from."""

    def of_pod(self, pod: Object) -> PodUsage | None:
        """What this very pod uses; None while it is not known."""

    def of_node(self, name: str) -> PodUsage | None:
        """What a node's pods use together; None while that is not known."""


class WatchTrouble(Protocol):
    """What can go wrong with one open watch (see faults.py)."""

    def begins_gone(self) -> bool:
        """Whether the watch is told at its beginning that its version is too old."""

    def lets_through(self, change: Change) -> bool:
        """False for an event that gets lost."""

    async def before_writing(self, response: web.StreamResponse, request: web.Request, body: bytes) -> None:
        """Called before each piece of the stream; raises ConnectionError where the stream ends."""


@dataclass
class Context:
    """The parts that the handlers work with."""

    store: Store
    registry: Registry
    token: str
    logs: Logs | None = None
    usage: Usage | None = None
    #: Makes watches go wrong; None unless the cluster was started with faults.
    watch_faults: Callable[[Target], WatchTrouble] | None = None
    encoder: Encoder = field(default_factory=Encoder)
    watches: set[Subscription] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.store.listeners.append(self._forget_removed)

    def _forget_removed(self, change: Change) -> None:
        if change.type == "DELETED":
            self.encoder.forget(change.object["metadata"]["uid"])

    def end_watches(self) -> None:
        """End every watch, as a server that stops does."""
        for subscription in tuple(self.watches):
            subscription.close()


CONTEXT: Final = web.AppKey("context", Context)


@dataclass(frozen=True)
class Target:
    """What a path names. ``rest`` is what follows a proxy subresource."""

    kind: Kind
    namespace: str
    name: str
    subresource: str
    rest: str

    @property
    def scope(self) -> str | None:
        """The namespace to list in; None for all, "" for what has no namespace."""
        if not self.kind.namespaced:
            return ""
        return self.namespace or None


def target_of(raw_path: str) -> Target | None:
    """What a path (as sent, still quoted) under /api or /apis names; None if nothing that we serve."""
    quoted = raw_path.removeprefix("/").split("/")
    parts = [unquote(part) for part in quoted]
    while parts[-1] == "" and len(parts) > 1:
        parts.pop()
    beginning = len(parts)
    if parts[0] == "api" and len(parts) >= 3:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    # /namespaces/NAME/PLURAL..., but /namespaces/NAME/status is the namespace itself.
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 3 and (group, version, parts[2]) in BY_PATH:
        namespace, parts = parts[1], parts[2:]
    kind = BY_PATH.get((group, version, parts[0]))
    if kind is None or (namespace and not kind.namespaced):
        return None
    name, subresource = (*parts[1:3], "", "")[:2]
    # What is beyond a proxy is the other program's: it stays quoted as it is.
    rest = "/".join(quoted[beginning - len(parts) + 3 :]) if subresource == "proxy" else ""
    if subresource and subresource not in kind.subresources:
        return None
    if len(parts) > 3 and subresource != "proxy":
        return None
    return Target(kind, namespace, name, subresource, rest)


def manager_of(request: web.Request) -> str:
    """The field manager: as asked, or the program's name."""
    asked = request.query.get("fieldManager")
    agent = request.headers.get("User-Agent", "unknown").partition("/")[0]
    return (asked or agent)[:128]


def flag(request: web.Request, name: str) -> bool:
    """A yes-or-no query parameter."""
    return request.query.get(name, "").lower() in ("true", "1")


def number(request: web.Request, name: str) -> int | None:
    """A query parameter that is a whole number, or None.

    Raises:
        BadRequest: it is something else.
    """
    text = request.query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise errors.BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error


def is_dry_run(request: web.Request, options: dict[str, Any] | None = None) -> bool:
    """Whether nothing is to be stored.

    Raises:
        Invalid: dryRun has another value than All.
    """
    asked = request.query.getall("dryRun", []) or (options or {}).get("dryRun", [])
    if any(value != "All" for value in asked):
        cause = errors.Cause(
            "FieldValueNotSupported", f'Unsupported value: "{asked[0]}": supported values: "All"', "dryRun"
        )
        raise errors.Invalid("CreateOptions", "", [cause], "meta.k8s.io")
    return bool(asked)


async def read_body(request: web.Request, kind: str) -> Any:
    """The body as JSON or YAML; None for an empty one.

    Raises:
        BadRequest: it cannot be parsed.
        UnsupportedMediaType: it is in some other format.
    """
    raw = await request.read()
    if not raw:
        return None
    media = request.content_type
    if "cbor" in media:
        raise errors.UnsupportedMediaType
    try:
        if raw.startswith(protobuf.MAGIC):
            return protobuf.decode(raw, kind)
        if "yaml" in media:
            return yaml.load(raw, Loader=_YAML_LOADER)  # noqa: S506 - a safe loader
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, yaml.YAMLError, protobuf.Malformed) as error:
        text = raw[:512].decode(errors="replace")
        raise errors.BadRequest(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            f"json parse error: {_json_error(text, error)} ({text})"
        ) from error


def _json_error(text: str, error: Exception) -> str:
    stripped = text.lstrip()
    if stripped.startswith("{") and len(stripped) > 1 and stripped[1:].lstrip()[:1] not in ('"', "}"):
        return f"invalid character '{stripped[1:].lstrip()[:1]}' looking for beginning of object key string"
    return str(error)


_YAML_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

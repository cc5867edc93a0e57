"""Single reads and lists: selectors, paging, resource versions, tables and partial metadata."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from k8s.local import errors
from k8s.local.kinds import Kind
from k8s.local.selectors import Matcher, fields_matcher, labels_matcher
from k8s.local.server.context import CONTEXT, Target, number
from k8s.local.server.encoding import to_json
from k8s.local.server.tables import partial_metadata, table
from k8s.local.store import Object, Store

_EXPIRED_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a "
    "new list without the continue parameter, or use the continue token in this response to retrieve "
    "the remainder of the results. Continuing with the provided token results in an inconsistent list -"
    " objects that were created, modified, or deleted between the time the first chunk was returned and"
    " now may show up in the list."
)
_ENDPOINTS_WARNING = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'


def shape_of(request: web.Request) -> str:
    """What the client would rather have: "Table", "PartialObjectMetadata" or "" for the objects."""
    for accepted in request.headers.get("Accept", "").split(","):
        parameters = dict(part.strip().split("=", 1) for part in accepted.split(";")[1:] if "=" in part)
        if "json" not in accepted and "*/*" not in accepted and parameters.get("as"):
            continue
        if parameters.get("as") == "Table":
            return "Table"
        if parameters.get("as", "").startswith("PartialObjectMetadata"):
            return "PartialObjectMetadata"
        if "json" in accepted or "*/*" in accepted:
            return ""
    return ""


def warnings_of(kind: Kind) -> dict[str, str]:
    """The deprecation that every answer about a kind carries."""
    return {"Warning": _ENDPOINTS_WARNING} if kind.key == "endpoints" else {}


def json_response(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An answer with a JSON body."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


async def get_one(request: web.Request, target: Target) -> web.StreamResponse:
    """One object."""
    context = request.app[CONTEXT]
    obj = context.store.get(target.kind.key, target.namespace, target.name)
    return answer(request, target.kind, obj)


def answer(
    request: web.Request,
    kind: Kind,
    obj: Object,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    stored: bool = True,
) -> web.Response:
    """One object in the shape that the client asked for."""
    context = request.app[CONTEXT]
    shape = shape_of(request)
    headers = {**warnings_of(kind), **(headers or {})}
    if shape == "Table":
        body = to_json(
            table(kind, [obj], version=obj["metadata"].get("resourceVersion", ""), include=_included(request))
        )
    elif shape:
        body = to_json(partial_metadata(obj))
    elif stored:
        body = context.encoder.whole(kind, obj)
    else:
        body = context.encoder.uncached(kind, obj)
    return json_response(body, status=status, headers=headers)


def _included(request: web.Request) -> str:
    return request.query.get("includeObject", "Metadata")


def matcher_of(request: web.Request, kind: Kind) -> Matcher | None:
    """The condition that the request's selectors make; None if they let everything through.

    Raises:
        BadRequest: a selector that makes no sense.
    """
    found: list[Callable[[Object], bool]] = []
    labels, fields = request.query.get("labelSelector", ""), request.query.get("fieldSelector", "")
    if labels.strip():
        found.append(labels_matcher(labels))
    if fields.strip():
        found.append(fields_matcher(kind.key, fields))
    if not found:
        return None
    return lambda obj: all(matches(obj) for matches in found)


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    items: list[Object]
    version: int
    token: str
    remaining: int | None


async def get_list(request: web.Request, target: Target) -> web.StreamResponse:
    """A list."""
    context = request.app[CONTEXT]
    page = _page(request, context.store, target)
    kind = target.kind
    shape = shape_of(request)
    meta: dict[str, Any] = {"resourceVersion": str(page.version)}
    if page.token:
        meta["continue"] = page.token
    if page.remaining is not None:
        meta["remainingItemCount"] = page.remaining
    if shape == "Table":
        body = table(kind, page.items, version=meta["resourceVersion"], include=_included(request))
        body["metadata"] = meta
        return json_response(to_json(body), headers=warnings_of(kind))
    if shape:
        partial = {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": meta,
            "items": [partial_metadata(obj) for obj in page.items],
        }
        return json_response(to_json(partial), headers=warnings_of(kind))
    item = context.encoder.item
    head = f'{{"kind":"{kind.kind}List","apiVersion":"{kind.api_version}","metadata":'.encode()
    body_bytes = b"".join(
        (head, to_json(meta), b',"items":[', b",".join([item(kind, obj) for obj in page.items]), b"]}")
    )
    return json_response(body_bytes, headers=warnings_of(kind))


def _page(request: web.Request, store: Store, target: Target) -> Page:
    kind = target.kind
    matches = matcher_of(request, kind)
    token = request.query.get("continue", "")
    start = ""
    if token:
        version, start = _parse_token(token)
        objects, version = _as_of_token(store, target, version, start)
    else:
        objects, version = _as_asked(request, store, target)
    if start:
        objects = objects[bisect_left(objects, start, key=_position) :]
    if matches is not None:
        objects = [obj for obj in objects if matches(obj)]
    limit = number(request, "limit")
    if not limit or len(objects) <= limit:
        return Page(objects, version, "", None)
    following = _token(version, _position(objects[limit - 1]) + "\x00")
    remaining = len(objects) - limit if matches is None else None
    return Page(objects[:limit], version, following, remaining)


def _as_asked(request: web.Request, store: Store, target: Target) -> tuple[list[Object], int]:
    asked, match = request.query.get("resourceVersion", ""), request.query.get("resourceVersionMatch", "")
    current = store.list(target.kind.key, target.scope), store.resource_version
    if asked in ("", "0"):
        return current
    version = parse_version(asked)
    check_not_ahead(store, version)
    if match != "Exact":
        return current
    try:
        return snapshot(store, target.kind.key, target.scope, version), version
    except errors.Expired as error:
        raise errors.Expired("The resourceVersion for the provided list is too old.") from error


def parse_version(text: str) -> int:
    """A resource version from a query.

    Raises:
        Invalid: it is not a number.
    """
    if not text.isdigit():
        cause = errors.Cause(
            "FieldValueInvalid",
            f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax',
            "resourceVersion",
        )
        raise errors.Invalid("ListOptions", "", [cause], "meta.k8s.io")
    return int(text)


def check_not_ahead(store: Store, version: int) -> None:
    """Refuse a version that has not come yet.

    Raises:
        Timeout: 504 with Retry-After, as the API server says after having waited.
    """
    if version <= store.resource_version:
        return
    raise errors.Timeout(
        f"Timeout: Too large resource version: {version}, current: {store.resource_version}",
        details={
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
        headers={"Retry-After": "1"},
    )


def snapshot(store: Store, kind: str, namespace: str | None, version: int) -> list[Object]:
    """The list as it was at a version: the list of now with the later changes taken back.

    Raises:
        Expired: the later changes are no longer known.
    """
    later = store.changes_since(kind, version)
    if not later:
        return store.list(kind, namespace)
    found = {_position(obj): obj for obj in store.list(kind, namespace)}
    for change in reversed(later):
        if namespace is not None and change.key[1] != namespace:
            continue
        at = _position(change.object)
        if change.previous is None:
            found.pop(at, None)
        else:
            found[at] = change.previous
    return [obj for _, obj in sorted(found.items())]


def _as_of_token(store: Store, target: Target, version: int, start: str) -> tuple[list[Object], int]:
    if version < 0:
        return store.list(target.kind.key, target.scope), store.resource_version
    try:
        return snapshot(store, target.kind.key, target.scope, version), version
    except errors.Expired as error:
        raise errors.Expired(_EXPIRED_CONTINUE, metadata={"continue": _token(-1, start)}) from error


def _position(obj: Object) -> str:
    meta = obj["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


def _token(version: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse_token(token: str) -> tuple[int, str]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(found["rv"]), str(found["start"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise errors.BadRequest("continue key is not valid: illegal base64 data or JSON") from error

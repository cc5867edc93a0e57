"""Creates, replacements, the four kinds of patch, and deletions."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from k8s.local import errors
from k8s.local.decoding import decode
from k8s.local.kinds import Kind
from k8s.local.openapi.schemas import Node, node_for
from k8s.local.ownership import with_readable_owners
from k8s.local.patching import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)
from k8s.local.server.context import (
    APPLY_TYPES,
    CONTEXT,
    Target,
    flag,
    is_dry_run,
    manager_of,
    read_body,
)
from k8s.local.server.encoding import to_json
from k8s.local.server.reads import answer, json_response, matcher_of
from k8s.local.server.views import from_view, to_view
from k8s.local.store import Object

_PROPAGATIONS: Final = ("Background", "Foreground", "Orphan")


def type_of(kind: Kind) -> Node:
    """The type of a kind's objects, as this version of the API has it."""
    return node_for(kind.group, kind.version, kind.kind)


def decoded(request: web.Request, kind: Kind, body: Any) -> tuple[Object, dict[str, str]]:
    """A body as an object to store, and the headers that tell about its unknown fields.

    Raises:
        BadRequest: wrong types, another kind, or unknown fields under strict validation.
    """
    if not isinstance(body, dict):
        raise errors.BadRequest(f"the object provided is unrecognized (must be of type {kind.kind})")
    _check_type(kind, body)
    found = decode(type_of(kind), body, kind=kind.kind, version=kind.version)
    mode = request.query.get("fieldValidation", "Warn")
    headers: dict[str, str] = {}
    if found.unknown and mode == "Strict":
        told = ", ".join(f'unknown field "{path}"' for path in found.unknown)
        raise errors.BadRequest(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f"strict decoding error: {told}"
        )
    if found.unknown and mode != "Ignore":
        headers["Warning"] = ", ".join(f'299 - "unknown field \\"{path}\\""' for path in found.unknown)
    obj = found.object
    obj.setdefault("metadata", {})
    return from_view(kind, obj), headers


def _check_type(kind: Kind, body: dict[str, Any]) -> None:
    api_version, name = body.get("apiVersion"), body.get("kind")
    if api_version and api_version != kind.api_version:
        raise errors.BadRequest(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({kind.api_version})"
        )
    if name and name != kind.kind:
        raise errors.BadRequest(
            f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}: converting ({name}) '
            f"to ({kind.kind}): unknown conversion"
        )


def check_names(target: Target, obj: Object) -> None:
    """The body must not name another namespace or object than the path; what it leaves out is filled in.

    Raises:
        BadRequest: it does.
    """
    meta = obj["metadata"]
    if target.kind.namespaced:
        space = meta.get("namespace")
        if space and space != target.namespace:
            raise errors.BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = target.namespace
    if target.name:
        name = meta.get("name")
        if name and name != target.name:
            raise errors.BadRequest(
                f"the name of the object ({name}) does not match the name on the URL ({target.name})"
            )
        meta["name"] = target.name


async def create(request: web.Request, target: Target) -> web.StreamResponse:
    """POST."""
    context = request.app[CONTEXT]
    kind = target.kind
    obj, headers = decoded(request, kind, await read_body(request, kind.kind))
    check_names(target, obj)
    dry_run = is_dry_run(request)
    found = context.registry.create(kind.key, obj, manager=manager_of(request), dry_run=dry_run)
    return answer(request, kind, found, status=201, headers=headers, stored=not dry_run)


async def replace(request: web.Request, target: Target) -> web.StreamResponse:
    """PUT, of the object or of its status."""
    context = request.app[CONTEXT]
    kind = target.kind
    obj, headers = decoded(request, kind, await read_body(request, kind.kind))
    check_names(target, obj)
    old = context.store.get(kind.key, target.namespace, target.name)
    dry_run = is_dry_run(request)
    found = context.registry.replace(
        kind.key, old, obj, manager=manager_of(request), subresource=target.subresource, dry_run=dry_run
    )
    return answer(request, kind, found, headers=headers, stored=not dry_run)


async def patch(request: web.Request, target: Target) -> web.StreamResponse:
    """PATCH, of the object or of its status."""
    media = request.content_type
    if media in APPLY_TYPES:
        return await _apply(request, target)
    if media not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH):
        raise errors.UnsupportedMediaType
    context = request.app[CONTEXT]
    kind = target.kind
    body = await read_body(request, kind.kind)
    dry_run = is_dry_run(request)
    old = context.store.get(kind.key, target.namespace, target.name)
    shown = to_view(kind, with_readable_owners(old))
    patched = patched_with(media, type_of(kind), shown, body)
    obj, headers = decoded(request, kind, patched)
    check_names(target, obj)
    if obj["metadata"].get("managedFields") == []:
        # The documented way to give up all ownership.
        obj["metadata"]["managedFields"] = [{}]
    found = context.registry.replace(
        kind.key, old, obj, manager=manager_of(request), subresource=target.subresource, dry_run=dry_run
    )
    return answer(request, kind, found, headers=headers, stored=not dry_run)


def patched_with(media: str, node: Node, obj: Object, body: Any) -> Any:
    """The object with a patch of one of the three types.

    Raises:
        BadPatch, BadRequest.
    """
    if media == JSON_PATCH:
        return json_patch(obj, body)
    if not isinstance(body, dict):
        raise errors.BadRequest(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    if media == MERGE_PATCH:
        return merge_patch(obj, body)
    return strategic_merge_patch(node, obj, body)


async def _apply(request: web.Request, target: Target) -> web.StreamResponse:
    context = request.app[CONTEXT]
    kind = target.kind
    manager = request.query.get("fieldManager", "")
    if not manager:
        cause = errors.Cause(
            "FieldValueRequired", "Required value: is required for apply patch", "fieldManager"
        )
        raise errors.Invalid("PatchOptions", "", [cause], "meta.k8s.io")
    body = await _apply_body(request, kind)
    obj, headers = decoded(request, kind, body)
    if obj["metadata"].pop("managedFields", None):
        raise errors.BadRequest("metadata.managedFields must be nil")
    check_names(target, obj)
    dry_run = is_dry_run(request)
    if target.subresource == "status":
        context.store.get(kind.key, target.namespace, target.name)
    found, created = context.registry.apply(
        kind.key,
        target.namespace,
        target.name,
        obj,
        manager=manager,
        force=flag(request, "force"),
        dry_run=dry_run,
        subresource=target.subresource,
    )
    return answer(request, kind, found, status=201 if created else 200, headers=headers, stored=not dry_run)


async def _apply_body(request: web.Request, kind: Kind) -> Any:
    body = await read_body(request, kind.kind)
    if not isinstance(body, dict) or not body.get("kind") or not body.get("apiVersion"):
        raise errors.BadRequest("error decoding YAML: Object 'Kind' is missing in the body of an apply patch")
    return body


async def delete(request: web.Request, target: Target) -> web.StreamResponse:
    """DELETE of one object: answers the object while something is still to be done, else mostly a Status."""
    context = request.app[CONTEXT]
    kind = target.kind
    options = await _delete_options(request)
    dry_run = is_dry_run(request, options)
    found = context.registry.delete(
        kind.key, target.namespace, target.name, **_delete_arguments(options), dry_run=dry_run
    )
    gone = context.store.find(kind.key, target.namespace, target.name) is None
    if kind.returns_deleted or not gone or kind.key == "namespaces":
        return answer(request, kind, found, stored=not dry_run)
    details = {"name": target.name, "group": kind.group, "kind": kind.plural, "uid": found["metadata"]["uid"]}
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
    return json_response(to_json(body))


async def delete_collection(request: web.Request, target: Target) -> web.StreamResponse:
    """DELETE of everything that the selectors match."""
    context = request.app[CONTEXT]
    kind = target.kind
    options = await _delete_options(request)
    arguments = _delete_arguments(options)
    dry_run = is_dry_run(request, options)
    matches = matcher_of(request, kind)
    found = [
        context.registry.delete(
            kind.key,
            obj["metadata"].get("namespace", ""),
            obj["metadata"]["name"],
            **arguments,
            dry_run=dry_run,
        )
        for obj in context.store.list(kind.key, target.scope)
        if matches is None or matches(obj)
    ]
    body = {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version,
        "metadata": {"resourceVersion": str(context.store.resource_version)},
        "items": found,
    }
    return json_response(to_json(body))


async def _delete_options(request: web.Request) -> dict[str, Any]:
    body = await read_body(request, "DeleteOptions")
    options: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
    query = request.query
    for name in ("propagationPolicy", "orphanDependents"):
        if name in query:
            options[name] = query[name]
    if query.get("gracePeriodSeconds", "").lstrip("-").isdigit():
        options["gracePeriodSeconds"] = int(query["gracePeriodSeconds"])
    return options


def _delete_arguments(options: dict[str, Any]) -> dict[str, Any]:
    policy = options.get("propagationPolicy") or "Background"
    if options.get("orphanDependents") in (True, "true"):
        policy = "Orphan"
    if policy not in _PROPAGATIONS:
        cause = errors.Cause(
            "FieldValueInvalid",
            'Invalid value: {}: DeletionPropagation need to be one of "Foreground", '
            '"Background", "Orphan" or nil',
            "propagationPolicy",
        )
        raise errors.Invalid("DeleteOptions", "", [cause], "meta.k8s.io")
    conditions = options.get("preconditions") or {}
    return {
        "grace_seconds": options.get("gracePeriodSeconds"),
        "propagation": policy,
        "expect_uid": conditions.get("uid"),
        "expect_version": conditions.get("resourceVersion"),
    }

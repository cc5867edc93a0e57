"""Who asked for what: a line of JSON for each request to a resource, as an API server's audit log."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from k8s.local.server.context import target_of
from k8s.local.server.faults import verb_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def file_in(folder: str) -> Path | None:
    """A file of this process in the folder; None without one."""
    return Path(folder) / f"{os.getpid()}-{time.time_ns()}.jsonl" if folder else None


def middleware(file: Path) -> Middleware:
    """Appends to `file` when a request comes: a watch lasts for minutes."""

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = asked_for(request)
        if asked is not None:
            _append(file, asked)
        response = await handler(request)
        # An apply makes what is not there, for which an API server wants to see the right to create.
        if asked is not None and request.method == "PATCH" and response.status == 201:
            _append(file, {**asked, "verb": "create"})
        return response

    return note


def _append(file: Path, asked: dict[str, str]) -> None:
    # Small enough for one write, which nothing comes between.
    with file.open("a") as log:
        log.write(json.dumps(asked) + "\n")


def asked_for(request: web.Request) -> dict[str, str] | None:
    """Who, and in RBAC's words what: verb, group, resource, subresource, namespace; None for no resource."""
    agent, path = request.headers.get("User-Agent", ""), request.path
    target = target_of(request.rel_url.raw_path)
    if target is not None:
        return {
            "agent": agent,
            "verb": verb_of(request, target),
            "group": target.kind.group,
            "resource": target.kind.plural,
            "subresource": target.subresource,
            "namespace": target.namespace,
        }
    # Measurements are objects of no kind that is stored.
    _, found, rest = path.partition("/apis/metrics.k8s.io/v1beta1/")
    if not found:
        return None
    parts = rest.strip("/").split("/")
    namespace, parts = (parts[1], parts[2:]) if parts[0] == "namespaces" and len(parts) > 2 else ("", parts)
    return {
        "agent": agent,
        "verb": "get" if len(parts) > 1 else "list",
        "group": "metrics.k8s.io",
        "resource": parts[0],
        "subresource": "",
        "namespace": namespace,
    }

"""A small HTTP server that plays the API server's part in a watch, as a test scripts it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from k8s import watch
from k8s.client_async import AsyncCluster
from k8s.connect import Access
from k8s.watch import Seen

Script = Callable[[web.Request], Awaitable[web.StreamResponse]]


def pod(name: str, version: int, **status: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "a", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": {}, "status": status}


def line(kind: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def pods(version: int, *found: dict[str, Any], **meta: str) -> web.Response:
    listed = {"kind": "PodList", "metadata": {"resourceVersion": str(version), **meta}, "items": list(found)}
    return web.json_response(listed)


BOOKMARK = {"kind": "Pod", "metadata": {"resourceVersion": "99"}, "spec": {"containers": None}, "status": {}}
TOO_OLD = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}


async def stream(request: web.Request, *pieces: bytes, stay: bool = True) -> web.StreamResponse:
    """The head and these pieces of a watch; then open until the client goes, or ended."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
    if stay:
        await asyncio.Event().wait()
    return response


@asynccontextmanager
async def cluster_of(script: Script) -> AsyncIterator[AsyncCluster]:
    app = web.Application()
    app.router.add_get("/{path:.*}", script)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    async with AsyncCluster(Access(server=str(server.make_url("")).rstrip("/"), token="t")) as cluster:
        yield cluster
    await server.close()


async def first(cluster: AsyncCluster, count: int, *, seconds: float = 10) -> list[Seen]:
    """The first words of a watch on pods."""
    found: list[Seen] = []
    async with asyncio.timeout(seconds), aclosing(watch.watch(cluster, "Pod")) as seen:
        async for word in seen:
            found.append(word)
            if len(found) == count:
                break
    return found

"""The proxy to Services and pods: any method and body, streamed both ways, over the pods' own addresses."""

from __future__ import annotations

import random
from typing import Any, Final

import aiohttp
import yarl
from aiohttp import web

from k8s.local import errors
from k8s.local.server.context import CONTEXT, Target
from k8s.local.store import Object, Store

#: Between two hops only, or between the client and us.
_NOT_FORWARDED: Final = frozenset(
    {
        "authorization", "connection", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "te", "trailer", "transfer-encoding", "upgrade", "cookie",
    }
)  # fmt: skip
_CONNECT_SECONDS: Final = 10
SESSION: Final = web.AppKey("session", aiohttp.ClientSession)


def new_session() -> aiohttp.ClientSession:
    """The client that the proxy forwards with."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, auto_decompress=False)


async def proxy(request: web.Request, target: Target) -> web.StreamResponse:
    """Forward the request to a Service's ready pod, or to a pod."""
    context = request.app[CONTEXT]
    scheme, name, port = _split(target.name)
    if target.kind.key == "services":
        pod, address = service_address(context.store, target.namespace, name, port)
        if _is_hollow(context.store, target.namespace, pod):
            return web.Response(text="hollow\n")
    else:
        address = _pod_address(context.store, target.namespace, name, port)
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    return await _forward(request, f"{scheme or 'http'}://{address}/{target.rest}{query}")


def _split(text: str) -> tuple[str, str, str]:
    """[scheme:]name[:port]."""
    parts = text.split(":")
    if len(parts) == 1:
        return "", parts[0], ""
    if len(parts) == 2:
        return "", parts[0], parts[1]
    return parts[0], parts[1], parts[2]


def service_address(store: Store, namespace: str, name: str, port: str) -> tuple[str, str]:
    """Name and ``ip:port`` of one ready pod behind a Service.

    ``port`` is a name, a number or "" for the only one.

    Raises:
        NotFound: no such Service.
        ServiceUnavailable: no such port, or nothing ready behind it.
    """
    service = store.get("services", namespace, name)
    wanted = _service_port(service, port)
    if wanted is None:
        raise errors.ServiceUnavailable(f'no service port "{port}" found for service "{name}"')
    found = [
        (endpoint.get("targetRef", {}).get("name", ""), f"{address}:{each['port']}")
        for part in store.list("endpointslices.discovery.k8s.io", namespace)
        if part["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
        for each in part.get("ports") or []
        if each.get("name", "") == wanted.get("name", "")
        for endpoint in part.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready", True)
        for address in endpoint.get("addresses", [])[:1]
    ]
    if not found:
        raise errors.ServiceUnavailable(f'no endpoints available for service "{name}"')
    return random.choice(found)  # noqa: S311 - balancing, no secret


def _is_hollow(store: Store, namespace: str, pod: str) -> bool:
    """Whether no process is behind a pod that says it is ready: see kubelet/hollow.py."""
    found = store.find("pods", namespace, pod) if pod else None
    containers = found.get("status", {}).get("containerStatuses", []) if found else []
    return any(each.get("containerID", "").startswith("hollow://") for each in containers)


def _service_port(service: Object, port: str) -> dict[str, Any] | None:
    ports: list[dict[str, Any]] = service["spec"].get("ports", [])
    if not port:
        return ports[0] if len(ports) == 1 else None
    return next((each for each in ports if port in (each.get("name"), str(each["port"]))), None)


def _pod_address(store: Store, namespace: str, name: str, port: str) -> str:
    pod = store.get("pods", namespace, name)
    address = pod.get("status", {}).get("podIP")
    if not address:
        raise errors.BadRequest("address not allowed")
    ports = [each for container in pod["spec"]["containers"] for each in container.get("ports", [])]
    if not port:
        return f"{address}:{ports[0]['containerPort'] if ports else 80}"
    named = next((str(each["containerPort"]) for each in ports if each.get("name") == port), port)
    return f"{address}:{named}"


async def _forward(request: web.Request, url: str) -> web.StreamResponse:
    headers = {key: value for key, value in request.headers.items() if key.lower() not in _NOT_FORWARDED}
    headers["X-Forwarded-Uri"] = request.raw_path
    body = request.content if request.body_exists else None
    try:
        async with request.app[SESSION].request(
            request.method, yarl.URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        ) as upstream:
            return await _answer(request, upstream)
    except aiohttp.ClientConnectorError as error:
        raise errors.ServiceUnavailable(
            f"error trying to reach service: dial tcp {error.host}:{error.port}: connect: connection refused"
        ) from error
    except aiohttp.ClientError as error:
        raise errors.ServiceUnavailable(f"error trying to reach service: {error}") from error


async def _answer(request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
    for key, value in upstream.headers.items():
        if key.lower() not in _NOT_FORWARDED | {"set-cookie"}:
            response.headers.add(key, value)
    await response.prepare(request)
    async for piece in upstream.content.iter_any():
        await response.write(piece)
    await response.write_eof()
    return response

"""metrics.k8s.io/v1beta1: what pods and nodes use. Read, never watched, and late, as on a real cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from k8s.local import errors
from k8s.local.kinds import kind_of
from k8s.local.kubelet.usage import Amounts, PodUsage
from k8s.local.server.context import CONTEXT, Context, flag
from k8s.local.server.encoding import to_json
from k8s.local.server.reads import json_response, matcher_of
from k8s.local.store import Object, timestamp

GROUP: Final = "metrics.k8s.io"
VERSION: Final = "v1beta1"
#: (plural, kind, namespaced), for discovery.
RESOURCES: Final = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))
VERBS: Final = ("get", "list")
_BASE: Final = f"/apis/{GROUP}/{VERSION}"


def routes() -> list[web.RouteDef]:
    """The paths of this module."""
    paths: tuple[tuple[str, Callable[..., Any]], ...] = (
        (f"{_BASE}/nodes", node_list),
        (f"{_BASE}/nodes/{{name}}", node),
        (f"{_BASE}/pods", pod_list),
        (f"{_BASE}/namespaces/{{namespace}}/pods", pod_list),
        (f"{_BASE}/namespaces/{{namespace}}/pods/{{name}}", pod),
    )
    return [web.route("*", path, handler) for path, handler in paths]


async def pod_list(request: web.Request) -> web.StreamResponse:
    """The metrics of the pods that are measured."""
    context = _readable(request)
    matches = matcher_of(request, kind_of("pods"))
    found = context.store.list("pods", request.match_info.get("namespace"))
    items = [_pod_metrics(context, one) for one in found if matches is None or matches(one)]
    return _list("PodMetricsList", [item for item in items if item is not None])


async def pod(request: web.Request) -> web.StreamResponse:
    """The metrics of one pod; 404 until it has been measured twice."""
    context = _readable(request)
    namespace, name = request.match_info["namespace"], request.match_info["name"]
    found = context.store.find("pods", namespace, name)
    metrics = _pod_metrics(context, found) if found is not None else None
    if metrics is None:
        raise errors.NotFound("podmetrics", f"{namespace}/{name}", GROUP)
    return _one("PodMetrics", metrics)


async def node_list(request: web.Request) -> web.StreamResponse:
    """The metrics of the nodes whose kubelet answers."""
    context = _readable(request)
    matches = matcher_of(request, kind_of("nodes"))
    found = [one for one in context.store.list("nodes") if matches is None or matches(one)]
    items = [_node_metrics(context, one) for one in found]
    return _list("NodeMetricsList", [item for item in items if item is not None])


async def node(request: web.Request) -> web.StreamResponse:
    """The metrics of one node."""
    context, name = _readable(request), request.match_info["name"]
    found = context.store.find("nodes", "", name)
    metrics = _node_metrics(context, found) if found is not None else None
    if metrics is None:
        raise errors.NotFound("nodemetrics", name, GROUP)
    return _one("NodeMetrics", metrics)


def _readable(request: web.Request) -> Context:
    if request.method != "GET" or flag(request, "watch"):
        raise errors.MethodNotAllowed
    return request.app[CONTEXT]


def _pod_metrics(context: Context, pod: Object) -> Object | None:
    usage = context.usage.of_pod(pod) if context.usage is not None else None
    if usage is None:
        return None
    containers = [{"name": name, "usage": _usage(used)} for name, used in usage.containers.items()]
    return {**_head(pod, usage), "containers": containers}


def _node_metrics(context: Context, node: Object) -> Object | None:
    usage = context.usage.of_node(node["metadata"]["name"]) if context.usage is not None else None
    if usage is None:
        return None
    return {**_head(node, usage), "usage": _usage(usage.containers[""])}


def _head(about: Object, usage: PodUsage) -> Object:
    meta = about["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "labels") if key in meta}
    return {
        "metadata": {**kept, "creationTimestamp": timestamp()},
        "timestamp": _moment(usage.measured_at),
        "window": f"{usage.window_seconds:.3f}s",
    }


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _usage(used: Amounts) -> Object:
    cpu = f"{used.nanocores}n" if used.nanocores else "0"
    return {"cpu": cpu, "memory": f"{used.memory // 1024}Ki"}


def _list(kind: str, items: list[Object]) -> web.Response:
    body = {"kind": kind, "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": items}
    return json_response(to_json(body))


def _one(kind: str, metrics: Object) -> web.Response:
    return json_response(to_json({"kind": kind, "apiVersion": f"{GROUP}/{VERSION}", **metrics}))

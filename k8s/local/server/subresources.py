"""What hangs below an object: scale, log, eviction, binding."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from k8s.local import errors
from k8s.local.decoding import decode
from k8s.local.disruption import Headcount, budgets_for, headcount, is_healthy
from k8s.local.openapi.schemas import node_for
from k8s.local.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from k8s.local.selectors import selector_text
from k8s.local.server.context import CONTEXT, Context, Target, flag, is_dry_run, manager_of, number, read_body
from k8s.local.server.encoding import to_json
from k8s.local.server.reads import json_response
from k8s.local.server.writes import patched_with
from k8s.local.store import Object

# Scale


def scale_of(obj: Object) -> Object:
    """The Scale of a Deployment or ReplicaSet."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": selector_text(obj["spec"].get("selector")),
        },
    }


async def scale(request: web.Request, target: Target) -> web.StreamResponse:
    """GET, PUT or PATCH of a Scale."""
    context = request.app[CONTEXT]
    old = context.store.get(target.kind.key, target.namespace, target.name)
    if request.method == "GET":
        return json_response(to_json(scale_of(old)))
    body = await read_body(request, "Scale")
    # Read again: the object may have changed while the body came in.
    old = context.store.get(target.kind.key, target.namespace, target.name)
    node = node_for("autoscaling", "v1", "Scale")
    if request.method == "PATCH":
        if request.content_type not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH):
            raise errors.UnsupportedMediaType
        body = patched_with(request.content_type, node, scale_of(old), body)
    wanted = decode(node, body if isinstance(body, dict) else {}, kind="Scale", version="v1").object
    replicas = wanted.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        cause = errors.Cause(
            "FieldValueInvalid",
            f"Invalid value: {replicas}: must be greater than or equal to 0",
            "spec.replicas",
        )
        raise errors.Invalid("Scale", target.name, [cause], "autoscaling")

    def change(obj: Object) -> None:
        obj["spec"]["replicas"] = replicas
        obj["metadata"]["resourceVersion"] = wanted.get("metadata", {}).get("resourceVersion", "")

    found = context.registry.update(
        target.kind.key,
        target.namespace,
        target.name,
        change,
        manager=manager_of(request),
        subresource="scale",
        dry_run=is_dry_run(request),
    )
    return json_response(to_json(scale_of(found)))


# Logs


async def log(request: web.Request, target: Target) -> web.StreamResponse:
    """The output of one container, whole or followed."""
    context = request.app[CONTEXT]
    pod = context.store.get("pods", target.namespace, target.name)
    container = _container_of(pod, request.query.get("container", ""))
    if not pod.get("spec", {}).get("nodeName"):
        return web.Response(status=204)
    if context.logs is None:
        raise errors.InternalError("no kubelet keeps logs here")
    follow = flag(request, "follow")
    pieces = await context.logs.read_logs(
        pod,
        container,
        previous=flag(request, "previous"),
        tail_lines=_not_negative(request, "tailLines"),
        since_seconds=number(request, "sinceSeconds"),
        since_time=request.query.get("sinceTime") or None,
        timestamps=flag(request, "timestamps"),
        limit_bytes=number(request, "limitBytes"),
        follow=follow,
    )
    return await _stream(request, pieces)


def _not_negative(request: web.Request, name: str) -> int | None:
    value = number(request, name)
    if value is not None and value < 0:
        cause = errors.Cause(
            "FieldValueInvalid", f"Invalid value: {value}: must be greater than or equal to 0", name
        )
        raise errors.Invalid("PodLogOptions", "", [cause])
    return value


def _container_of(pod: Object, asked: str) -> str:
    spec, name = pod.get("spec", {}), pod["metadata"]["name"]
    containers = [each["name"] for each in spec.get("containers", [])]
    inits = [each["name"] for each in spec.get("initContainers", [])]
    if asked:
        if asked not in containers + inits:
            raise errors.BadRequest(f"container {asked} is not valid for pod {name}")
        return asked
    if len(containers) == 1:
        return str(containers[0])
    choices = f"choose one of: [{' '.join(containers)}]"
    if inits:
        choices += f" or one of the init containers: [{' '.join(inits)}]"
    raise errors.BadRequest(f"a container name must be specified for pod {name}, {choices}")


async def _stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    try:
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
    except ConnectionError:
        pass  # the reader has gone away
    return response


# Eviction and binding


async def evict(request: web.Request, target: Target) -> web.StreamResponse:
    """Delete a pod unless a PodDisruptionBudget needs it."""
    context = request.app[CONTEXT]
    body = await read_body(request, "Eviction")
    options = (body or {}).get("deleteOptions") or {}
    pod = context.store.get("pods", target.namespace, target.name)
    _check_budgets(context, pod)
    context.registry.delete(
        "pods",
        target.namespace,
        target.name,
        grace_seconds=options.get("gracePeriodSeconds"),
        expect_uid=(options.get("preconditions") or {}).get("uid"),
        dry_run=is_dry_run(request, options),
    )
    return _success()


def _success() -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return json_response(to_json(body), status=201)


def _check_budgets(context: Context, pod: Object) -> None:
    """Whether a pod may be evicted.

    Counted at this moment instead of read from the budget's status, so that two evictions that
    follow each other quickly cannot both use the last one allowed.
    """
    phase = pod.get("status", {}).get("phase")
    if phase in ("Pending", "Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]:
        return
    budgets = budgets_for(context.store, pod)
    if len(budgets) > 1:
        raise _SeveralBudgets(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    for budget in budgets:
        count = headcount(context.store, budget)
        if not is_healthy(pod) and _lets_unhealthy_go(budget, count):
            continue
        if count.allowed == 0:
            name = budget["metadata"]["name"]
            needs = f"needs {count.needed} healthy pods and has {count.healthy} currently"
            cause = {"reason": "DisruptionBudget", "message": f"The disruption budget {name} {needs}"}
            raise errors.TooManyRequests(
                "Cannot evict pod as it would violate the pod's disruption budget.",
                details={"causes": [cause]},
            )


class _SeveralBudgets(errors.ApiError):
    reason = ""


def _lets_unhealthy_go(budget: Object, count: Headcount) -> bool:
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return count.healthy >= count.needed > 0


async def execute(request: web.Request, target: Target) -> web.StreamResponse:
    """Refuse to run a command in a container: who may talk to this server must not get a shell by it."""
    request.app[CONTEXT].store.get("pods", target.namespace, target.name)
    if "upgrade" in request.headers.get("Connection", "").lower():
        raise errors.BadRequest("the local cluster runs no commands in containers")
    raise errors.BadRequest("Upgrade request required")


async def bind(request: web.Request, target: Target) -> web.StreamResponse:
    """Put a pod on a node, as a scheduler does."""
    context = request.app[CONTEXT]
    body = await read_body(request, "Binding")
    node = (body or {}).get("target", {}).get("name", "")
    pod = context.store.get("pods", target.namespace, target.name)
    if pod["spec"].get("nodeName"):
        raise errors.Conflict(
            f'Operation cannot be fulfilled on pods/binding "{target.name}": pod {target.name} is already '
            f'assigned to node "{pod["spec"]["nodeName"]}"',
            details={"name": target.name, "kind": "pods/binding"},
        )

    def change(obj: Object) -> None:
        obj["spec"]["nodeName"] = node

    if not is_dry_run(request):
        context.store.update("pods", target.namespace, target.name, change, manager=manager_of(request))
    return _success()

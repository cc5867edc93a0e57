"""The admin paths of a cluster started with ``--faults``: fault rules, and what can be made to stand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

import msgspec
from aiohttp import web

from k8s.local import errors
from k8s.local.server.context import CONTEXT
from k8s.local.server.encoding import to_json
from k8s.local.server.faults import ADMIN_PATH, Faults
from k8s.local.server.reads import json_response
from k8s.local.store import Object


class Controls(Protocol):
    """What can be stopped, apart from the API server."""

    def stop_node(self, name: str) -> None:
        """Stop a node's kubelet; its containers go on."""

    def start_node(self, name: str) -> None:
        """Start a node's kubelet again."""

    def stop_clock(self) -> None:
        """Let no controller act."""

    def start_clock(self) -> None:
        """Let the controllers catch up."""

    def freeze_pod(self, pod: Object, *, frozen: bool) -> None:
        """Stop a pod's processes where they stand, or let them go on."""


FAULTS = web.AppKey("faults", Faults)
CONTROLS = web.AppKey("controls", list[Controls])


def routes() -> list[web.RouteDef]:
    """The paths of this module."""
    return [
        web.get(f"{ADMIN_PATH}/faults", show),
        web.post(f"{ADMIN_PATH}/faults", add),
        web.delete(f"{ADMIN_PATH}/faults", clear),
        web.delete(f"{ADMIN_PATH}/faults/{{id:\\d+}}", remove),
        web.put(f"{ADMIN_PATH}/nodes/{{name}}", node),
        web.put(f"{ADMIN_PATH}/clock", clock),
        web.put(f"{ADMIN_PATH}/pods/{{namespace}}/{{name}}", pod),
        web.delete(f"{ADMIN_PATH}/history", history),
    ]


async def show(request: web.Request) -> web.Response:
    """The rules in force, with how often each has struck."""
    return _answer([asdict(rule) for rule in request.app[FAULTS].rules.values()])


async def add(request: web.Request) -> web.Response:
    """Put a rule in force; answers it with its id."""
    return _answer(asdict(request.app[FAULTS].add(await _body(request))))


async def remove(request: web.Request) -> web.Response:
    """End one rule."""
    request.app[FAULTS].rules.pop(int(request.match_info["id"]), None)
    return _answer({})


async def clear(request: web.Request) -> web.Response:
    """End every rule."""
    request.app[FAULTS].rules.clear()
    return _answer({})


async def node(request: web.Request) -> web.Response:
    """``{"running": false}`` stops a node's kubelet."""
    name = request.match_info["name"]
    request.app[CONTEXT].store.get("nodes", "", name)
    controls = _controls(request)
    if await _wish(request, "running"):
        controls.start_node(name)
    else:
        controls.stop_node(name)
    return _answer({})


async def clock(request: web.Request) -> web.Response:
    """``{"running": false}`` makes the controllers stand still."""
    controls = _controls(request)
    if await _wish(request, "running"):
        controls.start_clock()
    else:
        controls.stop_clock()
    return _answer({})


async def pod(request: web.Request) -> web.Response:
    """``{"running": false}`` stops a pod's processes where they stand."""
    found = request.app[CONTEXT].store.get(
        "pods", request.match_info["namespace"], request.match_info["name"]
    )
    _controls(request).freeze_pod(found, frozen=not await _wish(request, "running"))
    return _answer({})


async def history(request: web.Request) -> web.Response:
    """Forget the history: every watch that resumes from before gets a 410."""
    request.app[CONTEXT].store.forget_history()
    return _answer({})


async def _wish(request: web.Request, name: str) -> bool:
    value = (await _body(request)).get(name)
    if not isinstance(value, bool):
        raise errors.BadRequest(f'expected {{"{name}": true}} or {{"{name}": false}}')
    return value


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await request.read(), type=dict[str, Any])
    except msgspec.MsgspecError as problem:
        raise errors.BadRequest(f"expected a JSON object: {problem}") from problem


def _controls(request: web.Request) -> Controls:
    for found in request.app[CONTROLS]:
        return found
    raise errors.BadRequest("this cluster runs no controllers")


def _answer(body: Any) -> web.Response:
    return json_response(to_json(body))

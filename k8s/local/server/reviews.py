"""Questions about oneself. There is one token, and it may do everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from k8s.local.server.context import read_body
from k8s.local.server.encoding import to_json
from k8s.local.server.reads import json_response

_EVERYTHING: Final = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}
_ME: Final = {
    "userInfo": {"username": "system:admin", "groups": ["system:masters", "system:authenticated"]},
}


def _answerer(group: str, kind: str, status: dict[str, Any]) -> Callable[[web.Request], Any]:
    async def review(request: web.Request) -> web.StreamResponse:
        body = await read_body(request, kind)
        spec = body.get("spec", {}) if isinstance(body, dict) else {}
        found = {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {}, "spec": spec, "status": status}
        return json_response(to_json(found), status=201)

    return review


def routes() -> list[web.RouteDef]:
    """The paths of this module."""
    authorization = "/apis/authorization.k8s.io/v1/"
    return [
        web.post(
            authorization + "selfsubjectaccessreviews",
            _answerer("authorization.k8s.io", "SelfSubjectAccessReview", {"allowed": True}),
        ),
        web.post(
            authorization + "selfsubjectrulesreviews",
            _answerer("authorization.k8s.io", "SelfSubjectRulesReview", _EVERYTHING),
        ),
        web.post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            _answerer("authentication.k8s.io", "SelfSubjectReview", _ME),
        ),
    ]

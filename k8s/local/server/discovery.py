"""What the server says about itself: groups, kinds, versions, health, OpenAPI."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final

from aiohttp import web

from k8s.local.kinds import KINDS, Kind
from k8s.local.openapi.documents import document_v2, document_v3
from k8s.local.server import resource_metrics
from k8s.local.server.encoding import to_json
from k8s.local.server.reads import json_response

#: The version of the API that the schemas and the samples come from.
GIT_VERSION: Final = "v1.36.2+timoneiro"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REVIEWS: Final = {
    ("authorization.k8s.io", "v1"): (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ),
    ("authentication.k8s.io", "v1"): (("selfsubjectreviews", "SelfSubjectReview"),),
}
_SUBRESOURCES: Final = {
    "scale": ("autoscaling", "v1", "Scale", ["get", "patch", "update"]),
    "status": ("", "", "", ["get", "patch", "update"]),
    "log": ("", "", "", ["get"]),
    "proxy": ("", "", "", ["create", "delete", "get", "patch", "update"]),
    "exec": ("", "v1", "PodExecOptions", ["create", "get"]),
    "eviction": ("policy", "v1", "Eviction", ["create"]),
    "binding": ("", "v1", "Binding", ["create"]),
    "finalize": ("", "", "", ["update"]),
}
_PROXY_OPTIONS: Final = {"services": "ServiceProxyOptions", "pods": "PodProxyOptions"}


@cache
def group_versions() -> list[tuple[str, str]]:
    """Every (group, version), the core first."""
    found = {(kind.group, kind.version): None for kind in KINDS}
    found.update(dict.fromkeys(_REVIEWS))
    found[resource_metrics.GROUP, resource_metrics.VERSION] = None
    return sorted(found)


def _unstored(group: str, version: str) -> list[tuple[str, str, bool, list[str]]]:
    """(plural, kind, namespaced, verbs) of what is answered without being stored."""
    if (group, version) == (resource_metrics.GROUP, resource_metrics.VERSION):
        verbs = list(resource_metrics.VERBS)
        return [(plural, sort, namespaced, verbs) for plural, sort, namespaced in resource_metrics.RESOURCES]
    return [(plural, sort, False, ["create"]) for plural, sort in _REVIEWS.get((group, version), ())]


def _resource(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": sorted(kind.verbs),
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
        "storageVersionHash": hashlib.sha256(kind.key.encode()).hexdigest()[:11] + "=",
    }


def _subresource(kind: Kind, name: str) -> dict[str, Any]:
    group, version, sort, verbs = _SUBRESOURCES[name]
    found: dict[str, Any] = {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": sort or (_PROXY_OPTIONS[kind.plural] if name == "proxy" else kind.kind),
        "verbs": verbs,
    }
    if sort and version:
        found |= {"group": group, "version": version} if group else {}
    return found


@cache
def resource_list(group: str, version: str) -> bytes:
    """The APIResourceList of one group and version."""
    resources: list[dict[str, Any]] = []
    for kind in KINDS:
        if (kind.group, kind.version) == (group, version):
            resources.append(_resource(kind))
            resources += [_subresource(kind, name) for name in kind.subresources]
    for plural, sort, namespaced, verbs in _unstored(group, version):
        resources.append(
            {
                "name": plural,
                "singularName": sort.lower() if verbs == ["create"] else "",
                "namespaced": namespaced,
                "kind": sort,
                "verbs": verbs,
            }
        )
    name = f"{group}/{version}" if group else version
    body: dict[str, Any] = {"kind": "APIResourceList", "groupVersion": name, "resources": resources}
    if group:
        body["apiVersion"] = "v1"
    return to_json(body)


def _group(group: str) -> dict[str, Any]:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for name, version in group_versions()
        if name == group
    ]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


@cache
def _aggregated(core: bool) -> bytes:
    groups = []
    for group, version in group_versions():
        if (group == "") is not core:
            continue
        resources = [
            _aggregated_resource(kind) for kind in KINDS if (kind.group, kind.version) == (group, version)
        ]
        resources += [
            {
                "resource": plural,
                "responseKind": {"group": group, "version": version, "kind": sort},
                "scope": "Namespaced" if namespaced else "Cluster",
                "singularResource": sort.lower() if verbs == ["create"] else "",
                "verbs": verbs,
            }
            for plural, sort, namespaced, verbs in _unstored(group, version)
        ]
        meta = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        groups.append(
            {
                "metadata": meta,
                "versions": [{"version": version, "resources": resources, "freshness": "Current"}],
            }
        )
    return to_json(
        {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": groups,
        }
    )


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if kind.subresources:
        found["subresources"] = [_aggregated_subresource(kind, name) for name in kind.subresources]
    return found


def _aggregated_subresource(kind: Kind, name: str) -> dict[str, Any]:
    group, version, sort, verbs = _SUBRESOURCES[name]
    response = {
        "group": group if sort else kind.group,
        "version": version or kind.version,
        "kind": sort or (_PROXY_OPTIONS[kind.plural] if name == "proxy" else kind.kind),
    }
    return {"subresource": name, "responseKind": response, "verbs": verbs}


def _wants_aggregated(request: web.Request) -> bool:
    accepted = request.headers.get("Accept", "").replace(" ", "")
    return any(
        "application/json" in part and "as=APIGroupDiscoveryList" in part and "v=v2" in part.split(";")
        for part in accepted.split(",")
    )


def _discovery_response(body: bytes) -> web.Response:
    content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    return web.Response(body=body, headers={"Content-Type": content_type})


async def api(request: web.Request) -> web.StreamResponse:
    """/api"""
    if _wants_aggregated(request):
        return _discovery_response(_aggregated(core=True))
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": request.host}
    return json_response(
        to_json({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]})
    )


async def apis(request: web.Request) -> web.StreamResponse:
    """/apis"""
    if _wants_aggregated(request):
        return _discovery_response(_aggregated(core=False))
    names = dict.fromkeys(group for group, _ in group_versions() if group)
    return json_response(
        to_json({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]})
    )


async def group(request: web.Request) -> web.StreamResponse:
    """/apis/GROUP"""
    name = request.match_info["group"]
    if not any(known == name for known, _ in group_versions() if known):
        return not_found()
    return json_response(to_json({"kind": "APIGroup", "apiVersion": "v1", **_group(name)}))


async def resources(request: web.Request) -> web.StreamResponse:
    """/api/v1 and /apis/GROUP/VERSION"""
    name, version = request.match_info.get("group", ""), request.match_info["version"]
    if (name, version) not in group_versions():
        return not_found()
    return json_response(resource_list(name, version))


def not_found() -> web.Response:
    """What the server says to a path that it does not know."""
    return web.Response(text="404 page not found\n", status=404, content_type="text/plain")


async def version(_: web.Request) -> web.StreamResponse:
    """/version"""
    numbers = GIT_VERSION.lstrip("v").split(".")
    body = {
        "major": numbers[0],
        "minor": numbers[1],
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-11-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
    }
    return json_response(to_json(body))


async def healthy(request: web.Request) -> web.StreamResponse:
    """/healthz, /livez and /readyz"""
    name = request.path.strip("/").split("/")[0]
    if "verbose" in request.query:
        return web.Response(text=f"[+]ping ok\n[+]store ok\n{name} check passed\n")
    return web.Response(text="ok")


async def root(_: web.Request) -> web.StreamResponse:
    """/"""
    paths = ["/api", "/api/v1", "/apis"]
    for name, api_version in group_versions():
        if name:
            paths += [f"/apis/{name}", f"/apis/{name}/{api_version}"]
    paths += ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
    return json_response(to_json({"paths": paths}))


@cache
def _openapi_v3(name: str, api_version: str) -> bytes:
    return to_json(document_v3(name, api_version))


def _openapi_path(name: str, api_version: str) -> str:
    return f"apis/{name}/{api_version}" if name else f"api/{api_version}"


async def openapi_index(_: web.Request) -> web.StreamResponse:
    """/openapi/v3"""
    paths = {}
    for name, api_version in group_versions():
        body = _openapi_v3(name, api_version)
        digest = hashlib.sha256(body).hexdigest().upper()
        path = _openapi_path(name, api_version)
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return json_response(to_json({"paths": paths}))


async def openapi_v3(request: web.Request) -> web.StreamResponse:
    """/openapi/v3/apis/GROUP/VERSION"""
    name, api_version = request.match_info.get("group", ""), request.match_info["version"]
    if (name, api_version) not in group_versions():
        return not_found()
    return json_response(_openapi_v3(name, api_version))


@cache
def _openapi_v2() -> bytes:
    return to_json(document_v2())


async def openapi_v2(request: web.Request) -> web.StreamResponse:
    """/openapi/v2"""
    if "protobuf" in request.headers.get("Accept", ""):
        return web.Response(body=_EMPTY_V2, headers={"Content-Type": _V2_PROTOBUF})
    return json_response(_openapi_v2())


_V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#: A document without definitions: swagger (1) and info (2: title 1, version 2). kubectl asks for it before it
#: applies a ``kind: List``; what is not defined it leaves to the server to validate, which we do anyway.
_EMPTY_V2: Final = b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.36.2"


def routes() -> list[web.RouteDef]:
    """The paths of this module. Health and the version are open to everybody."""
    found = [
        web.get("/", root),
        web.get("/version", version),
        web.get("/version/", version),
        web.get("/api", api),
        web.get("/api/", api),
        web.get("/apis", apis),
        web.get("/apis/", apis),
        web.get("/api/{version}", resources),
        web.get("/apis/{group}", group),
        web.get("/apis/{group}/{version}", resources),
        web.get("/openapi/v2", openapi_v2),
        web.get("/openapi/v3", openapi_index),
        web.get("/openapi/v3/api/{version}", openapi_v3),
        web.get("/openapi/v3/apis/{group}/{version}", openapi_v3),
    ]
    for path in ("healthz", "livez", "readyz"):
        found += [web.get(f"/{path}", healthy), web.get(f"/{path}/{{check}}", healthy)]
    return found

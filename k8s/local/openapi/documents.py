"""OpenAPI documents for kubectl: ``explain``, strategic merge and the check of what a PATCH understands."""

from __future__ import annotations

from typing import Any, Final

from k8s.local.kinds import KINDS, Kind
from k8s.local.openapi.schemas import name_of, schemas

_REF: Final = "#/components/schemas/"
_JSON: Final = "application/json"
_QUERY: Final = ("dryRun", "fieldManager", "fieldValidation", "pretty")
_PATCH_QUERY: Final = (*_QUERY, "force")
_PATCHES: Final = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_INFO: Final = {"title": "Kubernetes", "version": "v1.36.2"}


def _reached(names: set[str]) -> dict[str, Any]:
    known, todo, found = schemas(), list(names), {}
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = known[name]
            todo += _references(known[name])
    return dict(sorted(found.items()))


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    if not isinstance(value, dict):
        return []
    found = [name for item in value.values() for name in _references(item)]
    target = value.get("$ref")
    return [*found, target.removeprefix(_REF)] if isinstance(target, str) else found


def _paths(kind: Kind) -> tuple[str, str]:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    base = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    return base, base + "/{name}"


def _operation(kind: Kind, action: str, query: tuple[str, ...], schema: str) -> dict[str, Any]:
    return {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in query],
        "responses": {"200": {"description": "OK", "content": {_JSON: {"schema": {"$ref": _REF + schema}}}}},
    }


def document_v3(group: str, version: str) -> dict[str, Any]:
    """The OpenAPI v3 document of one group and version."""
    paths: dict[str, Any] = {}
    names: set[str] = set()
    for kind in KINDS:
        if (kind.group, kind.version) != (group, version):
            continue
        name, listed = name_of(group, version, kind.kind), name_of(group, version, f"{kind.kind}List")
        names |= {name, listed}
        many, one = _paths(kind)
        paths[many] = {
            "get": _operation(kind, "list", ("labelSelector", "fieldSelector", "limit"), listed),
            "post": _operation(kind, "post", _QUERY, name),
        }
        patch = _operation(kind, "patch", _PATCH_QUERY, name)
        patch["requestBody"] = {"content": {media: {"schema": {"type": "object"}} for media in _PATCHES}}
        paths[one] = {
            "get": _operation(kind, "get", ("pretty",), name),
            "put": _operation(kind, "put", _QUERY, name),
            "patch": patch,
            "delete": _operation(kind, "delete", ("dryRun", "gracePeriodSeconds", "propagationPolicy"), name),
        }
    return {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": paths,
        "components": {"schemas": _reached(names)},
    }


def document_v2() -> dict[str, Any]:
    """The OpenAPI v2 document of everything, as older clients want it."""
    return {
        "swagger": "2.0",
        "info": _INFO,
        "paths": {},
        "definitions": {name: _as_v2(schema) for name, schema in schemas().items()},
    }


def _as_v2(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_v2(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "oneOf" in value:
        return {
            "type": "string",
            **{key: item for key, item in value.items() if key in ("description", "format")},
        }
    return {
        key: "#/definitions/" + item.removeprefix(_REF)
        if key == "$ref" and isinstance(item, str)
        else _as_v2(item)
        for key, item in value.items()
    }

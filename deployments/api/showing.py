"""Puts the examples into the OpenAPI description."""

from collections.abc import Mapping
from typing import Any

from deployments.api.examples import ANSWERS, BODIES, PROBLEM
from deployments.api.openapi import MEANINGS

PROBLEM_WORDS = {
    400: ("malformed", "Malformed request"),
    401: ("not_authenticated", "Sign in first"),
    403: ("permission_denied", "Your role does not allow this"),
    404: ("not_found", "Not found"),
    406: ("not_acceptable", "Not acceptable"),
    409: ("being_deleted", "The deployment is being deleted"),
    412: ("stale_generation", "Somebody changed it meanwhile"),
    413: ("too_large", "Body too large"),
    415: ("unsupported_media_type", "Unsupported media type"),
    429: ("too_many_requests", "Too many requests"),
    501: ("no_streams_here", "This server cannot stream"),
    502: ("cluster_refused", "The cluster refused this"),
    503: ("cluster_not_reachable", "The cluster is not reachable"),
    504: ("too_slow", "No answer in time"),
}


def add_examples(operation: dict[str, Any]) -> None:
    """Shows in one operation of the description what is sent and answered, where there is an example."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media.update(_example(BODIES.get(_shape(media["schema"]))))
    for status, answer in operation["responses"].items():
        for kind, media in answer.get("content", {}).items():
            if kind == "application/problem+json":
                media["example"] = _problem(int(status))
            elif kind == "application/json":
                media.update(_answered(media["schema"]))


def _example(found: object) -> dict[str, Any]:
    return {} if found is None else {"example": found}


def _answered(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Of a list, a page with one result."""
    if name := _shape(schema):
        return _example(ANSWERS.get(name))
    listed = schema.get("properties", {}).get("results")
    one = ANSWERS.get(_shape(listed["items"])) if listed else None
    return _example(one and {"count": 1, "next": None, "previous": None, "results": [one]})


def _problem(status: int) -> dict[str, Any]:
    if status == PROBLEM["status"]:
        return PROBLEM
    code, title = PROBLEM_WORDS[status]
    return {
        **PROBLEM,
        "status": status,
        "code": code,
        "title": title,
        "detail": MEANINGS[status],
        "errors": [],
    }


def _shape(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]

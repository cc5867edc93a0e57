"""A program that calls the API, and holds every answer against the OpenAPI description."""

import json
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from django.contrib.admindocs.views import simplify_regex
from django.test import Client

from deployments.api.views.meta import schema

BASE = "/api/v1/"
PROBLEM = "application/problem+json"


class Caller:
    """`client` with JSON in and out; addresses are below `/api/v1/` unless they begin with a slash.

    Headers are given as keywords with underscores: `if_match='"1"'`.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, address: str, **headers: str) -> Any:
        return self.send("GET", address, **headers)

    def post(self, address: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", address, body, **headers)

    def patch(self, address: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", address, body, **headers)

    def delete(self, address: str, **headers: str) -> Any:
        return self.send("DELETE", address, **headers)

    def send(
        self, method: str, address: str, body: Any = None, media: str = "application/json", **headers: str
    ) -> Any:
        """The answer, which has been found to be as described. `body` is JSON, or raw text or bytes."""
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        answer = self.client.generic(
            method,
            address if address.startswith("/") else BASE + address,
            data,
            media,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        conforms(answer)
        return answer


def conforms(answer: Any) -> None:
    """Fails unless the description says that this method answers this status with this body."""
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.status_code >= 400:
        assert media == PROBLEM, f"{answer.status_code} as {media}: {answer.content[:200]}"
        assert answer.json()["status"] == answer.status_code
        valid(answer.json(), {"$ref": "#/components/schemas/Problem"})
    view = answer.resolver_match.view_name
    if view in {"api:not-here", "api:docs"} or answer.status_code == 405:
        return
    path = re.sub(r"<(\w+)>", r"{\1}", simplify_regex(answer.resolver_match.route))
    described = schema()["paths"][path][answer.request["REQUEST_METHOD"].lower()]["responses"]
    assert str(answer.status_code) in described, f"{view} is not said to answer {answer.status_code}"
    if media == "application/json":
        valid(answer.json(), described[str(answer.status_code)]["content"][media]["schema"])


def valid(value: Any, shape: dict[str, Any]) -> None:
    whole = {**shape, "components": schema()["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def fields(answer: Any) -> dict[str, str]:
    """The code of each wrong field of a problem."""
    assert answer.headers["Content-Type"] == PROBLEM
    return {error["field"]: error["code"] for error in answer.json()["errors"]}

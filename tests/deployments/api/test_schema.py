"""The description is OpenAPI 3.1, covers every route, and the API keeps to it under random input."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import jsonschema  # type: ignore[import-untyped]
import pytest
import schemathesis
from django.contrib.admindocs.views import simplify_regex
from django.db import transaction
from django.test import Client
from django.urls import URLPattern
from hypothesis import HealthCheck, Phase, given, settings

from deployments.api.urls import urlpatterns
from deployments.api.views.meta import schema
from deployments.models import Deployment
from tests.deployments.api.caller import Caller

NOT_DESCRIBED = {"home", "docs", "not-here"}


def operations() -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in schema()["paths"].items() for method in methods]


def described_as(route: str, method: str) -> dict[str, Any]:
    """The description of one method of the route with this name."""
    (pattern,) = (found for found in urlpatterns if found.name == route)
    path = re.sub(r"<(\w+)>", r"{\1}", simplify_regex(f"/api/{str(pattern.pattern).removeprefix('^')}"))
    found: dict[str, Any] = schema()["paths"][path][method.lower()]
    return found


def test_the_description_is_open_to_all(db: None) -> None:
    answer = Caller(Client()).get("schema/")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["openapi"].startswith("3.1")


def test_every_route_is_described() -> None:
    named = [p for p in urlpatterns if isinstance(p, URLPattern) and p.name not in NOT_DESCRIBED]
    assert len(schema()["paths"]) == len(named)


def test_the_description_holds_together() -> None:
    text = str(schema())
    known = schema()["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in known
    for shape in known.values():
        jsonschema.Draft202012Validator.check_schema(shape)
    names = [found["operationId"] for methods in schema()["paths"].values() for found in methods.values()]
    assert len(names) == len(set(names))
    assert schema()["components"]["securitySchemes"]["bearerToken"] == {"type": "http", "scheme": "bearer"}


def test_the_documentation_page_needs_no_foreign_script(db: None) -> None:
    answer = Client().get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert not re.search(r"<script>|<style>|\sstyle=|\son\w+=", page)


KNOWN = {
    "team": "pricing",
    "name": "house",
    "model": "house",
    "version": "1.0",
    "pod": "house-1",
    "number": "1",
    "captured": "1",
    "size": "small",
    "cluster": "local",
    "preset": "a100",
    "registry": "ghcr.io",
    "webhook": "0" * 32,
    "username": "viewer",
    "account": "ci",
    "token": "0" * 32,
    "namespace": "pricing",
}


@pytest.mark.parametrize(("method", "path"), operations())
def test_random_input_is_answered_as_described(
    method: str, path: str, api: Caller, house: Deployment
) -> None:
    """`Caller` fails on a 500 and on an answer that the description does not have."""
    known = {**KNOWN, "operation": str(house.operations.get().pk)}
    cases = schemathesis.openapi.from_dict(schema())[path][method].as_strategy()

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        # Waiting is tested elsewhere; here it would only cost time.
        question = {name: value for name, value in (case.query or {}).items() if name != "wait"}
        headers = {name: str(value) for name, value in (case.headers or {}).items() if str(value).isascii()}
        body = case.body if isinstance(case.body, dict | list | str | int | float | bool | None) else None
        with transaction.atomic():
            api.send(
                method,
                path.format_map(known) + "?" + urlencode(question, doseq=True),
                json.dumps(body) if body is not None else None,
                **headers,
            )
            transaction.set_rollback(True)

    ask()

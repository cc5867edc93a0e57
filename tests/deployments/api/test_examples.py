"""The examples of the description are true: they fit, and the API takes them and answers like them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from deployments.api import examples
from deployments.api.views.meta import schema
from deployments.models import Deployment
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, valid
from tests.deployments.api.conftest import by_token
from tests.deployments.api.test_permissions import OWN, RULES, callers, kept
from tests.deployments.api.test_schema import described_as

__all__ = ["callers", "kept"]


def bodies() -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Method, path, status or "request", and the described body, of each that is JSON."""
    for path, methods in schema()["paths"].items():
        for method, operation in methods.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield method, path, "request", media
            for status, answer in operation["responses"].items():
                for kind, media in answer.get("content", {}).items():
                    if kind.endswith("json") and media["schema"] != {"type": "object"}:
                        yield method, path, status, media


def test_everything_that_is_sent_or_answered_has_an_example_that_fits() -> None:
    for method, path, status, media in bodies():
        assert "example" in media, (method, path, status)
        valid(media["example"], media["schema"])


def test_no_example_is_of_nothing() -> None:
    shapes = schema()["components"]["schemas"]
    for name in (*examples.ANSWERS, *examples.BODIES):
        assert name in shapes, name


@pytest.fixture
def admin_api(admin: User) -> Caller:
    return by_token(admin, Scope.ADMIN)


def test_the_api_takes_every_example(admin_api: Caller, kept: dict[str, object], team: Team) -> None:
    """No worker answers here: what needs one gets as far as asking it."""
    for (route, method), (_, address, _) in RULES.items():
        operation = described_as(route, method)
        if "requestBody" not in operation:
            continue
        example = operation["requestBody"]["content"]["application/json"]["example"]
        with transaction.atomic():
            answer = admin_api.send(method, address.format_map(kept), example)
            transaction.set_rollback(True)
        assert answer.status_code in {200, 201, 202, 503}, (route, method, answer.content)


def test_the_api_answers_as_the_examples_do(
    admin_api: Caller, kept: dict[str, object], house: Deployment
) -> None:
    """Field for field; what a field holds is the shape's to say."""
    compared = 0
    for (route, method), (rule, address, _) in RULES.items():
        described = described_as(route, method)["responses"].get("200", {}).get("content", {})
        # What is one's own is not the admin's to read.
        if method != "GET" or rule == OWN or "example" not in described.get("application/json", {}):
            continue
        got = admin_api.get(address.format_map(kept))
        if got.status_code == 503:
            continue  # a worker would answer
        answer = got.json()
        example = described["application/json"]["example"]
        if "results" in example:
            if not answer["results"]:
                continue
            answer, example = answer["results"][0], example["results"][0]
        # Told when it was asked for, or once.
        assert set(answer) - {"diff", "secret"} == set(example) - {"diff", "secret"}, route
        compared += 1
    assert compared > 20

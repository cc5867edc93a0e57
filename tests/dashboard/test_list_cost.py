"""What list pages cost does not grow with what they list."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.models import Deployment

BUDGET = 9
# What is held of clusters is two; on the page of usage there are money and charts besides.
MORE = {"overview": 4, "usage": 16}


def add_copies(original: Deployment, prefix: str, count: int) -> None:
    """Rows like `original`; hundreds of them cost one query."""
    values = {
        field.attname: getattr(original, field.attname)
        for field in Deployment._meta.concrete_fields
        if not field.primary_key
    }
    rows = [Deployment(**{**values, "name": f"{prefix}-{number}"}) for number in range(count)]
    Deployment.objects.bulk_create(rows)


@pytest.mark.parametrize("address", ["deployments", "overview", "models", "usage"])
@pytest.mark.parametrize("fragment", [False, True])
def test_the_number_of_queries_is_bounded_and_constant(
    address: str, fragment: bool, deployment: Deployment, browser: Client
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(reverse(address), headers=headers).status_code == 200
        return len(seen)

    add_copies(deployment, "few", 50)
    few = queries()
    add_copies(deployment, "more", 150)
    assert few <= BUDGET + MORE.get(address, 0)
    assert queries() == few


def test_a_detail_page_with_many_pods_costs_as_much_as_with_one(
    make: Callable[..., Deployment], browser: Client
) -> None:
    deployment = make()
    url = reverse("deployment", args=["pricing", deployment.name])

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(url).status_code == 200
        return len(seen)

    before = queries()
    for number in range(20):
        deployment.pods.create(
            cluster=deployment.cluster,
            uid=str(number),
            namespace="pricing",
            name=f"pod-{number}",
            phase="Running",
            facts={"uid": "u", "name": "n"},
        )
    assert queries() == before <= BUDGET + 2

"""A lead finds what wastes most and gives it the right size, in four clicks."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack, deployment_of, until

SECOND = 1000
# A week in which each used 30 thousandths of a core, and a look at it.
A_WEEK = """
from django.utils import timezone
from deployments import reviewing
from deployments.models import Cluster, Deployment
from tests.deployments.sampled import measured_for
for row in Deployment.objects.filter(name__startswith="{name}-", deleted_at=None):
    measured_for(row, timezone.now(), 168, cpu="300m", cpu_used="30m", memory="256Mi", memory_used="60Mi")
Cluster.objects.update(price_cpu_hour="0.04", price_memory_gib_hour="0.005")
for cluster in Cluster.objects.all():
    reviewing.review(cluster.pk)
"""
NO_PRICES = """
from deployments.models import Cluster
Cluster.objects.update(price_cpu_hour=None, price_memory_gib_hour=None)
"""


@pytest.fixture
def wasteful(stack: Stack, client: httpx.Client, name: str) -> Iterator[list[str]]:
    """Three that ask for less and less and use the same little; the most wasteful first."""
    names = [f"{name}-{number}" for number in range(3)]
    for one, cpu in zip(names, ("300m", "250m", "200m"), strict=True):
        size = {"cpu": cpu, "cpu_limit": "500m", "memory": "256Mi", "memory_limit": "256Mi"}
        wish = {"name": one, "image": "local/iris:1.0", "replicas": 1, "resources": size}
        client.post("/teams/pricing/deployments/?wait=40", json=wish)
    for one in names:
        until(f"{one} runs", lambda one=one: deployment_of(client, one)["status"]["state"] == "running")  # type: ignore[misc]
    stack.manage("shell", "-c", A_WEEK.format(name=name))
    yield names
    stack.manage("shell", "-c", NO_PRICES)


def test_a_lead_applies_a_right_size_to_the_most_wasteful_in_four_clicks(
    page: Page, stack: Stack, client: httpx.Client, wasteful: list[str]
) -> None:
    clicks = 0

    def click(what: Locator) -> None:
        nonlocal clicks
        clicks += 1
        what.click()

    sign_in(page, stack, "lead")
    click(page.get_by_role("navigation", name="Main").get_by_role("link", name="Usage"))
    click(page.get_by_role("link", name="Savings"))
    rows = page.get_by_role("table").first.locator("tbody tr")
    for number, one in enumerate(wasteful):
        expect(rows.nth(number)).to_contain_text(one)
    expect(rows.first).to_contain_text("saves")
    click(page.get_by_role("link", name=f"Apply the suggested size to {wasteful[0]}"))
    expect(page.get_by_role("row", name="CPU request")).to_contain_text("300m")
    click(page.get_by_role("button", name="Apply", exact=True))
    expect(page).to_have_url(f"{stack.url}/usage/savings/")
    expect(page.get_by_role("status").first).to_contain_text("gets its new size")
    assert clicks <= 4

    until(
        "the new size serves",
        lambda: (
            [deployment_of(client, wasteful[0])[key] for key in ("applied_generation", "revision")] == [2, 2]
            and deployment_of(client, wasteful[0])["status"]["state"] == "running"
        ),
    )
    assert deployment_of(client, wasteful[0])["resources"]["cpu"] == "30m"
    newest = client.get(f"/teams/pricing/deployments/{wasteful[0]}/revisions/2/").json()
    assert newest["change_cause"] == "Right-sized from 7 days"

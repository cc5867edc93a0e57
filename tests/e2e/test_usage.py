"""Usage in a real browser: charts by keyboard, and addresses that can be sent on."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack

# Samples of the last half hour, as the observer leaves them each minute.
FILL = """
import time
from deployments.models import Deployment, MinuteSample, Series
row = Deployment.objects.get(name="{name}", deleted_at=None)
subjects = (
    {{"kind": "deployment", "key": str(row.pk), "deployment": row, "team": row.team}},
    {{"kind": "team", "key": str(row.team_id), "team": row.team}},
)
now = int(time.time()) // 60
for subject in subjects:
    keys = {{"cluster": row.cluster, "kind": subject.pop("kind"), "key": subject.pop("key")}}
    series, _ = Series.objects.get_or_create(**keys, defaults=subject)
    for minute in range(1, 30):
        MinuteSample.objects.get_or_create(
            series=series,
            at=now - minute,
            defaults={{"cpu_requested": 100, "cpu_used": 10 + minute, "used_minutes": 1}},
        )
"""


@pytest.fixture
def sampled(stack: Stack, client: httpx.Client, name: str) -> Iterator[str]:
    """A deployment with a past."""
    wish = {"name": name, "image": "local/house:1.0"}
    client.post("/teams/pricing/deployments/", json=wish).raise_for_status()
    stack.manage("shell", "--no-imports", "-c", FILL.format(name=name))
    yield name
    client.delete(f"/teams/pricing/deployments/{name}/")


def test_a_chart_is_read_by_keyboard(page: Page, stack: Stack, sampled: str) -> None:
    sign_in(page, stack, "deployer")
    page.goto(f"{stack.url}/deployments/pricing/{sampled}/usage/?window=1h")
    chart = page.get_by_role("application", name=re.compile("^CPU"))
    chart.focus()
    page.keyboard.press("End")
    expect(page.locator("[data-chart-says]")).to_have_text(re.compile(r"^\d\d:\d\d: requested .* cores"))
    newest = page.locator("[data-chart-says]").text_content()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-chart-says]")).not_to_have_text(newest or "")

    page.goto(f"{stack.url}/usage/?window=1h")
    page.get_by_label("Team", exact=True).select_option("pricing")
    page.wait_for_url(re.compile(r"team=pricing"))
    expect(page.get_by_role("heading", name="Pricing, last 1 hour")).to_be_visible()
    expect(page.locator(".plot canvas").first).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    lines = started.value.path().read_text().splitlines()
    assert any(line.startswith("deployment,") and sampled in line for line in lines)

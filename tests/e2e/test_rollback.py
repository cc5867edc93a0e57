"""A version that crashes: the old pods serve on, the page says why, one click goes back."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stack import Stack, deployment_of, free_node_port, until
from tests.e2e.test_updates_without_downtime import Caller

SECOND = 1000
REQUESTS = 1000


# A thousand requests and two rollouts: on a busy machine they take longer than a test is given.
@pytest.mark.timeout(400)
def test_a_broken_rollout_serves_on_and_one_click_brings_the_old_version_back(
    signed_in: Page, stack: Stack, client: httpx.Client, name: str
) -> None:
    versions = client.get("/teams/pricing/models/house/versions/").json()["results"]
    sample = next(v for v in versions if v["version"] == "1.0")["sample_request"]
    node_port = free_node_port()
    wish = {
        "name": name,
        "model": "house",
        "version": "1.0",
        "replicas": 2,
        "service": {"type": "NodePort", "port": 5001, "node_port": node_port},
    }
    created = client.post("/teams/pricing/deployments/?wait=40", json=wish)
    assert created.json()["operation"]["state"] == "succeeded", created.text
    page = signed_in
    page.goto(f"{stack.url}/deployments/pricing/{name}/")
    caller = Caller(deployment_of(client, name)["endpoint"] + sample["path"], sample["body"], per_second=50)
    caller.start()
    until("requests flow", lambda: caller.sent > 50)

    client.patch(f"/teams/pricing/deployments/{name}/", json={"image": "local/crash:1.0"})
    expect(page.locator(".pill")).to_have_text(re.compile("degraded"), timeout=120 * SECOND)
    expect(page.locator("#status-message")).to_contain_text("keeps ending")
    expect(page.locator("#rollout-words")).to_contain_text("2 old pods still serving")
    until("a thousand requests were answered", lambda: caller.sent > REQUESTS or None, seconds=120)

    page.get_by_role("button", name="Roll back to revision 1").click()
    expect(page.locator(".facts")).to_contain_text("local/house:1.0", timeout=60 * SECOND)
    expect(page.locator(".pill")).to_have_text(re.compile("running"), timeout=120 * SECOND)
    caller.enough.set()
    caller.join(timeout=15)
    assert caller.failures == []
    assert len(caller.answers) == 1  # version 1.0 all the time
    assert deployment_of(client, name)["revision"] == 3

    page.get_by_role("link", name="Revisions").click()
    expect(page.locator("#revision-3")).to_contain_text("Roll back to revision 1")
    page.get_by_role("link", name="What revision 2 changed").click()
    expect(page).to_have_url(re.compile(r"\?from=1&to=2$"))
    expect(page.locator(".diff-added").filter(has_text="local/crash:1.0")).to_have_count(1)
    assert client.delete(f"/teams/pricing/deployments/{name}/?wait=50").status_code == 202

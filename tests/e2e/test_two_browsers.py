"""Two people look at one deployment: what either does, both see without a reload."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack, deployment_of, until

SECOND = 1000


@pytest.fixture
def viewer_page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The viewer, in a browser of their own, on a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield sign_in(context.new_page(), stack, "viewer")
    context.close()


def test_both_see_what_one_does(
    signed_in: Page, viewer_page: Page, stack: Stack, client: httpx.Client, name: str
) -> None:
    client.post("/teams/pricing/deployments/?wait=40", json={"name": name, "image": "local/iris:1.0"})
    until("it runs", lambda: deployment_of(client, name)["status"]["state"] == "running" or None)
    detail = f"{stack.url}/deployments/pricing/{name}/"
    for page in (signed_in, viewer_page):
        page.goto(detail)
    listed = viewer_page.context.new_page()
    listed.goto(f"{stack.url}/deployments/?q={name}")
    for page in (signed_in, viewer_page, listed):
        page.evaluate("window.loadedOnce = true")
    expect(viewer_page.get_by_role("button", name="Scale", exact=True)).to_have_count(0)

    signed_in.get_by_label("Replicas", exact=True).fill("3")
    signed_in.get_by_role("button", name="Scale", exact=True).click()
    for page in (signed_in, viewer_page):
        expect(page.locator("#pods tbody tr .state-running")).to_have_count(3, timeout=20 * SECOND)
        expect(page.locator("#status-message")).to_contain_text("3 of 3")
    expect(listed.locator("tbody tr [data-label=Ready]")).to_have_text("3/3", timeout=5 * SECOND)

    # What the one is typing outlasts what the other does.
    signed_in.get_by_label("Replicas", exact=True).fill("999")
    client.post(f"/teams/pricing/deployments/{name}/scale/?wait=40", json={"replicas": 2})
    expect(signed_in.locator("#status-message")).to_contain_text("2 of 2", timeout=20 * SECOND)
    expect(signed_in.get_by_label("Replicas", exact=True)).to_have_value("999")
    signed_in.get_by_role("button", name="Scale", exact=True).click()
    expect(signed_in.locator("#replicas-error")).to_have_text("Replicas must be from 0 to 100.")

    client.delete(f"/teams/pricing/deployments/{name}/?wait=50")
    for page in (signed_in, viewer_page):
        expect(page.locator(".pill")).to_have_text("deleted", timeout=20 * SECOND)
    expect(listed.locator("tbody tr")).to_have_count(0, timeout=20 * SECOND)
    for page in (signed_in, viewer_page, listed):
        assert page.evaluate("window.loadedOnce") is True


def test_signing_out_elsewhere_ends_an_open_page_but_not_what_is_being_typed(
    signed_in: Page, stack: Stack
) -> None:
    typing = signed_in.context.new_page()
    typing.goto(f"{stack.url}/deployments/new")
    typing.get_by_label("Image", exact=True).fill("local/house:1.0")
    signed_in.goto(f"{stack.url}/account/")
    reading = signed_in.context.new_page()
    reading.goto(f"{stack.url}/models/")
    signed_in.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    expect(reading).to_have_url(re.compile("/sign-in/"), timeout=20 * SECOND)
    typing.bring_to_front()
    expect(typing.locator("#toasts")).to_contain_text("signed out", timeout=20 * SECOND)
    expect(typing.get_by_label("Image", exact=True)).to_have_value("local/house:1.0")

"""Several deployments at once: by keyboard alone while the list is live, and without JavaScript."""

import re

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.e2e.stack import Stack, deployment_of, until

SECOND = 1000


def state_of(client: httpx.Client, name: str) -> str:
    return str(deployment_of(client, name)["status"]["state"])


def deploy_two(client: httpx.Client, name: str) -> tuple[str, str]:
    names = (f"{name}-a", f"{name}-b")
    for one in names:
        wish = {"name": one, "image": "local/iris:1.0", "replicas": 1}
        client.post("/teams/pricing/deployments/?wait=40", json=wish)
    for one in names:
        until(f"{one} runs", lambda one=one: state_of(client, one) == "running")  # type: ignore[misc]
    return names


def test_pausing_and_resuming_several_by_keyboard(
    signed_in: Page, stack: Stack, client: httpx.Client, name: str
) -> None:
    first, second = deploy_two(client, name)
    page = signed_in
    page.goto(f"{stack.url}/deployments/?q={name}")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    page.get_by_label(f"Choose {first}").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-bulk-count]")).to_have_text("1 chosen")

    # Others change what is listed meanwhile: the choice stays.
    client.post(f"/teams/pricing/deployments/{second}/scale/?wait=40", json={"replicas": 2})
    expect(page.get_by_role("row", name=second).locator("[data-label=Ready]")).to_have_text(
        "2/2", timeout=10 * SECOND
    )
    expect(page.get_by_label(f"Choose {first}")).to_be_checked()
    page.get_by_label(f"Choose {second}").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-bulk-count]")).to_have_text("2 chosen")

    press_with_keys(page, "Pause", "Pause 2 deployments")
    expect(page).to_have_url(f"{stack.url}/deployments/?q={name}")
    for one in (first, second):
        row = page.get_by_role("row", name=one)
        expect(row.locator(".state")).to_have_text(re.compile("paused"), timeout=30 * SECOND)

    page.get_by_label("Choose all on this page").focus()
    page.keyboard.press("Space")
    press_with_keys(page, "Resume", "Resume 2 deployments")
    for one, ready in ((first, "1/1"), (second, "2/2")):
        row = page.get_by_role("row", name=one)
        expect(row.locator("[data-label=Ready]")).to_have_text(ready, timeout=40 * SECOND)
    for one in (first, second):
        client.delete(f"/teams/pricing/deployments/{one}/")


def press_with_keys(page: Page, action: str, confirmation: str) -> None:
    """Presses an action of the bar, then the confirmation, which has the focus already."""
    page.get_by_role("button", name=action, exact=True).focus()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name=confirmation)
    expect(button).to_be_focused()
    page.keyboard.press("Enter")


def test_several_are_scaled_without_javascript_and_each_refusal_is_told(
    stack: Stack, browser: Browser, client: httpx.Client, name: str
) -> None:
    first, second = deploy_two(client, name)
    bounds = {"min_replicas": 1, "max_replicas": 2, "target_cpu_percent": 80}
    client.patch(f"/teams/pricing/deployments/{second}/?wait=40", json={"autoscaling": bounds})
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stack.url)
    page.get_by_label("Username").fill("deployer")
    page.get_by_label("Password").fill(stack.passwords["deployer"])
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{stack.url}/deployments/?q={name}")
    for one in (first, second):
        page.get_by_label(f"Choose {one}").check()
    page.get_by_role("button", name="Scale", exact=True).click()
    page.get_by_label("Replicas of each").fill("2")
    page.get_by_role("button", name="Scale 1 of 2 deployments").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scale: 1 of 2 done")
    expect(page.get_by_role("row", name=second)).to_contain_text("An autoscaler keeps")
    until("the other was scaled", lambda: deployment_of(client, first)["replicas"] == 2)
    context.close()
    for one in (first, second):
        client.delete(f"/teams/pricing/deployments/{one}/")

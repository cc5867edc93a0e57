"""What is wrong is said within seconds, and one click mends it; who is told of it sees it on the bell."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack, deployment_of

SECOND = 1000
RUNNING = re.compile("running")


@pytest.fixture
def deploy(client: httpx.Client, name: str) -> Iterator[Any]:
    """Deploys what is given under the test's name; deleted after it."""

    def make(**wish: Any) -> None:
        answer = client.post("/teams/pricing/deployments/", json={"name": name, **wish})
        assert answer.status_code == 202, answer.text

    yield make
    assert client.delete(f"/teams/pricing/deployments/{name}/?wait=50").status_code == 202


def open_page(page: Page, stack: Stack, name: str) -> Page:
    page.goto(f"{stack.url}/deployments/pricing/{name}/")
    return page


def mend(page: Page, cause: str | re.Pattern[str], button: str | re.Pattern[str]) -> None:
    """Reads the cause, presses the one button, and waits until it runs."""
    expect(page.locator("#diagnosis-cause")).to_have_text(cause, timeout=60 * SECOND)
    page.locator("#diagnosis").get_by_role("button", name=button).click()
    expect(page.locator(".pill")).to_have_text(RUNNING, timeout=90 * SECOND)
    expect(page.locator("#diagnosis")).to_have_count(0)


def test_too_little_memory_is_raised(
    signed_in: Page, stack: Stack, client: httpx.Client, name: str, deploy: Any
) -> None:
    resources = {"memory": "32Mi", "memory_limit": "64Mi"}
    env = [{"name": "MEMORY_MIB", "value": "80"}]
    deploy(image="local/memory-hog:1.0", port=5001, resources=resources, env=env)
    page = open_page(signed_in, stack, name)
    expect(page.locator("#fix-changes")).to_contain_text("memory limit 64Mi -> 128Mi", timeout=60 * SECOND)
    mend(page, re.compile("needs more memory than its limit of 64 MiB"), "Raise memory to 128Mi")
    now = deployment_of(client, name)
    assert (now["resources"]["memory_limit"], now["revision"]) == ("128Mi", 2)


def test_a_wrong_port_is_set(
    signed_in: Page, stack: Stack, client: httpx.Client, name: str, deploy: Any
) -> None:
    deploy(image="local/house:1.0", port=7007)
    page = open_page(signed_in, stack, name)
    mend(page, "The server listens on port 5001, but port 7007 is asked.", "Set the port to 5001")
    now = deployment_of(client, name)
    assert (now["port"], now["revision"]) == (5001, 2)


def test_what_finds_no_room_is_lowered_to_what_fits(
    signed_in: Page, stack: Stack, client: httpx.Client, name: str, deploy: Any
) -> None:
    deploy(image="local/house:1.0", resources={"cpu": "900", "cpu_limit": "900"})
    page = open_page(signed_in, stack, name)
    mend(page, re.compile("No node has room: each replica asks for 900 CPU"), re.compile("^Lower to .* CPU$"))
    assert deployment_of(client, name)["revision"] == 2


def test_a_version_that_crashes_is_rolled_back_from_where_it_is_explained(
    signed_in: Page, stack: Stack, client: httpx.Client, name: str, deploy: Any
) -> None:
    deploy(image="local/house:1.0")
    page = open_page(signed_in, stack, name)
    expect(page.locator(".pill")).to_have_text(RUNNING, timeout=60 * SECOND)
    client.patch(f"/teams/pricing/deployments/{name}/", json={"image": "local/crash:1.0"})
    # Offered once on the page, though two things could offer it.
    way_back = page.get_by_role("button", name="Roll back to revision 1")
    expect(page.locator("#diagnosis").get_by_text("Last lines of")).to_be_visible(timeout=60 * SECOND)
    expect(way_back).to_have_count(1)
    mend(page, re.compile("ends by itself right after it starts"), "Roll back to revision 1")
    now = deployment_of(client, name)
    assert (now["image"], now["revision"]) == ("local/house:1.0", 3)


def test_a_failure_rings_the_bell_and_looking_at_it_quiets_it(
    page: Page, stack: Stack, name: str, deploy: Any
) -> None:
    sign_in(page, stack, "viewer")
    page.goto(f"{stack.url}/notifications/")
    # Whatever others left to see is seen now.
    expect(page.locator("#bell-count")).to_have_count(0, timeout=15 * SECOND)
    page.goto(f"{stack.url}/models/")
    deploy(image="local/crash:1.0", port=5001)
    expect(page.locator("#bell-count")).to_be_visible(timeout=60 * SECOND)
    page.get_by_role("link", name="Notifications").click()
    row = page.locator(".happenings li.is-new").filter(has_text=name).filter(has_text="failed").first
    expect(row).to_contain_text("keeps ending")
    expect(page.locator("#bell-count")).to_have_count(0, timeout=15 * SECOND)
    expect(page.locator("#bell")).to_be_visible()


def test_a_webhook_is_made_shows_its_secret_and_tells_what_became_of_a_test(page: Page, stack: Stack) -> None:
    sign_in(page, stack, "lead")
    page.goto(f"{stack.url}/teams/pricing/")
    page.get_by_role("link", name="Add a webhook").click()
    page.get_by_label("Address").fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Add webhook").click()
    expect(page.locator("#url-error")).to_contain_text("not on the public internet")
    # A name that nobody knows: nothing leaves this machine.
    page.get_by_label("Address").fill("https://hooks.invalid/timoneiro")
    page.get_by_role("button", name="Add webhook").click()
    expect(page.locator("#secret")).to_have_text(re.compile(r"^\S{32,}$"))
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#secret")).to_have_count(0)
    # The log comes by itself.
    expect(page.locator("#log tbody tr")).to_contain_text("is not known", timeout=30 * SECOND)
    page.get_by_text("Delete this webhook").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("link", name="hooks.invalid")).to_have_count(0)

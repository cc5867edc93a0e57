"""The main job by hand: sign in, deploy, watch, ask, scale, read logs, roll out, delete."""

import re
import time
import uuid
from typing import Any

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.stack import Stack, until
from tests.e2e.test_updates_without_downtime import Caller

SECOND = 1000
RUNNING = re.compile("running")


def pod_processes(stack: Stack) -> set[int]:
    """Process ids of everything the local cluster runs."""
    cluster = stack.pid_of("cluster")
    return {child.pid for child in psutil.Process(cluster).children(recursive=True)} if cluster else set()


def deploy_the_house_model(page: Page) -> str:
    """Two clicks and one typed field; the name that was suggested."""
    page.get_by_role("link", name="New", exact=True).click()
    page.get_by_label("Image", exact=True).fill("local/house:1.0")
    expect(page.get_by_label("Name", exact=True)).to_have_value(re.compile("^house"))
    name = page.get_by_label("Name", exact=True).input_value()
    page.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return name


def tab(page: Page, word: str) -> None:
    page.get_by_role("navigation", name="Sections of this deployment").get_by_role("link", name=word).click()


def pods_ready(client: httpx.Client, name: str, count: int) -> bool | None:
    pods = client.get(f"/teams/pricing/deployments/{name}/pods/").json()["results"]
    return (len(pods) == count and all(pod["ready"] for pod in pods)) or None


@pytest.mark.alone
def test_the_main_job(signed_in: Page, stack: Stack, client: httpx.Client) -> None:
    page = signed_in
    idle = pod_processes(stack)
    name = deploy_the_house_model(page)
    status = page.locator(".pill")
    expect(status).to_have_text(re.compile("pending|deploying|running"))
    listed = page.context.new_page()
    listed.goto(f"{stack.url}/deployments/?q={name}")
    row = listed.get_by_role("row").filter(has=listed.get_by_role("link", name=name, exact=True))

    until("the pod is ready", lambda: pods_ready(client, name, 1))
    ready_at = time.monotonic()
    expect(status).to_have_text(RUNNING, timeout=5 * SECOND)
    expect(row.locator(".state")).to_have_text(RUNNING, timeout=5 * SECOND)
    assert time.monotonic() - ready_at < 5
    listed.close()

    ask_for_a_price(page)
    endpoint = answer_from_outside(page, client)
    scale_to_five(page, stack, idle)
    delete_a_pod(page)
    follow_the_logs(page, endpoint)
    roll_out_the_next_version(page, endpoint, client)
    delete_by_typing_the_name(page, stack, name, idle)


def sample_of(client: httpx.Client) -> dict[str, Any]:
    """The sample request of version 1.0; version 2.0 answers it too."""
    versions = client.get("/teams/pricing/models/house/versions/").json()["results"]
    sample: dict[str, Any] = next(one for one in versions if one["version"] == "1.0")["sample_request"]
    return sample


def ask_for_a_price(page: Page) -> None:
    tab(page, "Try it")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answer-status")).to_have_text("200", timeout=15 * SECOND)
    expect(page.locator("#answer-body")).to_contain_text(re.compile(r"\d{4,}"))


def answer_from_outside(page: Page, client: httpx.Client) -> str:
    """The model's address, once it has answered something that is no browser of ours."""
    tab(page, "Overview")
    endpoint = page.locator("#endpoint").get_attribute("href")
    assert endpoint
    sample = sample_of(client)
    answer = httpx.post(endpoint + sample["path"], json=sample["body"], timeout=10, trust_env=False)
    assert answer.status_code == 200, answer.text
    return endpoint


def scale_to_five(page: Page, stack: Stack, idle: set[int]) -> None:
    page.get_by_label("Replicas", exact=True).fill("5")
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(page.locator("#pods tbody tr .state-running")).to_have_count(5, timeout=30 * SECOND)
    expect(page.locator("#status-message")).to_contain_text("5 of 5")
    assert len(pod_processes(stack) - idle) >= 5


def delete_a_pod(page: Page) -> None:
    pod = page.locator("#pods tbody tr").first
    name = pod.locator("a").first.inner_text()
    page.get_by_role("button", name=f"Delete pod {name}").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0, timeout=40 * SECOND)
    expect(page.locator("#pods tbody tr .state-running")).to_have_count(5, timeout=30 * SECOND)


def follow_the_logs(page: Page, endpoint: str) -> None:
    tab(page, "Logs")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    log = page.locator("#log")

    def heard() -> bool | None:
        # Until the upstream stands, a request may still come too early to be followed.
        marker = f"/{uuid.uuid4().hex}"
        httpx.get(endpoint + marker, timeout=10, trust_env=False)
        asked = time.monotonic()
        while time.monotonic() - asked < 1:
            if marker in log.inner_text():
                return True
        return None

    until("a new request is in the followed log within a second", heard, seconds=20)


def roll_out_the_next_version(page: Page, endpoint: str, client: httpx.Client) -> None:
    """Rolling, while 50 requests a second come in and none fails."""
    sample = sample_of(client)
    caller = Caller(endpoint + sample["path"], sample["body"], per_second=50)
    caller.start()
    until("requests flow", lambda: caller.sent > 50)
    tab(page, "Overview")
    page.get_by_label("Version", exact=True).select_option("2.0")
    page.get_by_role("button", name="Roll out").click()
    expect(page.get_by_role("heading", name="Rollout of revision 2")).to_be_visible(timeout=10 * SECOND)
    expect(page.locator(".pill")).to_have_text(RUNNING, timeout=60 * SECOND)
    expect(page.locator(".facts")).to_contain_text("local/house:2.0")
    expect(page.locator("#pods tbody tr")).to_have_count(5, timeout=60 * SECOND)
    caller.enough.set()
    caller.join(timeout=15)
    assert caller.failures == []
    assert len(caller.answers) == 2


def delete_by_typing_the_name(page: Page, stack: Stack, name: str, idle: set[int]) -> None:
    page.get_by_text("Delete this deployment").click()
    page.get_by_label(re.compile("to confirm")).fill(name)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".pill")).to_have_text("deleted", timeout=60 * SECOND)
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    left = stack.kubectl("get", "deployments,services,pods", "-n", "pricing", "-o", "name").stdout
    assert name not in left
    until("the pods' processes have ended", lambda: not pod_processes(stack) - idle or None)
    page.goto(f"{stack.url}/deployments/?state=deleted")
    expect(page.get_by_role("link", name=name).first).to_be_visible()


def test_the_same_pages_work_without_javascript(stack: Stack, browser: Browser, name: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stack.url)
    page.get_by_label("Username").fill("deployer")
    page.get_by_label("Password").fill(stack.passwords["deployer"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="New", exact=True).click()
    page.get_by_label("Image", exact=True).fill("local/house:1.0")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Deploy").click()
    # A page that is on its way to another one cannot be loaded again.
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    until(
        "it runs",
        lambda: (page.reload() and "running" in page.locator(".pill").inner_text()) or None,
        seconds=60,
    )
    page.get_by_role("button", name="One replica more").click()
    expect(page.get_by_label("Replicas", exact=True)).to_have_value("2")
    tab(page, "Try it")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answer-status")).to_have_text("200")
    tab(page, "Logs")
    expect(page.locator("#log")).not_to_be_empty()
    tab(page, "Settings")
    page.get_by_label(re.compile("to confirm")).fill(name)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".pill")).to_have_text(re.compile("deleting|deleted"))
    until(
        "it is gone",
        lambda: (page.reload() and "deleted" in page.locator(".pill").inner_text()) or None,
        seconds=60,
    )
    context.close()

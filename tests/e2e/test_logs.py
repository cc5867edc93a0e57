"""Logs in a browser: much of it, hostile ones, and those of what has crashed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stack import Stack, deployment_of, until

SECOND = 1000
LINES_PER_SECOND = 5000
LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
}).observe({ type: "longtask", buffered: true });
"""
HOSTILE = (
    '</script><img src=x onerror="window.harmed=1">\x1b[31mred\x1b[0m\x1b]0;title\x07'
    " one\rtwo\ndata: forged\u202ereversed"
)
SHOWN = '</script><img src=x onerror="window.harmed=1">red one\u240dtwo'

Deploy = Callable[..., str]


@pytest.fixture
def deploy(client: httpx.Client, name: str) -> Iterator[Deploy]:
    """Makes a deployment that runs; deleted after the test."""

    def make(image: str, variables: dict[str, str], *, state: str = "running") -> str:
        env = [{"name": key, "value": value} for key, value in variables.items()]
        body = {"name": name, "image": image, "port": 5001, "env": env}
        assert client.post("/teams/pricing/deployments/", json=body).status_code == 202
        until(state, lambda: deployment_of(client, name)["status"]["state"] == state, seconds=60)
        return name

    yield make
    client.delete(f"/teams/pricing/deployments/{name}/?wait=50")


def logs_of(stack: Stack, name: str, query: str = "") -> str:
    return f"{stack.url}/deployments/pricing/{name}/logs/{query}"


def count(page: Page) -> int:
    """How many lines the page says it has."""
    found = re.match(r"([\d,]+) line", page.locator("#log-tally").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def copied(page: Page) -> list[str]:
    """All lines of the page, as its button copies them."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#log-state")).to_contain_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text.splitlines()


@pytest.mark.alone
def test_five_thousand_lines_a_second_do_not_hold_the_page_up(
    signed_in: Page, stack: Stack, deploy: Deploy
) -> None:
    page = signed_in
    name = deploy("local/noisy:1.0", {"LOG_LINES_PER_SECOND": str(LINES_PER_SECOND)})
    page.add_init_script(LONG_TASKS)
    page.goto(logs_of(stack, name))
    until("it has many lines", lambda: count(page) > 40_000, seconds=60)

    # Whoever reads further up is not moved, and told what is new.
    page.locator("#log").hover()
    page.mouse.wheel(0, -3000)
    newer = page.locator("#log-newer")
    expect(newer).to_be_visible()
    read = page.locator(".log-line").first.inner_text()
    before = count(page)
    until("more lines come", lambda: count(page) > before + 5_000, seconds=30)
    assert page.locator(".log-line").first.inner_text() == read
    assert re.fullmatch(r"[\d,]+ new lines", newer.inner_text())
    newer.click()
    expect(newer).to_be_hidden()

    find = page.get_by_label("Find a regular expression")
    find.fill(r"line \d*00 of")
    expect(page.locator("[data-log-found]")).to_have_text(
        re.compile(r"^[\d,]{3,} lines"), timeout=20 * SECOND
    )
    find.press("Shift+Enter")
    expect(page.locator(".log-current mark")).to_have_text(re.compile(r"^line \d*00 of$"))
    assert page.locator(".log-line").count() < 200
    tasks: list[float] = page.evaluate("window.longTasks")
    # A machine with more to do than its processors may stop the page itself now and then.
    assert len([each for each in tasks if each >= 200]) <= len(tasks) // 20, tasks


def test_a_reader_that_is_too_slow_is_told_of_every_gap(
    signed_in: Page, stack: Stack, deploy: Deploy
) -> None:
    page = signed_in
    name = deploy("local/noisy:1.0", {"LOG_LINES_PER_SECOND": str(LINES_PER_SECOND)})
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    conditions: dict[str, Any] = {"offline": False, "latency": 0, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", {**conditions, "downloadThroughput": 100_000})
    page.goto(logs_of(stack, name))
    expect(page.locator("#log-tally")).to_contain_text("skipped", timeout=90 * SECOND)
    before = count(page)
    until("lines come after the gap", lambda: count(page) > before + 1000, seconds=60)
    page.get_by_role("button", name="Follow").click()
    expect(page.locator("#log-state")).to_have_text("Stopped following.")

    last, gaps, skipped = 0, 0, 0
    for line in copied(page):
        if note := re.match(r"([\d,]+) lines? skipped", line):
            skipped += int(note[1].replace(",", ""))
        elif found := re.search(r"line (\d+) of a program", line):
            number = int(found[1])
            assert number == last + 1 + skipped or not last, (last, number, skipped)
            gaps += bool(skipped)
            last, skipped = number, 0
    assert gaps


def test_a_pattern_without_end_is_given_up_and_the_page_goes_on(
    signed_in: Page, stack: Stack, deploy: Deploy
) -> None:
    page = signed_in
    name = deploy("local/house:1.0", {"MODEL_NAME": "a" * 40 + "!"})
    page.goto(logs_of(stack, name))
    expect(page.locator(".log")).to_contain_text("starting aaaa")
    find = page.get_by_label("Find a regular expression")
    find.fill("(a+)+$")
    expect(page.locator("#log-state")).to_contain_text("takes too long", timeout=20 * SECOND)
    find.fill("(")
    expect(page.locator("#log-state")).to_contain_text("no regular expression")
    expect(find).to_have_attribute("aria-invalid", "true")
    find.fill("a{40}!")
    expect(page.locator("[data-log-found]")).to_have_text("1 line")
    expect(page.locator(".log mark")).to_have_text("a" * 40 + "!")
    page.get_by_label("Only matches").check()
    expect(page.locator(".log-line")).to_have_count(1)


def test_what_a_container_writes_is_only_ever_text(
    signed_in: Page, stack: Stack, client: httpx.Client, deploy: Deploy
) -> None:
    page = signed_in
    name = deploy("local/house:1.0", {"MODEL_NAME": HOSTILE})
    for query in ("", "?plain=1"):
        page.goto(logs_of(stack, name, query))
        lines = page.locator(".log-line")
        expect(lines.nth(1)).to_contain_text("data: forged[U+202E]reversed")
        expect(lines.first).to_contain_text(SHOWN)
        assert page.locator(".log img").count() == 0
        assert page.evaluate("window.harmed") is None
    page.goto(logs_of(stack, name))
    expect(page.locator(".log .a1")).to_have_text("red")

    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    with httpx.Client(cookies=cookies, trust_env=False) as browser:
        file = browser.get(logs_of(stack, name, "download"))
        assert SHOWN in file.text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", file.text)
        assert file.headers["Content-Disposition"].startswith("attachment")
        assert file.headers["X-Content-Type-Options"] == "nosniff"
        assert file.headers["Content-Type"].startswith("text/plain")
    events = followed(client, name)
    assert not [each for each in events if "forged" in each and not each.startswith("data: {")]
    assert len([each for each in events if each.startswith("data: {") and "forged" in each]) == 1


def followed(client: httpx.Client, name: str) -> list[str]:
    """The first fields of the stream for programs, as far as the line in question."""
    lines: list[str] = []
    with client.stream("GET", f"/teams/pricing/deployments/{name}/logs/?follow=true") as answer:
        for line in answer.iter_lines():
            lines.append(line)
            if "serving on port" in line:
                break
    return lines


def test_what_crashed_is_readable_after_the_fix_when_its_pod_is_gone(
    signed_in: Page, stack: Stack, client: httpx.Client, deploy: Deploy
) -> None:
    page = signed_in
    name = deploy("local/crash:1.0", {}, state="failed")
    address = f"/teams/pricing/deployments/{name}/"
    until("it is kept", lambda: client.get(f"{address}logs/captured/").json()["count"], seconds=30)
    pods = {pod["name"] for pod in client.get(f"{address}pods/").json()["results"]}
    assert client.patch(address, json={"image": "local/house:1.0"}).status_code == 202
    until("it runs", lambda: deployment_of(client, name)["status"]["state"] == "running", seconds=60)

    def is_gone() -> bool:
        return not pods & {pod["name"] for pod in client.get(f"{address}pods/").json()["results"]}

    until("its pod is gone", is_gone)
    page.goto(logs_of(stack, name))
    expect(page.locator(".log")).to_contain_text("serving on port")
    page.get_by_role("link", name=pods.pop()).first.click()
    expect(page.locator(".log")).to_contain_text("FileNotFoundError")
    expect(page.locator(".log-chosen")).to_contain_text("exit code 1")
    expect(page.locator(".log .l-error").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert "FileNotFoundError" in download.value.path().read_text()
    page.get_by_role("link", name="Back to the present lines").click()
    expect(page.locator(".log")).to_contain_text("serving on port")

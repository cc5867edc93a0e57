"""Make the pictures of docs/guide.md and docs/guia.md: `.venv/bin/python -m devtools.walk en pt-br`.

Starts a product of its own and goes steps 4 to 9 by click in a headless Chromium, once for each
language that is named (without one, English). It finds things by ids and addresses, never by words.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Protocol

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from devtools.pictures import slim
from tests.e2e.stack import Stack, deployment_of, free_node_port, until

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "images"
# language: how its pictures' names begin, and what its browser asks for
LANGUAGES = {"en": ("guide", "en-US"), "pt-br": ("guia", "pt-BR")}
IMAGE = "local/house:1.0"
NODE_PORT = 30_001
"""As in the guide, if nobody else on this machine has it."""
RESOURCES = {"cpu": "500m", "memory": "256Mi", "cpu_limit": "1", "memory_limit": "512Mi"}
WIDTH, HEIGHT = 1440, 860
SECOND = 1000


class Keep(Protocol):
    """Takes the picture of a step: of what is in the window, or of the whole page."""

    def __call__(self, name: str, *, whole: bool = False) -> None: ...


def main(languages: list[str]) -> None:
    """Write the pictures of each language."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "data").start()
        try:
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                for language in languages:
                    walk(chromium, stack, language)
                chromium.close()
        finally:
            stack.stop()


def walk(chromium: Browser, stack: Stack, language: str) -> None:
    """The steps in one language, with a picture of each."""
    prefix, locale = LANGUAGES[language]
    context = chromium.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale=locale
    )
    context.add_cookies([{"name": "timoneiro_language", "value": language, "url": stack.url}])
    page = context.new_page()

    def keep(name: str, *, whole: bool = False) -> None:
        if whole:
            # A window as high as the page: what sticks to an edge would else be in the middle of the picture.
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.evaluate("scrollTo(0, 0)")
        picture = page.screenshot(animations="disabled")
        (PICTURES / f"{prefix}-{name}.png").write_bytes(slim(picture))
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    sign_in(page, stack)
    follow(page, stack, keep)
    context.close()


def sign_in(page: Page, stack: Stack) -> None:
    page.goto(stack.url)
    page.locator("#username").fill("deployer")
    page.locator("#password").fill(stack.passwords["deployer"])
    page.locator("form.sign-in-form button.btn-primary").click()
    page.wait_for_url(f"{stack.url}/")


def follow(page: Page, stack: Stack, keep: Keep) -> None:
    """From the overview of somebody who is signed in through all the steps; nothing is left of it."""
    name = describe(page)
    keep("4-describe", whole=True)
    apply(page, name)
    keep("5-apply")
    reach(page)
    keep("6-reach")
    with stack.client() as api:
        scale(page, api, name)
        keep("7-scale")
        read_logs(page)
        keep("8-logs")
        read_events(page)
        keep("8-events")
        ask_for_the_end(page, name)
        keep("9-delete")
        end(page, api, name)


def describe(page: Page) -> str:
    """Step 4: the form, and beside it what the cluster will be told. Answers the suggested name."""
    node_port = str(free_node_port(NODE_PORT))
    page.locator("a.side-new").click()
    page.locator("#image").press_sequentially(IMAGE)
    expect(page.locator("#name")).to_have_value(re.compile("^house"))
    page.locator("#section-scaling summary").click()
    page.locator("#replicas").fill("2")
    page.locator("#section-resources summary").click()
    for field, text in RESOURCES.items():
        page.locator(f"#resources-{field}").fill(text)
    page.locator("#section-network summary").click()
    page.locator("#service-type").select_option("NodePort")
    page.locator("#service-port").fill("5001")
    page.locator("#service-node_port").fill(node_port)
    expect(page.locator("#preview-body")).to_contain_text(f"nodePort: {node_port}")
    page.locator("#preflight .check-cost").wait_for(timeout=60 * SECOND)
    return page.locator("#name").input_value()


def apply(page: Page, name: str) -> None:
    """Step 5: Deploy, and two pods that are ready."""
    page.locator("form.form .form-foot button.btn-primary").click()
    page.wait_for_url(f"**/deployments/pricing/{name}/")
    expect(page.locator(".pill .state-running")).to_be_visible(timeout=90 * SECOND)
    expect(page.locator("#pods .state-running")).to_have_count(2)


def reach(page: Page) -> None:
    """Step 6: the sample request, sent."""
    page.locator("nav.tabs a[href$='/try/']").click()
    page.locator("#exchange form button[type=submit]").click()
    expect(page.locator("#answer-status")).to_be_visible(timeout=30 * SECOND)


def scale(page: Page, api: httpx.Client, name: str) -> None:
    """Step 7: five replicas."""
    page.locator(f"nav.tabs a[href$='/{name}/']").click()
    page.locator("#replicas").fill("5")
    page.locator("#scale .control-line > button").click()
    until(
        "five replicas are ready",
        lambda: deployment_of(api, name)["status"]["ready_replicas"] == 5,
        seconds=90,
    )
    expect(page.locator("#pods .state-running")).to_have_count(5, timeout=30 * SECOND)


def read_logs(page: Page) -> None:
    """Step 8: the lines of all five."""
    page.locator("nav.tabs a[href$='/logs/']").click()
    expect(page.locator("#log .log-line").first).to_be_visible(timeout=30 * SECOND)


def read_events(page: Page) -> None:
    """Step 8: what the cluster did."""
    page.locator("nav.tabs a[href$='/events/']").click()
    expect(page.locator("table.events tbody tr").first).to_be_visible(timeout=30 * SECOND)


def ask_for_the_end(page: Page, name: str) -> None:
    """Step 9: the deployment's name, typed, where it is deleted."""
    page.locator(f"nav.tabs a[href$='/{name}/']").click()
    page.locator("#delete summary").click()
    page.locator("#confirm").fill(name)
    page.locator("#delete button[type=submit]").scroll_into_view_if_needed()


def end(page: Page, api: httpx.Client, name: str) -> None:
    """Step 9: gone, so that another language begins where this one did."""
    page.locator("#delete button[type=submit]").click()
    until(
        f"{name} is gone",
        lambda: api.get(f"/teams/pricing/deployments/{name}/").status_code == 404,
        seconds=90,
    )


if __name__ == "__main__":
    main(sys.argv[1:] or ["en"])

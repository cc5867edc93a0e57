"""One running product and one browser for the whole run; a fresh page, and fresh names, for each test."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.stack import Stack

# Three products and three browsers share what may be two slow cores: nothing here promises a speed but
# what is marked `alone`, and that says for itself how long it waits.
expect.set_options(timeout=20_000)
TIMEOUT_SECONDS = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, running; shared by tests that leave it as they found it."""
    running = Stack(tmp_path_factory.mktemp("stack") / "data").start()
    yield running
    assert running.stop() == 0, "\n".join(running.output[-40:])


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as api:
        yield api


@pytest.fixture
def name() -> str:
    """A deployment name nobody else uses."""
    return f"house-{uuid.uuid4().hex[:6]}"


def chromium() -> str | None:
    """Path of a Chromium on this machine: CHROMIUM, else one on PATH."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None or not Path(path).exists():
        message = "no Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new visitor; a script error on it fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors


@pytest.fixture
def signed_in(page: Page, stack: Stack) -> Page:
    """The deployer, signed in, on the overview."""
    return sign_in(page, stack, "deployer")


def sign_in(page: Page, stack: Stack, user: str) -> Page:
    """Signs `user` in through the form."""
    page.goto(stack.url)
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(stack.passwords[user])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.url}/")
    return page

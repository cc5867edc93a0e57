"""A first deployment as somebody new to Kubernetes makes it: by two clicks, by keys, on a phone."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack

SECOND = 1000
COUNTED = """
() => {
  window.counted = JSON.parse(sessionStorage.counted || '{"clicks": 0, "fields": []}');
  const keep = () => sessionStorage.counted = JSON.stringify(window.counted);
  addEventListener("click", (event) => {
    // Keys that press a button have no detail.
    if (event.detail) { window.counted.clicks++; keep(); }
  }, true);
  addEventListener("keydown", (event) => {
    const name = event.target.name;
    if (name && !window.counted.fields.includes(name)) { window.counted.fields.push(name); keep(); }
  }, true);
}
"""


@pytest.fixture
def phone(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The deployer on a phone, in the dark."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    yield sign_in(context.new_page(), stack, "deployer")
    context.close()


@pytest.fixture
def made(client: httpx.Client) -> Iterator[list[str]]:
    """Names of what a test deployed; deleted after it."""
    names: list[str] = []
    yield names
    for name in names:
        client.delete(f"/teams/pricing/deployments/{name}/?wait=50")


def remember(page: Page, made: list[str]) -> str:
    expect(page).to_have_url(re.compile("/deployments/pricing/[a-z0-9-]+/$"))
    made.append(page.url.rstrip("/").rpartition("/")[2])
    return made[-1]


def test_two_clicks_and_one_typed_field(signed_in: Page, made: list[str]) -> None:
    page = signed_in
    page.add_init_script(f"({COUNTED})()")
    page.reload()
    page.get_by_role("link", name="New", exact=True).click()
    expect(page.get_by_label("Image", exact=True)).to_be_focused()
    page.keyboard.type("local/house:1.0", delay=10)
    expect(page.get_by_label("Name", exact=True)).to_have_value(re.compile("^house"))
    page.get_by_role("button", name="Deploy").click()
    name = remember(page, made)
    assert page.evaluate("JSON.parse(sessionStorage.counted)") == {"clicks": 2, "fields": ["image"]}
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".pill")).to_have_text(re.compile("running"), timeout=60 * SECOND)


def test_what_is_typed_before_the_scripts_have_come_is_heard(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    held: list[Route] = []
    # One by one as they are asked for; those that are held come in the end.
    # Playwright writes on its handlers, which a built-in method does not allow.
    page.route(re.compile(r"/static/.*\.js"), lambda route: held.append(route))  # noqa: PLW0108
    page.goto(f"{stack.url}/deployments/new", wait_until="commit")
    page.get_by_label("Image", exact=True).fill("local/house:1.0")
    while held:
        held.pop(0).continue_()
        page.wait_for_timeout(100)
    expect(page.get_by_label("Name", exact=True)).to_have_value(re.compile("^house"))
    expect(page.locator("#preview-body")).to_contain_text("local/house:1.0")


def test_the_preview_follows_and_neither_it_nor_the_checks_move_anything(
    signed_in: Page, stack: Stack
) -> None:
    page = signed_in
    page.goto(f"{stack.url}/deployments/new")
    image = page.get_by_label("Image", exact=True)
    deploy = page.get_by_role("button", name="Deploy")
    manifests = page.locator("#preview-body")
    title = page.get_by_role("heading", name="Manifests")
    places = [one.bounding_box() for one in (image, deploy, title)]
    image.press_sequentially("local/house:1.0", delay=30)
    expect(manifests).to_contain_text("image: local/house:1.0")
    expect(image).to_be_focused()
    expect(page.locator("#preflight .check-ok").first).to_be_visible(timeout=15 * SECOND)
    # A team that has deployed nothing has no namespace to try it in.
    expect(page.locator("#preflight")).to_contain_text(re.compile("would accept|has not tried"))
    expect(image).to_be_focused()
    expect(image).to_have_value("local/house:1.0")
    for before, one in zip(places, (image, deploy, title), strict=True):
        after = one.bounding_box()
        assert before and after
        assert (before["x"], before["y"]) == (after["x"], after["y"])
    page.get_by_text("medium", exact=True).click()
    expect(manifests).to_contain_text("memory: 512Mi")


def test_by_keyboard_alone(signed_in: Page, stack: Stack, made: list[str]) -> None:
    page = signed_in
    page.goto(f"{stack.url}/deployments/new")
    keys = page.keyboard
    keys.type("local/iris:1.0")
    expect(page.get_by_label("Name", exact=True)).to_have_value(re.compile("^iris"))
    summary = page.locator("#section-env summary")
    for _ in range(15):
        keys.press("Tab")
        if summary.evaluate("one => one === document.activeElement"):
            break
    keys.press("Enter")
    expect(page.locator("#section-env")).to_have_attribute("open", "")
    keys.press("Tab")
    keys.type("API_KEY")
    keys.press("Tab")
    keys.press("s")
    keys.press("Tab")
    keys.type("a secret nobody sees")
    expect(page.locator("#sum-env")).to_have_text("1 secret")
    page.get_by_label("Image", exact=True).focus()
    keys.press("Enter")
    name = remember(page, made)
    page.goto(f"{stack.url}/deployments/pricing/{name}/settings/")
    expect(page.locator("#sum-env")).to_have_text("1 secret")
    assert "nobody sees" not in page.content()


def test_on_a_phone_a_mistake_is_found_and_put_right(phone: Page, stack: Stack, made: list[str]) -> None:
    phone.goto(f"{stack.url}/deployments/new")
    phone.get_by_label("Image", exact=True).fill("local/house:1.0")
    phone.locator("#section-resources summary").click()
    phone.get_by_label("Memory", exact=True).fill("1Gb")
    link = phone.locator("#preview-status").get_by_role("link", name="Write memory as")
    expect(link).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.locator("#section-resources summary").click()
    link.click()
    memory = phone.get_by_label("Memory", exact=True)
    expect(memory).to_be_focused()
    memory.fill("64Mi")
    expect(phone.locator("#preview-body")).to_contain_text("memory: 64Mi")
    phone.get_by_role("button", name="Deploy").click()
    remember(phone, made)


def test_an_edit_shows_what_it_changes_before_it_is_saved(
    signed_in: Page, stack: Stack, client: httpx.Client, made: list[str], name: str
) -> None:
    page = signed_in
    made.append(name)
    client.post("/teams/pricing/deployments/?wait=40", json={"name": name, "image": "local/iris:1.0"})
    page.goto(f"{stack.url}/deployments/pricing/{name}/settings/")
    page.locator("#section-scaling summary").click()
    page.get_by_label("Replicas", exact=True).fill("2")
    expect(page.locator(".diff-add").first).to_be_visible()
    expect(page.locator("#preview-status")).to_contain_text("No pod is replaced")

    client.patch(f"/teams/pricing/deployments/{name}/", json={"health_path": "/healthz?by=other"})
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed it meanwhile")
    page.get_by_role("button", name="Save with both changes").click()
    expect(page.locator(".pill")).to_have_text(re.compile("running"), timeout=60 * SECOND)
    wanted = client.get(f"/teams/pricing/deployments/{name}/").json()
    assert (wanted["replicas"], wanted["health_path"]) == (2, "/healthz?by=other")


def test_signing_out_elsewhere_does_not_take_away_what_is_typed(signed_in: Page, stack: Stack) -> None:
    typing = signed_in.context.new_page()
    typing.goto(f"{stack.url}/deployments/new")
    image = typing.get_by_label("Image", exact=True)
    image.press_sequentially("local/house:")
    signed_in.goto(f"{stack.url}/account/")
    signed_in.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    signed_in.wait_for_url(re.compile("/sign-in/"))
    image.press_sequentially("1.0")
    expect(typing.locator("#preview-status")).to_contain_text("signed out", timeout=10 * SECOND)
    expect(image).to_have_value("local/house:1.0")

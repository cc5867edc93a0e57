"""Every page: what axe finds, in the light and in the dark, with all that opens open; narrow; and by keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack

SCHEMES = ("light", "dark")
# A telephone, which is also a window of 1280 px at four times the size; and one of 1440 px at twice.
NARROW = (320, 720)
STICKING_OUT = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const scrolls = (one) => one && one !== root && (one !== document.body
    && /auto|scroll|hidden|clip/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  return [...document.body.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(one.parentElement))
    .slice(0, 5).map((one) => one.outerHTML.slice(0, 120))
    .concat(`${root.scrollWidth} px are needed`);
}"""
TEAM = "/teams/pricing"
SERVED, BROKEN = "accessible-house", "accessible-crash"
TABS = ("", "logs/", "events/", "revisions/", "scaling/", "usage/", "try/", "yaml/", "audit/", "settings/")
PAGES = (
    "/",
    "/deployments/",
    "/deployments/?q=nothing-is-called-this",
    f"/deployments/bulk?action=pause&chosen=pricing/{SERVED}",
    "/deployments/new",
    f"/deployments/new?clone=pricing/{SERVED}",
    *(f"/deployments/pricing/{SERVED}/{tab}" for tab in TABS),
    f"/deployments/pricing/{SERVED}/revisions/?from=1&to=2",
    f"/deployments/pricing/{SERVED}/revisions/1/roll-back",
    f"/deployments/pricing/{BROKEN}/",
    f"/deployments/pricing/{BROKEN}/scaling/",
    "/usage/savings/",
    f"/deployments/pricing/{SERVED}/sizing/",
    "/usage/",
    "/usage/?by=models&window=1h&node=local",
    "/models/",
    "/models/new",
    "/models/pricing/house/",
    "/models/pricing/house/edit",
    "/models/pricing/house/versions/new",
    "/models/pricing/house/versions/1.0/edit",
    "/teams/",
    "/teams/new",
    "/teams/pricing/",
    "/teams/pricing/audit/",
    "/teams/pricing/audit/?q=nothing-is-called-this",
    "/clusters/",
    "/clusters/connect",
    "/clusters/local/",
    "/clusters/local/permissions",
    "/clusters/local/namespaces/pricing/",
    "/platform/",
    "/platform/audit/",
    "/platform/sizes/new",
    "/platform/sizes/small/",
    "/platform/clusters/local/",
    "/platform/clusters/local/nodes/new",
    "/notifications/",
    "/account/",
    "/account/password",
    "/account/confirm",
    "/account/two-factor/",
    "/there-is-no-such-page",
)


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Iterator[None]:
    """One deployment with a past, a schedule and a secret; one that is broken and grows by itself."""
    served = {
        "name": SERVED,
        "image": "local/house:1.0",
        "service": {"type": "NodePort"},
        "env": [{"name": "API_KEY", "value": "nobody reads this", "secret": True}],
    }
    growing = {"min_replicas": 1, "max_replicas": 3, "target_cpu_percent": 70}
    with stack.client("admin", "admin") as admin:
        ask(admin, "POST", f"{TEAM}/service-accounts/", {"name": "accessible"})
        token = {"service_account": "accessible", "name": "pipeline", "scopes": ["read"]}
        ask(admin, "POST", f"{TEAM}/tokens/", token)
    with stack.client("lead") as lead:
        try:
            ask(lead, "POST", f"{TEAM}/deployments/?wait=40", served)
            ask(lead, "PATCH", f"{TEAM}/deployments/{SERVED}/", {"resources": {"memory_limit": "300Mi"}})
            schedule = {"cron": "0 8 * * 1-5", "replicas": 2}
            ask(lead, "POST", f"{TEAM}/deployments/{SERVED}/schedules/", schedule)
            broken = {"name": BROKEN, "image": "local/crash:1.0", "autoscaling": growing}
            ask(lead, "POST", f"{TEAM}/deployments/?wait=10", broken)
            yield
        finally:
            for name in (SERVED, BROKEN):
                lead.delete(f"{TEAM}/deployments/{name}/?wait=50")


@pytest.fixture(scope="module")
def admin(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Whoever sees every page; without motion, so that nothing is half faded when it is looked at."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    yield sign_in(context.new_page(), stack, "admin")
    context.close()


def ask(client: httpx.Client, method: str, path: str, payload: Mapping[str, object]) -> None:
    client.request(method, path, json=payload).raise_for_status()


def violations(page: Page) -> list[str]:
    """What axe has against the page as it is, in both colour schemes. Only colours differ between them."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        only = {} if scheme == SCHEMES[0] else {"runOnly": ["color-contrast"]}
        answer = Axe().run(page, options={"resultTypes": ["violations"], **only}).response
        assert answer["passes"], "axe looked at nothing"
        for rule in answer["violations"]:
            places = ", ".join(str(node["target"][0]) for node in rule["nodes"])
            found.append(f"{page.url}, {scheme}: {rule['help']} ({rule['id']}): {places}")
    return found


def sideways(page: Page) -> list[str]:
    """What sticks out of the page where it is narrow, and is in no box that scrolls by itself."""
    found = []
    size = page.viewport_size
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{page.url}, {width} px wide: {what}" for what in page.evaluate(STICKING_OUT)]
    assert size is not None
    page.set_viewport_size(size)
    return found


@dataclass
class Found:
    """In words, of all pages together: each is opened once for all that is asked of it."""

    violations: list[str] = field(default_factory=list)
    sideways: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def found(deployed: None, admin: Page, stack: Stack) -> Found:
    looked = Found()
    for path in PAGES:
        admin.goto(stack.url + path, wait_until="load")
        looked.violations += violations(admin)
        looked.sideways += sideways(admin)
    return looked


def test_axe_has_nothing_against_any_page(found: Found) -> None:
    assert not found.violations, "\n".join(found.violations)


def test_no_page_scrolls_sideways_on_a_small_screen_or_at_twice_the_size(found: Found) -> None:
    assert not found.sideways, "\n".join(found.sideways)


def test_the_page_and_its_menu_are_worked_by_keyboard(admin: Page, stack: Stack) -> None:
    admin.goto(f"{stack.url}/deployments/", wait_until="load")
    admin.keyboard.press("Tab")
    assert admin.evaluate("document.activeElement.textContent") == "Skip to content"
    admin.keyboard.press("Enter")
    admin.wait_for_function("document.activeElement.id === 'main'")
    menu = admin.locator("details.menu")
    menu.locator("summary").focus()
    admin.keyboard.press("Enter")
    menu.get_by_role("link", name="Account", exact=True).wait_for()
    admin.keyboard.press("Tab")
    assert admin.evaluate("document.activeElement.getAttribute('href')") == "/account/"
    admin.keyboard.press("Escape")
    admin.wait_for_function("!document.querySelector('details.menu').open")
    assert admin.evaluate("document.activeElement.tagName") == "SUMMARY"
    admin.keyboard.press("Enter")
    for _ in range(3):
        admin.keyboard.press("Tab")
    assert "Sign out" in admin.evaluate("document.activeElement.textContent")
    # Whoever cannot see a focus is lost: each thing that has it shows it.
    assert admin.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_axe_has_nothing_against_refused_forms(admin: Page, stack: Stack) -> None:
    found = []
    for path, button in (
        ("/deployments/new", "Deploy"),
        ("/models/new", "Add"),
        ("/platform/sizes/new", "Add"),
    ):
        admin.goto(stack.url + path, wait_until="load")
        admin.locator("main").get_by_role("button", name=button, exact=True).click()
        admin.get_by_role("alert").first.wait_for()
        found += violations(admin)
    assert not found, "\n".join(found)


def test_axe_has_nothing_against_the_way_in(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{stack.url}/sign-in/", wait_until="load")
    found = violations(page)
    sign_in(page, stack, "lead")
    page.goto(f"{stack.url}/teams/pricing/", wait_until="load")
    page.get_by_label("Name or e-mail").fill("ana@example.org")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#new-link").inner_text()
    found += violations(page)
    page.goto(link, wait_until="load")
    found += violations(page)
    page.goto(f"{stack.url}/account/two-factor/codes/add", wait_until="load")
    page.get_by_label("Password").fill(stack.passwords["lead"])
    page.get_by_role("button", name="Confirm").click()
    page.locator("#totp-key").wait_for()
    found += violations(page)
    page.context.clear_cookies()
    page.goto(link, wait_until="load")
    page.get_by_role("button", name="Make my account").click()
    page.get_by_role("alert").first.wait_for()
    found += violations(page)
    context.close()
    assert not found, "\n".join(found)

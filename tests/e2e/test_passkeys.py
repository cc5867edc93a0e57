"""A passkey in a real browser: made, signed in with alone, and removed."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.stack import Stack


def test_a_passkey_signs_in_without_a_password(page: Page, stack: Stack) -> None:
    # Browsers keep passkeys for names, not for addresses of interfaces.
    url = stack.url.replace("127.0.0.1", "localhost")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    page.goto(f"{url}/account/two-factor/passkeys/add")
    page.get_by_label("Username").fill("viewer")
    page.get_by_label("Password").fill(stack.passwords["viewer"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Password").fill(stack.passwords["viewer"])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("telephone")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    page.goto(f"{url}/account/")
    page.locator("main").get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(re.compile("/sign-in/"))
    page.goto(f"{url}/sign-in/?next=/account/two-factor/")
    page.get_by_role("button", name="Use a passkey").click()

    # What is changed about it asks again who is there, and the passkey will do.
    page.wait_for_url(f"{url}/account/two-factor/")
    expect(page.get_by_role("cell", name="sign in alone")).to_be_visible()
    page.get_by_role("link", name="Remove telephone").click()
    page.get_by_role("link", name=re.compile("security key|passkey")).click()
    page.get_by_role("button", name="Use a passkey").click()
    page.locator("main").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("link", name="Remove telephone")).to_have_count(0)
    expect(page.get_by_text("Only your password is asked for")).to_be_visible()

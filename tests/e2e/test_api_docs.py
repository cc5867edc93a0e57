"""The documentation of the API is read and tried from our own server, under its own policy."""

from playwright.sync_api import Page, expect

from tests.e2e.stack import Stack


def test_the_api_is_read_and_tried_without_a_foreign_file(signed_in: Page, stack: Stack) -> None:
    said: list[str] = []
    asked: set[str] = set()
    signed_in.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    signed_in.on("request", lambda request: asked.add(request.url))
    # Every method has an address of its own, on which it is open.
    signed_in.goto(f"{stack.url}/api/docs/#/operations%20and%20me/read_me")
    me = signed_in.locator("#operations-operations_and_me-read_me")
    # An example of the answer is shown before anything is asked.
    expect(me).to_contain_text('"username": "deployer"', timeout=60_000)
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    expect(me.locator(".live-responses-table")).to_contain_text('"is_admin": false')
    expect(me.locator(".live-responses-table")).to_contain_text("ratelimit-policy")
    # What Swagger UI says of its own future is no refusal of the browser's.
    assert [text for text in said if not text.startswith("Deprecated:")] == []
    assert not [url for url in asked if not url.startswith((stack.url, "data:", "blob:"))]

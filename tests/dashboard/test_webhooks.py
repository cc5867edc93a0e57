"""Webhooks on a team's pages: leads keep them, others read, and the secret is shown once."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments import webhooks
from deployments.models import Delivery, Happening, Webhook
from deployments.sealing import ensure_sealing_key
from teams.models import Team

URL = "https://example.org/hooks/s3cr3t"
Browsers = Callable[[User], Client]


@pytest.fixture(autouse=True)
def sealing(db: None) -> None:
    ensure_sealing_key()


@pytest.fixture
def leads_browser(lead: User, browser_of: Browsers) -> Client:
    return browser_of(lead)


@pytest.fixture
def hook(leads_browser: Client, team: Team) -> Webhook:
    add(leads_browser, url=URL, events=["deployment.failed"], enabled=["false", "true"])
    return Webhook.objects.get()


def add(client: Client, **typed: Any) -> Any:
    return client.post(reverse("team-webhook-new", args=["pricing"]), typed)


def page_of(client: Client, hook: Webhook, **asked: str) -> str:
    return client.get(reverse("team-webhook", args=["pricing", hook.pk]), asked).content.decode()


def test_the_secret_is_shown_once_and_kept_by_no_cache(leads_browser: Client, team: Team) -> None:
    form = leads_browser.get(reverse("team-webhook-new", args=["pricing"])).content.decode()
    assert form.count('name="events"') == form.count(" checked") - 1 == 5
    answer = add(leads_browser, url=URL, events=["deployment.failed", "rollout.finished"], enabled="true")
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store, private, no-cache")
    found = re.search(r'id="secret">([^<]{32,})<', answer.content.decode())
    assert found
    hook = Webhook.objects.get()
    assert (hook.url, hook.events, hook.enabled) == (URL, ["deployment.failed", "rollout.finished"], True)
    for page in (page_of(leads_browser, hook), leads_browser.get(reverse("team", args=["pricing"]))):
        text = page if isinstance(page, str) else page.content.decode()
        assert found[1] not in text
        assert URL in text


def test_a_mistake_is_told_at_its_field_and_what_was_typed_stays(leads_browser: Client, team: Team) -> None:
    answer = add(leads_browser, url="http://10.0.0.1/x", events=["deployment.failed"])
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "not on the public internet" in page
    assert 'value="http://10.0.0.1/x"' in page
    assert page.count(" checked") == 1
    assert "at least one event" in add(leads_browser, url=URL).content.decode()
    assert not Webhook.objects.exists()


def test_a_webhook_is_changed_switched_off_and_deleted(leads_browser: Client, hook: Webhook) -> None:
    typed = {"url": URL + "2", "events": ["deployment.running"], "enabled": "false"}
    address = reverse("team-webhook", args=["pricing", hook.pk])
    assert leads_browser.post(address, typed)["Location"] == address
    hook.refresh_from_db()
    assert (hook.url, hook.events, hook.enabled) == (URL + "2", ["deployment.running"], False)
    assert leads_browser.post(address, {**typed, "url": ""}).status_code == 422
    deleted = leads_browser.post(reverse("team-webhook-delete", args=["pricing", hook.pk]))
    assert deleted["Location"] == reverse("team", args=["pricing"])
    assert not Webhook.objects.exists()


def test_a_test_shows_in_the_log_what_became_of_it(leads_browser: Client, hook: Webhook) -> None:
    leads_browser.post(reverse("team-webhook-test", args=["pricing", hook.pk]))
    page = page_of(leads_browser, hook)
    assert "webhook.test" in page
    assert "every 2s" in page
    # A name that leads inside by now: given up, with the reason, and nobody looks again.
    Webhook.objects.update(url="http://127.0.0.1:9/")
    webhooks.deliver(Delivery.objects.get().pk)
    page = page_of(leads_browser, hook)
    assert "not on the public internet" in page
    assert "every 2s" not in page
    assert "1 not delivered" in leads_browser.get(reverse("team", args=["pricing"])).content.decode()


def test_an_answer_is_inert_in_the_log(leads_browser: Client, hook: Webhook, team: Team) -> None:
    happening = Happening.objects.create(team=team, kind="webhook.test", text="t", payload={})
    answer = "</script><img src=x onerror=alert(1)>\x1b[2J\u202e"
    Delivery.objects.create(webhook=hook, happening=happening, state="failed", answer=answer, status=500)
    page = page_of(leads_browser, hook)
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\\u202e" in page
    assert not {"\x1b", "\u202e"} & set(page)


def test_others_read_without_the_path_and_without_buttons(
    browser_of: Browsers, viewer: User, hook: Webhook
) -> None:
    client = browser_of(viewer)
    for page in (
        page_of(client, hook),
        client.get(reverse("team", args=["pricing"])).content.decode(),
    ):
        assert "https://example.org/..." in page
        assert "s3cr3t" not in page
        assert reverse("team-webhook-test", args=["pricing", hook.pk]) not in page
        assert reverse("team-webhook-new", args=["pricing"]) not in page

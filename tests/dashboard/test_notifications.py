"""The bell: what happened in my teams, how much of it is new to me, and nothing of others."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.models import Deployment, Happening, SeenHappenings
from deployments.webhooks.outbox import tell

Browsers = Callable[[User], Client]
PAGE = "notifications"


@pytest.fixture
def failed(deployment: Deployment) -> Happening:
    return tell(deployment, "deployment.failed", "It keeps ending <b>\u202e")


def bell_of(client: Client) -> str:
    return client.get(reverse("notifications-bell")).content.decode()


def see(client: Client, until: str = "", **headers: str) -> Any:
    return client.post(reverse("notifications-seen"), {"until": until}, headers=headers)


def test_what_is_new_is_counted_until_it_is_seen(browser: Client, failed: Happening) -> None:
    assert 'id="bell-count">1<' in bell_of(browser)
    page = browser.get(reverse(PAGE)).content.decode()
    assert 'class="is-new"' in page
    assert "It keeps ending &lt;b&gt;\\u202e" in page
    assert reverse("deployment", args=["pricing", "house-prices"]) in page
    # To look is not yet to have seen: that is a write.
    assert "bell-count" in bell_of(browser)
    bell = see(browser, failed.at.isoformat(), HX_Request="true")
    assert bell.status_code == 200
    assert 'id="bell"' in bell.content.decode()
    assert "bell-count" not in bell.content.decode()
    assert 'class="is-new"' not in browser.get(reverse(PAGE)).content.decode()


def test_without_a_script_a_button_marks_them(browser: Client, failed: Happening) -> None:
    assert see(browser, "nonsense")["Location"] == reverse(PAGE)
    assert "bell-count" not in bell_of(browser)


def test_what_comes_after_is_new_and_what_was_seen_stays_seen(
    browser: Client, deployer: User, deployment: Deployment, failed: Happening
) -> None:
    see(browser, failed.at.isoformat())
    tell(deployment, "deployment.running", "1 of 1", at=failed.at + timedelta(milliseconds=1))
    assert 'id="bell-count">1<' in bell_of(browser)
    see(browser, (failed.at - timedelta(days=1)).isoformat())
    assert SeenHappenings.objects.get(user=deployer).until == failed.at
    see(browser, (timezone.now() + timedelta(days=9)).isoformat())
    assert SeenHappenings.objects.get(user=deployer).until <= timezone.now()


def test_everybody_has_their_own_bell(
    browser: Client, browser_of: Browsers, viewer: User, stranger: User, failed: Happening
) -> None:
    see(browser)
    assert "bell-count" in bell_of(browser_of(viewer))
    assert "bell-count" not in bell_of(browser_of(stranger))
    assert "It keeps ending" not in browser_of(stranger).get(reverse(PAGE)).content.decode()


def test_what_was_before_one_joined_and_tests_of_webhooks_are_no_news(
    browser_of: Browsers, viewer: User, deployment: Deployment, failed: Happening
) -> None:
    Happening.objects.create(team=deployment.team, kind="webhook.test", text="testing", payload={})
    Happening.objects.filter(pk=failed.pk).update(at=viewer.date_joined - timedelta(days=1))
    client = browser_of(viewer)
    assert "bell-count" not in bell_of(client)
    page = client.get(reverse(PAGE)).content.decode()
    assert "It keeps ending" in page
    assert "testing" not in page


def test_the_bell_is_on_every_page_and_costs_a_fixed_number_of_queries(
    browser: Client, deployment: Deployment, failed: Happening, django_assert_max_num_queries: Any
) -> None:
    for number in range(130):
        tell(deployment, "deployment.running", str(number))
    for address in ("overview", "deployments", "teams", PAGE):
        assert 'id="bell-count">99+<' in browser.get(reverse(address), follow=True).content.decode(), address
    with django_assert_max_num_queries(4):
        bell_of(browser)
    with django_assert_max_num_queries(8):
        page = browser.get(reverse(PAGE)).content.decode()
    assert page.count('<li id="happening-') == 50


def test_nothing_yet_says_what_will_be_there(browser: Client) -> None:
    assert "Nothing has happened yet" in browser.get(reverse(PAGE)).content.decode()

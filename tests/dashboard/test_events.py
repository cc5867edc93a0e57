"""The events page: plain words beside the cluster's, repeats folded, filters in the address."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deployments.models import Deployment, Event, State

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Say = Callable[..., Event]


@pytest.fixture
def say(deployment: Deployment) -> Say:
    """Has the cluster say something about the deployment `minutes` after noon."""

    def said(reason: str, minutes: int = 0, **more: Any) -> Event:
        at = NOON + timedelta(minutes=minutes)
        columns = {
            "type": "Normal",
            "message": "words",
            "object_kind": "Pod",
            "object_name": "house-1",
            "first_at": at,
            "last_at": at,
            **more,
        }
        uid = f"event-{Event.objects.count()}"
        return Event.objects.create(
            cluster=deployment.cluster, deployment=deployment, uid=uid, reason=reason, **columns
        )

    return said


def page_of(client: Client, deployment: Deployment, **asked: str) -> str:
    address = reverse("deployment-events", args=[deployment.team.name, deployment.name])
    answer = client.get(address, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_plain_words_stand_beside_the_clusters_own(browser: Client, deployment: Deployment, say: Say) -> None:
    say("BackOff", type="Warning", message="Back-off restarting failed container \u202e<b>x</b>")
    page = page_of(browser, deployment)
    assert "It failed before; waiting before the next try" in page
    assert '<code class="reason">BackOff</code>' in page
    assert "Back-off restarting failed container \\u202e&lt;b&gt;x&lt;/b&gt;" in page
    assert "Warning:" in page


def test_a_reason_nobody_knows_speaks_for_itself(browser: Client, deployment: Deployment, say: Say) -> None:
    say("SomethingNew", message="the whole story")
    page = page_of(browser, deployment)
    assert "SomethingNew" in page
    assert "the whole story" in page


def test_what_is_said_again_is_one_line(browser: Client, deployment: Deployment, say: Say) -> None:
    say("BackOff", 0, count=5, last_at=NOON + timedelta(minutes=9))
    say("BackOff", 12, count=3)
    say("BackOff", 14, object_name="house-2")
    page = page_of(browser, deployment)
    assert page.count('<tr id="event-') == 2
    assert "8 times, first" in page
    assert "2026-11-24T12:12:00+00:00" in page
    assert "2026-11-24T12:00:00+00:00" in page


def test_filters_are_in_the_address(browser: Client, deployment: Deployment, say: Say) -> None:
    say("Scheduled")
    say("Pulled", 1, object_name="house-2")
    say("Unhealthy", 2, type="Warning")

    def rows(**asked: str) -> int:
        return page_of(browser, deployment, **asked).count('<tr id="event-')

    assert rows() == rows(type="nonsense") == 3
    assert rows(type="Warning") == rows(reason="Pulled") == rows(object="Pod/house-2") == 1
    assert rows(type="Normal", object="Pod/house-1") == 1
    page = page_of(browser, deployment, reason="Evicted")
    assert "No event of this deployment fits these filters." in page
    assert "<option>Unhealthy</option>" in page_of(browser, deployment, type="Normal")


def test_many_are_paged_at_a_cost_that_does_not_grow(
    browser: Client, deployment: Deployment, say: Say, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        say("Pulled", number, message=f"image {number}")
    with django_assert_max_num_queries(12):
        page = page_of(browser, deployment)
    assert page.count('<tr id="event-') == 50
    assert page_of(browser, deployment, page="2").count('<tr id="event-') == 10


def test_without_events_the_page_says_what_will_be_there(browser: Client, deployment: Deployment) -> None:
    page = page_of(browser, deployment)
    assert "No events" in page
    assert "event-filters" not in page


def test_history_keeps_its_events_and_its_filters(browser: Client, deployment: Deployment, say: Say) -> None:
    say("Killing")
    Deployment.objects.filter(pk=deployment.pk).update(deleted_at=NOON, state=State.DELETED)
    page = page_of(browser, deployment, deleted=str(deployment.pk))
    assert "The container is being stopped" in page
    assert f'name="deleted" value="{deployment.pk}"' in page

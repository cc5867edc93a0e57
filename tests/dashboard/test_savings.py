"""The page of what could be saved."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, Deployment, Namespace, Revision, Sizing
from teams.models import Team
from tests.dashboard.test_list_cost import add_copies

PAGE = reverse("usage-savings")
BUDGET = 14
Make = Callable[..., Deployment]
Browse = Callable[[User], Client]


def suggest(deployment: Deployment, *, waste: str = "0.5", saving: str | None = "0.2") -> Sizing:
    return Sizing.objects.create(
        deployment=deployment,
        computed_at=timezone.now(),
        revision=deployment.revision,
        hours=168,
        cpu=50,
        memory=96 * 2**20,
        waste_hour=Decimal(waste),
        saving_hour=None if saving is None else Decimal(saving),
    )


@pytest.fixture
def wasteful(make: Make) -> Deployment:
    row = make("greedy", wanted_replicas=2)
    suggest(row)
    return row


def apply_address(row: Deployment) -> str:
    return reverse("deployment-sizing", args=[row.team.name, row.name])


def test_a_lead_sees_the_most_wasteful_first_and_applies_one(
    wasteful: Deployment, make: Make, lead: User, browser_of: Browse
) -> None:
    suggest(make("modest"), waste="0.1", saving="0.05")
    browser = browser_of(lead)
    text = browser.get(PAGE).content.decode()
    assert text.index("greedy</a>") < text.index("modest</a>")
    # 0.5 and 0.2 an hour, 730 hours; and both together.
    assert "365.00" in text
    assert "146.00" in text
    assert "438.00" in text
    confirm = browser.get(apply_address(wasteful)).content.decode()
    assert "50m" in confirm
    assert "96Mi" in confirm
    answer = browser.post(apply_address(wasteful), {"generation": wasteful.generation}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert Revision.objects.filter(deployment=wasteful, change_cause="Right-sized from 7 days").exists()


def test_a_viewer_sees_and_cannot_act(wasteful: Deployment, viewer: User, browser_of: Browse) -> None:
    Sizing.objects.update(idle_since=timezone.now() - timedelta(days=8))
    text = browser_of(viewer).get(PAGE).content.decode()
    assert "365.00" in text
    assert "Apply" not in text
    assert "Pause the chosen" not in text
    assert browser_of(viewer).post(apply_address(wasteful)).status_code == 403


def test_another_teams_deployments_are_not_named(
    wasteful: Deployment, stranger: User, browser_of: Browse, cluster: Cluster
) -> None:
    other = Team.objects.create(name="fraud")
    Namespace.objects.create(cluster=cluster, team=other, name="fraud")
    other.memberships.create(user=stranger, role="lead")
    browser = browser_of(stranger)
    assert b"greedy" not in browser.get(PAGE).content
    assert b"greedy" not in browser.get(PAGE, {"team": "pricing"}).content


def test_a_suggestion_is_refused_when_the_wish_has_changed(
    wasteful: Deployment, lead: User, browser_of: Browse
) -> None:
    intent.scale(wasteful, 4, by=lead)
    answer = browser_of(lead).post(apply_address(wasteful), {"generation": wasteful.generation})
    assert answer.status_code == 412
    assert b'role="alert"' in answer.content


def test_why_nothing_is_suggested_is_said(make: Make, browser: Client) -> None:
    row = make()
    assert b"Not looked at yet" in browser.get(PAGE).content
    Sizing.objects.create(
        deployment=row, computed_at=timezone.now(), reason="14 hours of data, 24 are needed."
    )
    assert b"14 hours of data, 24 are needed." in browser.get(PAGE).content


def test_a_size_that_costs_more_says_so(make: Make, browser: Client) -> None:
    suggest(make(), saving="-0.1")
    assert "73.00 USD</span> more a month" in browser.get(PAGE).content.decode()


def test_the_idle_are_paused_together(wasteful: Deployment, browser: Client) -> None:
    Sizing.objects.update(idle_since=timezone.now() - timedelta(days=8))
    text = browser.get(PAGE).content.decode()
    assert 'value="pricing/greedy" checked' in text
    chosen = {"action": "pause", "chosen": "pricing/greedy", "next": PAGE}
    bulk = reverse("deployments-bulk")
    assert b"Pause 1 deployment" in browser.get(bulk, chosen).content
    assert browser.post(bulk, chosen)["Location"] == PAGE
    wasteful.refresh_from_db()
    assert wasteful.paused_at is not None
    assert b"Nothing is idle" in browser.get(PAGE).content


def test_without_anything_the_page_says_what_to_expect(browser: Client, cluster: Cluster) -> None:
    assert b"Nothing is deployed yet" in browser.get(PAGE).content


def test_its_queries_do_not_grow_with_what_it_lists(wasteful: Deployment, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(PAGE).status_code == 200
        return len(seen)

    add_copies(wasteful, "few", 10)
    few = queries()
    add_copies(wasteful, "more", 100)
    rows = Deployment.objects.filter(sizing=None)
    Sizing.objects.bulk_create(
        [Sizing(deployment=row, computed_at=timezone.now(), idle_since=row.created_at) for row in rows]
    )
    assert few <= BUDGET
    assert queries() == few

"""The audit's pages: of a team, of a deployment, of the platform; filters in the address, and CSV."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.views import audit as page_of_audit
from deployments import intent
from deployments.models import Deployment
from teams import audit
from teams.models import AuditEntry

ONE = ["pricing", "house-prices"]


def words_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


@pytest.fixture
def desk(lead: User, browser_of: Callable[[User], Client]) -> Client:
    """The lead's browser."""
    return browser_of(lead)


def test_a_change_is_told_where_people_look_for_it(
    deployment: Deployment, desk: Client, admin: User, browser_of: Callable[[User], Client]
) -> None:
    browser_of(admin).post(reverse("deployment-scale", args=ONE), {"replicas": "4"})
    pages = (
        desk.get(reverse("team-audit", args=["pricing"])),
        desk.get(reverse("deployment-audit", args=ONE)),
        browser_of(admin).get(reverse("platform-audit")),
    )
    for page in map(words_of, pages):
        assert "<b>scale</b>" in page
        assert "<del>1</del>" in page
        assert "<ins>4</ins>" in page
        assert "127.0.0.1" in page


def test_the_audit_is_offered_to_leads_alone(deployment: Deployment, desk: Client, browser: Client) -> None:
    for page, tab in (
        (reverse("deployment", args=ONE), "deployment-audit"),
        (reverse("team", args=["pricing"]), ""),
    ):
        link = f'href="{reverse(tab, args=ONE) if tab else reverse("team-audit", args=["pricing"])}"'
        assert link in words_of(desk.get(page))
        assert link not in words_of(browser.get(page))


def test_a_refused_page_is_in_the_audit_and_a_refused_press_is_there_once(
    deployment: Deployment, viewer: User, browser_of: Callable[[User], Client]
) -> None:
    theirs = browser_of(viewer)
    theirs.get(reverse("team-audit", args=["pricing"]))
    theirs.post(reverse("deployment-scale", args=ONE), {"replicas": "4"})
    refusals = AuditEntry.objects.filter(allowed=False).order_by("id")
    assert [(row.actor, row.team, row.action) for row in refusals] == [
        ("viewer", "pricing", "open team audit"),
        ("viewer", "pricing", "scale"),
    ]
    assert all(row.request_id for row in refusals)


def test_filters_are_in_the_address(deployment: Deployment, desk: Client) -> None:
    for actor, action, allowed in (("ana", "scale", True), ("bob", "restart", False)):
        audit.record(actor, action, f"pricing/{actor}", team="pricing", allowed=allowed)
    today = f"{timezone.now():%Y-%m-%d}"

    def shown(question: str) -> tuple[bool, bool]:
        page = words_of(desk.get(f"{reverse('team-audit', args=['pricing'])}?{question}"))
        return "pricing/ana" in page, "pricing/bob" in page

    assert shown("q=ANA") == (True, False)
    assert shown("actor=bob") == (False, True)
    assert shown("action=scale") == (True, False)
    assert shown("allowed=no") == (False, True)
    assert shown(f"since={today}&until={today}") == (True, True)
    assert shown("until=2020-01-01") == (False, False)
    assert shown("since=nonsense&until=9999-12-31&allowed=maybe&page=x") == (True, True)


def test_what_others_wrote_is_shown_as_text(deployment: Deployment, desk: Client) -> None:
    audit.record("ana", "add version", "pricing/<script>", team="pricing", after={"x": "<b>\u202e"})
    page = words_of(desk.get(reverse("team-audit", args=["pricing"])))
    assert "<script>" not in page.partition("audit-filters")[2]
    assert "&lt;b&gt;\\u202e" in page


def test_other_teams_are_in_no_audit_but_the_platforms(
    deployment: Deployment, desk: Client, admin: User, browser_of: Callable[[User], Client]
) -> None:
    audit.record("canary-person", "scale", "fraud/canary", team="fraud", after={"x": "canary"})
    for address in (reverse("team-audit", args=["pricing"]), reverse("deployment-audit", args=ONE)):
        for question in ("", "?format=csv", "?q=scale"):
            assert b"canary" not in desk.get(address + question).getvalue()
    assert "fraud/canary" in words_of(browser_of(admin).get(reverse("platform-audit")))


def test_the_csv_holds_what_the_filters_leave_without_formulas(deployment: Deployment, desk: Client) -> None:
    audit.record("ana", "add version", "@SUM(A1)", team="pricing")
    answer = desk.get(f"{reverse('team-audit', args=['pricing'])}?actor=ana&format=csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-pricing-')
    (row,) = csv.DictReader(io.StringIO(answer.getvalue().decode()))
    assert (row["actor"], row["target"]) == ("ana", "'@SUM(A1)")


def test_the_csv_leaves_in_batches_and_holds_every_row_once(
    deployment: Deployment, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_audit, "BATCH", 2)
    at = timezone.now()
    for number in range(5):
        # Rows of the same instant are where a page may end, too.
        AuditEntry.objects.create(at=at, actor="ana", action="scale", target=f"x/{number}", team="pricing")
    answer: Any = desk.get(f"{reverse('team-audit', args=['pricing'])}?actor=ana&format=csv")
    assert answer.streaming
    batches = [batch.decode() for batch in answer.streaming_content]
    assert [batch.count("\r\n") for batch in batches] == [1, 2, 2, 1]
    rows = csv.DictReader(io.StringIO("".join(batches)))
    assert [row["target"] for row in rows] == ["x/4", "x/3", "x/2", "x/1", "x/0"]


def test_a_csv_that_would_be_too_long_is_refused_rather_than_cut(
    deployment: Deployment, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_audit, "MOST_CSV_ROWS", 0)
    answer = desk.get(f"{reverse('team-audit', args=['pricing'])}?format=csv")
    assert answer.status_code == 422
    assert "fewer days" in words_of(answer)


def test_a_deleted_deployment_still_has_its_audit(deployment: Deployment, desk: Client, lead: User) -> None:
    intent.delete(deployment, by=lead)
    Deployment.objects.update(deleted_at=timezone.now())
    assert "<b>delete</b>" in words_of(desk.get(reverse("deployment-audit", args=ONE)))


@pytest.mark.parametrize(
    ("address", "arguments", "most"), [("team-audit", ["pricing"], 8), ("deployment-audit", ONE, 9)]
)
def test_a_page_costs_the_same_however_much_is_in_it(
    address: str, arguments: list[str], most: int, deployment: Deployment, desk: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert desk.get(reverse(address, args=arguments)).status_code == 200
        return len(seen)

    before = queries()
    for number in range(30):
        audit.record("ana", "scale", "pricing/house-prices", team="pricing", after={"replicas": number})
    assert queries() == before <= most


def test_who_presses_what_they_may_not_again_and_again_is_told_to_wait_and_fills_no_audit(
    deployment: Deployment,
    viewer: User,
    lead: User,
    browser_of: Callable[[User], Client],
    redis_url: str,
    settings: Any,
) -> None:
    settings.REFUSALS_PER_MINUTE = 3
    theirs = browser_of(viewer)

    def press() -> Any:
        return theirs.post(reverse("deployment-scale", args=ONE), {"replicas": "4"})

    answers = [press() for _ in range(4)]
    # Whoever is refused by the page and not by a rule is counted with the others.
    answers += [
        theirs.post(reverse("deployment-scale", args=["fraud", "canary"]), {"replicas": "4"}),
        theirs.get(reverse("team-audit", args=["pricing"])),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429, 429, 429]
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    refusals = AuditEntry.objects.filter(allowed=False).order_by("id")
    assert [row.action for row in refusals] == ["scale", "scale", "scale", "further refusals"]
    # Neither what they may do nor anybody else waits.
    assert theirs.get(reverse("deployment", args=ONE)).status_code == 200
    answer = browser_of(lead).post(reverse("clusters-disconnect", args=["local"]), {})
    assert answer.status_code == 403

"""What is forgotten, and what is not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments import retention
from deployments.models import (
    CapturedLog,
    Delivery,
    Deployment,
    Event,
    Happening,
    Revision,
    TimelineEntry,
    Webhook,
)
from teams.models import Invitation, SignIn, Team

DAY = timedelta(days=1)


def leave_traces(row: Deployment, days: float) -> None:
    """One of each kind, that old."""
    at = timezone.now() - days * DAY
    Event.objects.create(
        cluster=row.cluster, deployment=row, uid=f"e{days}", type="Normal", reason="Pulled", last_at=at
    )
    CapturedLog.objects.create(deployment=row, pod="p", pod_uid=f"{days}", container="server", captured_at=at)
    hook, _ = Webhook.objects.get_or_create(team=row.team, url="https://example.org/")
    told = Happening.objects.create(team=row.team, deployment=row, kind="test", payload={}, at=at)
    Delivery.objects.create(webhook=hook, happening=told)
    for kind in ("state", "wish"):
        TimelineEntry.objects.create(deployment=row, kind=kind, text=f"{kind} {days}", at=at)


def counts(row: Deployment) -> tuple[int, int, int, int]:
    kinds = (Event, CapturedLog, Happening)
    events, logs, happenings = (kind.objects.filter(deployment=row).count() for kind in kinds)
    return events, logs, happenings, Delivery.objects.count()


@pytest.fixture
def quiet(deployment: Deployment) -> Deployment:
    """Without the traces of its own beginning."""
    TimelineEntry.objects.all().delete()
    Happening.objects.all().delete()
    return deployment


def test_events_logs_and_what_was_told_are_kept_for_thirty_days(quiet: Deployment) -> None:
    leave_traces(quiet, 29.9)
    leave_traces(quiet, 30.1)
    retention.forget_old()
    assert counts(quiet) == (1, 1, 1, 1)
    assert CapturedLog.objects.get().pod_uid == "29.9"


def test_changes_of_state_are_kept_for_ninety_days_and_what_people_did_for_ever(quiet: Deployment) -> None:
    for days in (89.9, 90.1, 1000):
        leave_traces(quiet, days)
    retention.forget_old()
    left = set(quiet.timeline.values_list("text", flat=True))
    assert left == {"state 89.9", "wish 89.9", "wish 90.1", "wish 1000"}
    assert Revision.objects.filter(deployment=quiet).count() == 1


def test_sessions_and_links_that_are_over_are_forgotten(team: Team) -> None:
    now = timezone.now()
    for days in (-31.0, -29.0, 1.0):
        at = now + days * DAY
        SignIn.objects.create(session_key=f"k{days}", session_data="", expire_date=at)
        Invitation.objects.create(
            team=team, invitee=f"{days}", role="viewer", digest=f"{days}", expires_at=at
        )
    retention.forget_old()
    assert {row.session_key for row in SignIn.objects.all()} == {"k1.0"}
    assert {row.invitee for row in Invitation.objects.all()} == {"-29.0", "1.0"}

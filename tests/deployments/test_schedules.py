"""Counts that change by the clock: whose they are, when they come, and that each time comes once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent, selectors
from deployments.errors import BeingDeleted, InvalidInput, NotFound, PermissionDenied
from deployments.models import Deployment, Operation, ScalingSchedule
from deployments.spec.schedules import latest_time, next_time
from teams.models import AuditEntry
from tests.deployments.together import at_once

MORNING = {"cron": "0 8 * * *", "replicas": 4}
EVENING = {"cron": "0 20 * * *", "replicas": 0}
BOUNDS = {"cron": "0 8 * * *", "min_replicas": 3, "max_replicas": 9}
HPA = {"min_replicas": 1, "max_replicas": 6, "target_cpu_percent": 70}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(schedule: ScalingSchedule, when: str) -> None:
    ScalingSchedule.objects.filter(pk=schedule.pk).update(next_at=at(when))


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"replicas": 3}, "cron", "required"),
    ({"cron": "", "replicas": 3}, "cron", "required"),
    ({"cron": 8, "replicas": 3}, "cron", "not_text"),
    ({"cron": "0 8 * *", "replicas": 3}, "cron", "invalid_cron"),
    ({"cron": "0 0 8 * * *", "replicas": 3}, "cron", "invalid_cron"),
    ({"cron": "60 8 * * *", "replicas": 3}, "cron", "invalid_cron"),
    ({"cron": "0 0 30 2 *", "replicas": 3}, "cron", "invalid_cron"),
    ({"cron": "@daily", "replicas": 3}, "cron", "invalid_cron"),
    ({"cron": "0 8 * * *"}, "replicas", "required"),
    ({**MORNING, "replicas": -1}, "replicas", "out_of_range"),
    ({**MORNING, "replicas": "4"}, "replicas", "not_a_number"),
    ({**MORNING, "max_replicas": 4}, "replicas", "both"),
    ({"cron": "0 8 * * *", "min_replicas": 3}, "max_replicas", "required"),
    ({**BOUNDS, "min_replicas": 10}, "min_replicas", "min_above_max"),
    ({**MORNING, "enabled": "yes"}, "enabled", "not_a_boolean"),
    ({**MORNING, "next_at": "now"}, "next_at", "read_only"),
    ({**MORNING, "zone": "UTC"}, "zone", "unknown_field"),
]


@pytest.mark.parametrize(("payload", "field", "code"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_refused_at_its_field(
    deployment: Deployment, lead: User, payload: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        intent.add_schedule(deployment, payload, by=lead)
    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]
    assert not ScalingSchedule.objects.exists()


def test_a_schedule_is_planned_told_and_changed(deployment: Deployment, lead: User) -> None:
    schedule = intent.add_schedule(deployment, {**MORNING, "cron": " 0  8 * * mon-fri "}, by=lead)
    assert (schedule.cron, schedule.created_by) == ("0 8 * * mon-fri", "lead")
    change = selectors.next_change_of(deployment)
    assert change is not None
    assert (change[0], change[1]) == (schedule.next_at, "4 replicas")
    assert change[0] > timezone.now()
    changed = intent.change_schedule(schedule, {"min_replicas": 2, "max_replicas": 5}, by=lead)
    assert (changed.replicas, changed.min_replicas, changed.max_replicas) == (None, 2, 5)
    changed = intent.change_schedule(schedule, {"max_replicas": 7}, by=lead)
    assert (changed.min_replicas, changed.max_replicas) == (2, 7)
    changed = intent.change_schedule(schedule, {"enabled": False}, by=lead)
    assert changed.next_at is None
    assert selectors.next_change_of(deployment) is None
    intent.remove_schedule(schedule, by=lead)
    with pytest.raises(NotFound):
        intent.change_schedule(schedule, MORNING, by=lead)
    texts = list(deployment.timeline.filter(actor="lead").values_list("text", flat=True))
    assert texts[-1] == "New schedule: 4 replicas at 0 8 * * mon-fri (UTC)"
    assert texts[0] == "Schedule removed: from 2 to 7 replicas at 0 8 * * mon-fri (UTC), off"
    deployment.refresh_from_db()
    assert deployment.generation == 1


ACTS: list[Callable[[ScalingSchedule, User], object]] = [
    lambda schedule, by: intent.add_schedule(schedule.deployment, MORNING, by=by),
    lambda schedule, by: intent.change_schedule(schedule, MORNING, by=by),
    lambda schedule, by: intent.remove_schedule(schedule, by=by),
    lambda schedule, by: intent.set_time_zone(schedule.deployment.team, {"time_zone": "UTC"}, by=by),
]


@pytest.mark.parametrize("act", ACTS)
def test_schedules_are_for_leads(
    deployment: Deployment, lead: User, deployer: User, stranger: User, act: Callable[..., object]
) -> None:
    schedule = intent.add_schedule(deployment, MORNING, by=lead)
    with pytest.raises(PermissionDenied):
        act(schedule, deployer)
    assert AuditEntry.objects.filter(actor="deployer", allowed=False).count() == 1
    with pytest.raises(NotFound):
        act(schedule, stranger)
    act(schedule, lead)


def test_a_deployment_being_deleted_gets_none(deployment: Deployment, lead: User) -> None:
    intent.delete(deployment, by=lead)
    with pytest.raises(BeingDeleted):
        intent.add_schedule(deployment, MORNING, by=lead)


def test_a_deployment_has_only_so_many(deployment: Deployment, lead: User) -> None:
    for _ in range(20):
        intent.add_schedule(deployment, MORNING, by=lead)
    with pytest.raises(InvalidInput):
        intent.add_schedule(deployment, MORNING, by=lead)


def test_a_time_that_comes_is_a_wish_of_the_schedule(deployment: Deployment, lead: User) -> None:
    schedule = intent.add_schedule(deployment, MORNING, by=lead)
    assert intent.fire_schedule(schedule.pk, now=timezone.now()) is None
    due(schedule, "2026-06-01T08:00:00")
    operation = intent.fire_schedule(schedule.pk, now=at("2026-06-01T08:00:03"))
    assert operation is not None
    assert (operation.action, operation.created_by) == ("scale", "schedule")
    assert (operation.deployment.replicas, operation.deployment.generation) == (4, 2)
    schedule.refresh_from_db()
    assert (schedule.last_at, schedule.next_at) == (at("2026-06-01T08:00:00"), at("2026-06-02T08:00:00"))
    assert schedule.last_outcome == "Scale from 2 to 4"
    assert intent.fire_schedule(schedule.pk, now=at("2026-06-01T08:00:08")) is None


def test_two_that_look_at_once_fire_once(transactional_db: None, deployment: Deployment, lead: User) -> None:
    schedule = intent.add_schedule(deployment, MORNING, by=lead)
    due(schedule, "2026-06-01T08:00:00")

    def fire() -> Operation:
        fired = intent.fire_schedule(schedule.pk, now=at("2026-06-01T08:00:03"))
        if fired is None:
            raise NotFound
        return fired

    answers = at_once(fire, fire)
    assert sorted(isinstance(answer, Operation) for answer in answers) == [False, True]
    deployment.refresh_from_db()
    assert deployment.generation == 2


def test_of_many_missed_times_only_the_latest_counts(deployment: Deployment, lead: User) -> None:
    morning = intent.add_schedule(deployment, MORNING, by=lead)
    due(morning, "2026-06-01T08:00:00")
    now = at("2026-06-05T09:30:00")
    assert intent.fire_schedule(morning.pk, now=now) is not None
    morning.refresh_from_db()
    assert (morning.last_at, morning.next_at) == (at("2026-06-05T08:00:00"), at("2026-06-06T08:00:00"))
    deployment.refresh_from_db()
    assert deployment.generation == 2


@pytest.mark.parametrize("first", ["morning", "evening"])
@pytest.mark.parametrize(("now", "replicas"), [("2026-06-05T09:30:00", 4), ("2026-06-05T21:30:00", 0)])
def test_of_two_schedules_that_were_missed_the_later_time_wins(
    deployment: Deployment, lead: User, first: str, now: str, replicas: int
) -> None:
    both = {
        "morning": intent.add_schedule(deployment, MORNING, by=lead),
        "evening": intent.add_schedule(deployment, EVENING, by=lead),
    }
    due(both["morning"], "2026-06-01T08:00:00")
    due(both["evening"], "2026-06-01T20:00:00")
    for name in sorted(both, key=lambda name: name != first):
        intent.fire_schedule(both[name].pk, now=at(now))
    deployment.refresh_from_db()
    assert deployment.replicas == replicas


def test_one_writer_of_the_count(deployment: Deployment, lead: User) -> None:
    counts = intent.add_schedule(deployment, MORNING, by=lead)
    bounds = intent.add_schedule(deployment, BOUNDS, by=lead)
    now = at("2026-06-01T08:00:03")
    due(bounds, "2026-06-01T08:00:00")
    assert intent.fire_schedule(bounds.pk, now=now) is None
    bounds.refresh_from_db()
    assert bounds.last_outcome == "Skipped: there is no autoscaler to set bounds for"
    intent.autoscale(deployment, HPA, by=lead)
    due(counts, "2026-06-01T08:00:00")
    assert intent.fire_schedule(counts.pk, now=now) is None
    counts.refresh_from_db()
    assert counts.last_outcome == "Skipped: an autoscaler owns the number of replicas"
    due(bounds, "2026-06-01T08:00:00")
    operation = intent.fire_schedule(bounds.pk, now=now)
    assert operation is not None
    settings = operation.deployment.autoscaling
    assert settings is not None
    assert (settings["min_replicas"], settings["max_replicas"], settings["target_cpu_percent"]) == (3, 9, 70)


def test_a_paused_deployment_stays_paused(deployment: Deployment, lead: User) -> None:
    schedule = intent.add_schedule(deployment, MORNING, by=lead)
    intent.pause(deployment, by=lead)
    due(schedule, "2026-06-01T08:00:00")
    operation = intent.fire_schedule(schedule.pk, now=at("2026-06-01T08:00:03"))
    assert operation is not None
    assert (operation.deployment.replicas, selectors.wish_of(operation.deployment).replicas) == (4, 0)


def test_nothing_is_wished_that_is_so_already_or_has_ended(deployment: Deployment, lead: User) -> None:
    schedule = intent.add_schedule(deployment, {**MORNING, "replicas": 2}, by=lead)
    due(schedule, "2026-06-01T08:00:00")
    assert intent.fire_schedule(schedule.pk, now=at("2026-06-01T08:00:03")) is None
    schedule.refresh_from_db()
    assert schedule.last_outcome == "It was 2 replicas already"
    intent.delete(deployment, by=lead)
    due(schedule, "2026-06-02T08:00:00")
    assert intent.fire_schedule(schedule.pk, now=at("2026-06-02T08:00:03")) is None
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_at) == (False, None)


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        ("America/Sao_Paulo", "0 8 * * *", "2026-06-01T00:00:00", "2026-06-01T11:00:00"),
        ("Asia/Kolkata", "30 9 * * 1", "2026-06-01T00:00:00", "2026-06-01T04:00:00"),
        # Clocks are put forward at 02:00: the time comes right after the gap.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00", "2026-03-29T01:00:00"),
        # Clocks are put back at 03:00: the time comes the first time only.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00", "2026-10-25T00:30:00"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:00", "2026-10-26T01:30:00"),
        ("Europe/Berlin", "0 8 * * *", "2026-03-28T12:00:00", "2026-03-29T06:00:00"),
        ("Nowhere/Atall", "0 8 * * *", "2026-06-01T00:00:00", "2026-06-01T08:00:00"),
    ],
)
def test_times_are_those_of_the_teams_clock(zone: str, cron: str, after: str, expected: str) -> None:
    assert next_time(cron, zone, at(after)) == at(expected)
    assert latest_time(cron, zone, at(expected)) == at(expected)
    assert latest_time(cron, zone, at(expected) - timedelta(seconds=1)) != at(expected)


def test_another_zone_plans_anew(deployment: Deployment, lead: User) -> None:
    schedule = intent.add_schedule(deployment, MORNING, by=lead)
    with pytest.raises(InvalidInput):
        intent.set_time_zone(deployment.team, {"time_zone": "Mars/Olympus"}, by=lead)
    intent.set_time_zone(deployment.team, {"time_zone": "Asia/Tokyo"}, by=lead)
    schedule.refresh_from_db()
    assert schedule.next_at is not None
    assert schedule.next_at.hour == 23

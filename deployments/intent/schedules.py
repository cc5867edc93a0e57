"""Counts that change by the clock: what leads set up, and what happens when the time comes."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Unpack

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments import nudges
from deployments.counts import autoscaling_of
from deployments.errors import NotFound, QuotaExceeded
from deployments.intent.common import check_role, lock, record, store_wish
from deployments.intent.scaling import set_autoscaling, set_replicas
from deployments.locking import lock_row
from deployments.models import Deployment, Operation, ScalingSchedule, TimelineEntry
from deployments.spec.schedules import (
    ScheduleRequest,
    describe_target,
    latest_time,
    next_time,
    parse_schedule,
    parse_zone,
    too_many,
)
from teams import audit
from teams.models import Team
from teams.roles import Role

SCHEDULE = "schedule"
"""Who acts when the clock does."""
MOST_SCHEDULES = 20


def add_schedule(deployment: Deployment, payload: Mapping[str, Any], *, by: User) -> ScalingSchedule:
    """Raises: InvalidInput, BeingDeleted, PermissionDenied, NotFound."""
    check_role(by, deployment.team, Role.LEAD, action="add schedule", target=deployment.name)
    with transaction.atomic():
        row = lock(deployment)
        request = parse_schedule(payload)
        if row.schedules.count() >= MOST_SCHEDULES:
            raise too_many(MOST_SCHEDULES)
        schedule = ScalingSchedule(deployment=row, created_by=by.username, **asdict(request))
        _plan(schedule, row.team)
        schedule.save()
        _record(row, schedule, "add schedule", "New schedule", by, after=asdict(request))
    return schedule


def change_schedule(schedule: ScalingSchedule, payload: Mapping[str, Any], *, by: User) -> ScalingSchedule:
    """Merges changes; times that passed while it was disabled are not made up for.

    Raises:
        InvalidInput, BeingDeleted, PermissionDenied, NotFound.
    """
    deployment = schedule.deployment
    check_role(by, deployment.team, Role.LEAD, action="change schedule", target=deployment.name)
    with transaction.atomic():
        row = lock(deployment)
        current = _fresh(schedule)
        request = parse_schedule(payload, current=current)
        before = _columns(current)
        for field, value in asdict(request).items():
            setattr(current, field, value)
        _plan(current, row.team)
        current.save()
        change = audit.Change(before=before, after=_columns(current))
        _record(row, current, "change schedule", "Schedule changed", by, **change)
    return current


def remove_schedule(schedule: ScalingSchedule, *, by: User) -> None:
    """Raises: BeingDeleted, PermissionDenied, NotFound."""
    deployment = schedule.deployment
    check_role(by, deployment.team, Role.LEAD, action="remove schedule", target=deployment.name)
    with transaction.atomic():
        row = lock(deployment)
        current = _fresh(schedule)
        _record(row, current, "remove schedule", "Schedule removed", by, before=_columns(current))
        current.delete()


def set_time_zone(team: Team, payload: Mapping[str, Any], *, by: User) -> Team:
    """Moves the team's schedules to the clock of another zone. The payload is {"time_zone": ...}.

    Raises:
        InvalidInput, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.LEAD, action="set time zone", target="time zone")
    zone = parse_zone(payload)
    with transaction.atomic():
        row = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        before, row.time_zone = row.time_zone, zone
        row.save(update_fields=["time_zone"])
        schedules = ScalingSchedule.objects.select_for_update(of=("self",))
        for schedule in schedules.filter(deployment__team=row, deployment__deleted_at=None):
            _plan(schedule, row)
            schedule.save(update_fields=["next_at"])
        change = audit.Change(before={"time_zone": before}, after={"time_zone": zone})
        audit.record(by.username, "set time zone", row.name, team=row.name, **change)
    return row


def fire_schedule(schedule_id: int, *, now: datetime) -> Operation | None:
    """Does what a schedule says for the latest of its times that have come; each time counts once.

    Of several schedules of a deployment whose times have passed, the latest time wins,
    in whichever order they are fired. None where nothing was changed: `last_outcome` says why.
    """
    with transaction.atomic():
        found = ScalingSchedule.objects.filter(pk=schedule_id, enabled=True, next_at__lte=now).first()
        if found is None:
            return None
        # The deployment first, as everybody locks: the schedule is read again behind its lock.
        row = lock_row(found.deployment_id)
        schedule = ScalingSchedule.objects.select_for_update().filter(pk=schedule_id).first()
        if schedule is None or not schedule.enabled or not schedule.next_at or schedule.next_at > now:
            return None
        due = _due(schedule, row.team, now)
        schedule.last_at = due
        schedule.next_at = next_time(schedule.cron, row.team.time_zone, now)
        operation = _fire(row, schedule, due, now)
        schedule.save(update_fields=["last_at", "next_at", "last_outcome", "enabled"])
        return operation


def _fire(row: Deployment, schedule: ScalingSchedule, due: datetime, now: datetime) -> Operation | None:
    """Stores the wish, or why there is none, in `last_outcome`."""
    if row.deleted_at is not None or row.delete_requested_at is not None:
        schedule.enabled, schedule.next_at = False, None
        schedule.last_outcome = "Skipped: the deployment is deleted"
        return None
    schedule.last_outcome = _why_not(row, schedule, due, now)
    if schedule.last_outcome:
        return None
    settings = autoscaling_of(row)
    if settings is not None:
        wanted = msgspec.structs.replace(
            settings,
            min_replicas=schedule.min_replicas or 1,
            max_replicas=schedule.max_replicas or settings.max_replicas,
        )
        action, text = "autoscale", set_autoscaling(row, wanted)
    else:
        action, text = "scale", set_replicas(row, schedule.replicas or 0)
    schedule.last_outcome = text[:300]
    try:
        return store_wish(row, action, text, by=SCHEDULE, arguments={"schedule": schedule.pk})
    except QuotaExceeded as exc:
        # Its time has come and gone like any other: nobody is surprised by it hours later.
        schedule.last_outcome = f"Refused: {exc.errors[0].message}"[:300]
        TimelineEntry.objects.create(
            deployment=row, at=now, kind="error", text=f"Not done: {text}. {exc.errors[0].message}"[:400]
        )
        transaction.on_commit(lambda: nudges.publish(row), robust=True)
        return None


def _why_not(row: Deployment, schedule: ScalingSchedule, due: datetime, now: datetime) -> str:
    """Why a schedule that is due changes nothing; "" where it does."""
    if _has_later(row, schedule, due, now):
        return "Skipped: a later schedule counts"
    settings = autoscaling_of(row)
    if schedule.replicas is not None:
        if settings is not None:
            return "Skipped: an autoscaler owns the number of replicas"
        return f"It was {describe_target(schedule)} already" if schedule.replicas == row.replicas else ""
    if settings is None:
        return "Skipped: there is no autoscaler to set bounds for"
    same = (settings.min_replicas, settings.max_replicas) == (schedule.min_replicas, schedule.max_replicas)
    return f"It was {describe_target(schedule)} already" if same else ""


def _has_later(row: Deployment, schedule: ScalingSchedule, due: datetime, now: datetime) -> bool:
    """Whether another schedule of the same sort has, or had, a time after `due` that has come."""
    same_sort = {"replicas__isnull": schedule.replicas is None}
    for other in row.schedules.filter(enabled=True, **same_sort).exclude(pk=schedule.pk):
        its_due = _due(other, row.team, now) if other.next_at and other.next_at <= now else other.last_at
        if its_due is not None and (its_due, other.pk) > (due, schedule.pk):
            return True
    return False


def _due(schedule: ScalingSchedule, team: Team, now: datetime) -> datetime:
    """The latest time of a due schedule that has come."""
    latest = latest_time(schedule.cron, team.time_zone, now)
    first = schedule.next_at or now
    return max(first, latest) if latest else first


def _plan(schedule: ScalingSchedule, team: Team) -> None:
    now = timezone.now()
    schedule.next_at = next_time(schedule.cron, team.time_zone, now) if schedule.enabled else None


def _fresh(schedule: ScalingSchedule) -> ScalingSchedule:
    """Raises: NotFound: removed meanwhile."""
    row = ScalingSchedule.objects.select_for_update(of=("self",)).filter(pk=schedule.pk).first()
    if row is None:
        raise NotFound("The schedule has been removed.")
    return row


def _columns(schedule: ScalingSchedule) -> dict[str, Any]:
    return {field.name: getattr(schedule, field.name) for field in fields(ScheduleRequest)}


def _record(
    row: Deployment,
    schedule: ScalingSchedule,
    action: str,
    words: str,
    by: User,
    **change: Unpack[audit.Change],
) -> None:
    text = f"{words}: {describe_target(schedule)} at {schedule.cron} ({row.team.time_zone})"
    if not schedule.enabled:
        text += ", off"
    record(row, action, text, by=by, at=timezone.now(), arguments={"cron": schedule.cron}, **change)
    transaction.on_commit(lambda: nudges.publish(row), robust=True)

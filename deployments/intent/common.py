"""What every wish has in common: the role, the lock, the count, the record, the hint to a worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Unpack

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments import nudges, operations, queue, settling
from deployments.errors import BeingDeleted, DomainError, NotFound, PermissionDenied
from deployments.intent import repeats
from deployments.intent.allowance import refuse_beyond_quota
from deployments.intent.refusals import write_refusal
from deployments.locking import lock_row
from deployments.models import Deployment, Operation, Revision, TimelineEntry
from deployments.selectors import require_role
from k8s.spec import Spec
from teams import audit
from teams.models import Team
from teams.roles import Role

Actor = User | str
"""Who acts: a person, or the name of a part of this program such as "schedule"."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done to a locked row: a line for the timeline, and what the record keeps of it."""

    text: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def name_of(by: Actor) -> str:
    return by if isinstance(by, str) else by.username


def check_role(by: User, team: Team, needed: Role, *, action: str, target: str) -> Role:
    """Refusals are written to the audit, outside of any transaction that will be rolled back.

    Raises:
        NotFound: a stranger.
        PermissionDenied: the role is too low.
    """
    try:
        return require_role(by, team, needed)
    except (PermissionDenied, NotFound) as refusal:
        write_refusal(refusal, by, action, f"{team.name}/{target}", team=team.name)
        raise


def change(
    deployment: Deployment,
    action: str,
    edit: Callable[[Deployment], Edit],
    *,
    by: Actor,
    request: object,
    if_generation: int | None = None,
    already: Callable[[Deployment], bool] | None = None,
) -> Operation:
    """One wish: locks the row, lets `edit` change it, stores it.

    `request` is what was asked for. When it comes again with the generation it was first
    sent with, as a double click does, or when `already` finds nothing left to do, the
    answer is the newest operation.

    Raises:
        NotFound, BeingDeleted: as `lock` does.
        StaleGeneration: `if_generation` is not the newest.
        DomainError: whatever `edit` refuses.
    """
    digest = repeats.digest_of(name_of(by), action, request)
    with transaction.atomic():
        row = lock(deployment)
        if if_generation is not None and if_generation != row.generation:
            newest = repeats.newest_wish(row)
            if newest and (repeats.is_same(newest, digest, if_generation) or _is_so(already, row)):
                return newest
            raise repeats.stale(row, if_generation)
        done = edit(row)
        return store_wish(row, action, done.text, by=by, arguments=done.arguments, digest=digest)


def _is_so(already: Callable[[Deployment], bool] | None, row: Deployment) -> bool:
    try:
        return already is not None and already(row)
    except DomainError:
        # What others did meanwhile made it impossible: that they did is what the writer must know.
        return False


def lock(deployment: Deployment, *, refused_delete_too: bool = False) -> Deployment:
    """The row, fresh and locked until the transaction ends.

    `refused_delete_too` lets a row through whose deletion the cluster refused.

    Raises:
        NotFound: deleted meanwhile.
        BeingDeleted: its end has been asked for.
    """
    row = lock_row(deployment.pk)
    if row.deleted_at is not None:
        raise NotFound(f"Deployment {row.name} has been deleted.")
    refused = row.refused_generation == row.generation
    if row.delete_requested_at is not None and not (refused_delete_too and refused):
        raise BeingDeleted(f"Deployment {row.name} is being deleted.")
    return row


def check_generation(row: Deployment, if_generation: int | None) -> None:
    """Raises: StaleGeneration: `if_generation` is not the newest."""
    if if_generation is not None and if_generation != row.generation:
        raise repeats.stale(row, if_generation)


def add_revision(
    row: Deployment, spec: Spec, *, summary: str, cause: str, by: Actor, restores: int | None = None
) -> None:
    """Numbers a new spec and makes it the newest. The row is saved by `store_wish`."""
    stored: dict[str, Any] = msgspec.to_builtins(spec)
    row.revision += 1
    row.spec = stored
    Revision.objects.create(
        deployment=row,
        number=row.revision,
        spec=stored,
        version=row.version,
        summary=summary[:300],
        change_cause=cause,
        author=name_of(by),
        restores=restores,
    )


def store_wish(
    row: Deployment,
    action: str,
    text: str,
    *,
    by: Actor,
    arguments: Mapping[str, Any] | None = None,
    digest: str = "",
) -> Operation:
    """Counts the wish, records it, and tells a worker once it is committed. The row is locked and changed.

    `digest` is what the request is recognised by when it comes again.

    Raises:
        QuotaExceeded: it asks for more than the team has left.
    """
    refuse_beyond_quota(row)
    now = timezone.now()
    before = facts_before(row)
    row.generation += 1
    row.updated_at = now
    # A new wish deserves a new try, whatever became of the last one.
    row.apply_error, row.apply_attempts, row.retry_at = "", 0, None
    row.save()
    operations.supersede_older(row)
    kept = {**(arguments or {}), **repeats.remember(row, text, digest)}
    operation = operations.begin(row, action, by=name_of(by), arguments=kept)
    record(row, action, text, by=by, at=now, arguments=arguments, before=before, after=facts_of(row))
    settling.refresh(row, now=now)
    # robust: the wish is stored; the sweep recovers a dead broker.
    transaction.on_commit(lambda: queue.enqueue(row.pk), robust=True)
    transaction.on_commit(lambda: nudges.publish(row, operation), robust=True)
    return operation


def facts_of(row: Deployment) -> dict[str, Any]:
    """What the audit compares of a deployment: its spec by field, its count, whether it is paused."""
    return {
        **row.spec,
        "replicas": row.replicas,
        "autoscaling": row.autoscaling,
        "paused": row.paused_at is not None,
        "restarted_at": row.restarted_at.isoformat() if row.restarted_at else None,
        "deleting": row.delete_requested_at is not None,
    }


def facts_before(row: Deployment) -> dict[str, Any]:
    """As it is stored: `row` is locked, changed and not saved yet. Nothing of one that is new."""
    stored = Deployment.objects.filter(pk=row.pk, generation__gt=0).first()
    return facts_of(stored) if stored else {}


def record(
    row: Deployment,
    action: str,
    text: str,
    *,
    by: Actor,
    at: datetime,
    arguments: Mapping[str, Any] | None = None,
    **compared: Unpack[audit.Change],
) -> None:
    """The audit entry and the timeline entry of an action."""
    audit.record(
        name_of(by),
        action,
        f"{row.team.name}/{row.name}",
        team=row.team.name,
        detail={"generation": row.generation, **(arguments or {})},
        **compared,
    )
    TimelineEntry.objects.create(deployment=row, at=at, kind="wish", text=text[:400], actor=name_of(by))

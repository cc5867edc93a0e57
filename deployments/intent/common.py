"""What every wish has in common: the role, the lock, the count, the record, the hint to a worker."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments import nudges, operations, queue, settling
from deployments.errors import BeingDeleted, NotFound, PermissionDenied, StaleGeneration
from deployments.models import Deployment, Operation, Revision, TimelineEntry
from deployments.selectors import require_role
from k8s.spec import Spec
from teams import audit
from teams.models import Team
from teams.roles import Role


def check_role(by: User, team: Team, needed: Role, *, action: str, target: str) -> Role:
    """Refusals are written to the audit, outside of any transaction that will be rolled back.

    Raises:
        NotFound: a stranger.
        PermissionDenied: the role is too low.
    """
    try:
        return require_role(by, team, needed)
    except (PermissionDenied, NotFound):
        audit.record(by.username, action, f"{team.name}/{target}", team=team.name, allowed=False)
        raise


def lock(
    deployment: Deployment, *, if_generation: int | None = None, refused_delete_too: bool = False
) -> Deployment:
    """The row, fresh and locked until the transaction ends.

    `refused_delete_too` lets a row through whose deletion the cluster refused.

    Raises:
        NotFound: deleted meanwhile.
        BeingDeleted: its end has been asked for.
        StaleGeneration: `if_generation` is not the newest.
    """
    row = (
        Deployment.objects.select_for_update(of=("self",))
        .select_related("team", "cluster", "version__model", "created_by")
        .get(pk=deployment.pk)
    )
    if row.deleted_at is not None:
        raise NotFound(f"Deployment {row.name} has been deleted.")
    refused = row.refused_generation == row.generation
    if row.delete_requested_at is not None and not (refused_delete_too and refused):
        raise BeingDeleted(f"Deployment {row.name} is being deleted.")
    if if_generation is not None and if_generation != row.generation:
        raise StaleGeneration(
            f"You saw generation {if_generation}; the newest is {row.generation}. Look again, then repeat."
        )
    return row


def add_revision(row: Deployment, spec: Spec, *, summary: str, cause: str, by: User) -> None:
    """Numbers a new spec and makes it the newest. The row is saved by `store_wish`."""
    stored: dict[str, Any] = msgspec.to_builtins(spec)
    row.revision += 1
    row.spec = stored
    Revision.objects.create(
        deployment=row,
        number=row.revision,
        spec=stored,
        version=row.version,
        summary=summary,
        change_cause=cause,
        author=by.username,
    )


def store_wish(
    row: Deployment, action: str, text: str, *, by: User, arguments: Mapping[str, Any] | None = None
) -> Operation:
    """Counts the wish, records it, and tells a worker once it is committed. The row is locked and changed."""
    now = timezone.now()
    row.generation += 1
    row.updated_at = now
    # A new wish deserves a new try, whatever became of the last one.
    row.apply_error, row.apply_attempts, row.retry_at = "", 0, None
    row.save()
    operations.supersede_older(row)
    operation = operations.begin(row, action, by=by.username, arguments=arguments or {})
    record(row, action, text, by=by, at=now, arguments=arguments)
    settling.refresh(row, now=now)
    # robust: the wish is stored; the sweep recovers a dead broker.
    transaction.on_commit(lambda: queue.enqueue(row.pk), robust=True)
    transaction.on_commit(lambda: nudges.publish(row, operation), robust=True)
    return operation


def record(
    row: Deployment,
    action: str,
    text: str,
    *,
    by: User,
    at: datetime,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """The audit entry and the timeline entry of an action."""
    audit.record(
        by.username,
        action,
        f"{row.team.name}/{row.name}",
        team=row.team.name,
        detail={"generation": row.generation, **(arguments or {})},
    )
    TimelineEntry.objects.create(deployment=row, at=at, kind="wish", text=text[:400], actor=by.username)

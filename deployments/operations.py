"""An operation's steps. Callers hold the deployment's row lock."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from deployments import tracing
from deployments.models import Deployment, Operation, OperationState

logger = logging.getLogger(__name__)

ONE_SHOT = ("delete_pod",)
"""Actions that are done once and are no wish: a newer wish does not replace them."""


def begin(deployment: Deployment, action: str, *, by: str, arguments: Mapping[str, Any]) -> Operation:
    """Stores a new operation, with the id of the request that wished for it."""
    now = timezone.now()
    operation = Operation.objects.create(
        deployment=deployment,
        action=action,
        generation=deployment.generation,
        arguments={**arguments, **tracing.kept()},
        created_by=by,
        created_at=now,
        steps=[_step("queued", now, "")],
    )
    # robust: the wish is stored, whatever becomes of the line.
    transaction.on_commit(lambda: _tell(operation), robust=True)
    return operation


def move(operation: Operation, state: OperationState, *, detail: str = "", error: Any = None) -> None:
    """Appends the step and, with a last state, ends the operation. Ended ones stay as they are."""
    if operation.state in OperationState.ended() or operation.state == state:
        return
    now = timezone.now()
    operation.state = state
    operation.steps = [*operation.steps, _step(state.value, now, detail)]
    operation.error = error
    if state in OperationState.ended():
        operation.finished_at = now
    operation.save(update_fields=["state", "steps", "error", "finished_at"])


def supersede_older(deployment: Deployment) -> None:
    """Ends unfinished operations that the newest wish contains."""
    older = deployment.operations.filter(generation__lt=deployment.generation)
    for operation in older.exclude(state__in=OperationState.ended()).exclude(action__in=ONE_SHOT):
        move(operation, OperationState.SUPERSEDED, detail=f"by generation {deployment.generation}")


def unfinished(deployment: Deployment) -> list[Operation]:
    """Wishes under way, oldest first."""
    return list(_under_way(deployment).order_by("created_at"))


def newest_unfinished(deployment: Deployment) -> Operation | None:
    """The newest wish under way."""
    return _under_way(deployment).order_by("-created_at").first()


def _under_way(deployment: Deployment) -> QuerySet[Operation]:
    return deployment.operations.exclude(state__in=OperationState.ended()).exclude(action__in=ONE_SHOT)


def ids_of(operation: Operation | None) -> dict[str, str]:
    """What `tracing.working_for` takes while the operation is carried out; nothing of none."""
    return tracing.of_operation(operation.pk, operation.arguments) if operation else {}


def _tell(operation: Operation) -> None:
    with tracing.working_for(operation_id=str(operation.pk)):
        logger.info("%s of %s wished for", operation.action, operation.deployment)


def _step(name: str, at: datetime, detail: str) -> dict[str, str]:
    return {"name": name, "at": at.isoformat(), "detail": detail}

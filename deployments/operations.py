"""An operation's steps. Callers hold the deployment's row lock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from deployments.models import Deployment, Operation, OperationState

ONE_SHOT = ("delete_pod",)
"""Actions that are done once and are no wish: a newer wish does not replace them."""


def begin(deployment: Deployment, action: str, *, by: str, arguments: Mapping[str, Any]) -> Operation:
    now = timezone.now()
    return Operation.objects.create(
        deployment=deployment,
        action=action,
        generation=deployment.generation,
        arguments=dict(arguments),
        created_by=by,
        created_at=now,
        steps=[_step("queued", now, "")],
    )


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
    rows = deployment.operations.exclude(state__in=OperationState.ended()).exclude(action__in=ONE_SHOT)
    return list(rows.order_by("created_at"))


def _step(name: str, at: datetime, detail: str) -> dict[str, str]:
    return {"name": name, "at": at.isoformat(), "detail": detail}

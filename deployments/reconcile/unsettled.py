"""What a lost message, a killed worker or a returned cluster left undone."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from deployments.models import Operation, OperationState
from deployments.operations import ONE_SHOT
from deployments.reconcile import leases

_MOST = 2000
# Younger ones are on their way.
_PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Unsettled:
    deployments: list[int]
    pod_deletes: list[uuid.UUID]


def find_unsettled() -> Unsettled:
    """Deployments to reconcile and pods still to delete that are in nobody's hands."""
    now = timezone.now()
    rows = leases.unsettled(now).order_by("updated_at", "pk").values_list("pk", flat=True)
    waiting = Operation.objects.filter(
        action__in=ONE_SHOT,
        state__in=(OperationState.QUEUED, OperationState.APPLYING),
        created_at__lt=now - _PATIENCE,
    )
    return Unsettled(list(rows[:_MOST]), list(waiting.values_list("pk", flat=True)[:_MOST]))

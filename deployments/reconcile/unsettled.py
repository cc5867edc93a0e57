"""What a lost message, a killed worker or a returned cluster left undone."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from deployments import settling
from deployments.models import Deployment, Operation, OperationState, Revision, State
from deployments.operations import ONE_SHOT
from deployments.reconcile import leases
from deployments.reconcile.isolation import find_unsettled_isolations
from deployments.reconcile.quotas import find_unsettled_quotas

_MOST = 2000
# Younger ones are on their way.
_PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Unsettled:
    deployments: list[int]
    pod_deletes: list[uuid.UUID]
    stuck: list[int]
    unanswered: list[int]
    quotas: list[int]
    isolations: list[int]


def find_unsettled() -> Unsettled:
    """What is to be reconciled, deleted, rolled back, asked or bounded, and is in nobody's hands."""
    now = timezone.now()
    rows = leases.unsettled(now).order_by("updated_at", "pk").values_list("pk", flat=True)
    waiting = Operation.objects.filter(
        action__in=ONE_SHOT,
        state__in=(OperationState.QUEUED, OperationState.APPLYING),
        created_at__lt=now - _PATIENCE,
    )
    return Unsettled(
        deployments=list(rows[:_MOST]),
        pod_deletes=list(waiting.values_list("pk", flat=True)[:_MOST]),
        stuck=_find_stuck(),
        unanswered=_find_unanswered(now),
        quotas=find_unsettled_quotas(now),
        isolations=find_unsettled_isolations(now),
    )


def _find_stuck() -> list[int]:
    """Deployments whose rollout is stuck and that want what served before."""
    served = Revision.objects.filter(deployment=OuterRef("pk"), served_at__isnull=False)
    rows = Deployment.objects.filter(
        Exists(served.filter(number__lt=OuterRef("revision"))),
        deleted_at=None,
        state__in=(State.DEPLOYING, State.DEGRADED, State.FAILED),
        applied_generation=F("generation"),
        spec__rollout__auto_rollback=True,
    )
    return [row.pk for row in rows[:_MOST] if settling.may_roll_back(row)]


def _find_unanswered(now: datetime) -> list[int]:
    """Deployments with all pods ready whose address has not answered yet."""
    if not settings.ENDPOINT_CHECK:
        return []
    rows = Deployment.objects.filter(
        deleted_at=None,
        state__in=(State.DEPLOYING, State.FAILED),
        applied_generation=F("generation"),
        wanted_replicas__gt=0,
        ready_replicas__gte=F("wanted_replicas"),
    )
    return [row.pk for row in rows[:_MOST] if settling.awaits_answer(row, settling.stored_pods(row), now)]

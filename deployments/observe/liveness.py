"""What is stored of a cluster's being there, and what is done when it comes back. Runs in a thread."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from deployments import capturing, diagnosing, odd, settling
from deployments.locking import lock_row
from deployments.models import Cluster, ClusterState, Deployment, Operation, OperationState, State
from deployments.nudges import Nudge
from deployments.reconcile import leases

_MOST_RECHECKED = 200


def mark_seen(cluster_id: int, at: datetime, *, version: str, message: str) -> list[Nudge]:
    """Word came from a cluster. Answers whom to tell: everybody with something there, if it was away."""
    row = Cluster.objects.filter(pk=cluster_id).first()
    if row is None:
        return []
    returned = row.state != ClusterState.CONNECTED
    Cluster.objects.filter(pk=cluster_id).update(
        seen_at=at,
        state=ClusterState.CONNECTED,
        unreachable_since=None,
        message=odd.storable(message),
        version=odd.storable(version or row.version)[:40],
    )
    return _everybody(cluster_id) if returned else []


def mark_lost(cluster_id: int, message: str) -> list[Nudge]:
    """No word comes from a cluster any more."""
    row = Cluster.objects.filter(pk=cluster_id).first()
    if row is None:
        return []
    newly = row.state != ClusterState.UNREACHABLE
    since = row.unreachable_since or row.seen_at or timezone.now()
    Cluster.objects.filter(pk=cluster_id).update(
        state=ClusterState.UNREACHABLE, unreachable_since=since, message=odd.storable(message)
    )
    return _everybody(cluster_id) if newly else []


def due_after_return(cluster_id: int) -> list[int]:
    """Unsettled deployments of a cluster that is back; their back-off is over."""
    rows = Deployment.objects.filter(leases.UNSETTLED, cluster_id=cluster_id)
    rows.update(retry_at=None)
    return list(rows.values_list("pk", flat=True))


@dataclass(slots=True)
class Rechecked:
    """Whom to tell, whose containers' last words are not kept yet, and whose address has not answered yet."""

    nudges: list[Nudge] = field(default_factory=list)
    to_capture: set[int] = field(default_factory=set)
    to_check: set[int] = field(default_factory=set)


def recheck(cluster_id: int) -> Rechecked:
    """Judges again what time alone can change: patience that ends, operations that fail by lasting."""
    waiting = Operation.objects.filter(
        state=OperationState.WAITING, deployment__cluster_id=cluster_id
    ).values_list("deployment_id", flat=True)
    unsettled = Q(state__in=(State.DEPLOYING, State.DEGRADED, State.FAILED))
    moving = unsettled | Q(pk__in=list(waiting[:_MOST_RECHECKED]))
    # A wish that waits for a worker is judged by what the worker does, not by time.
    written = Q(applied_generation=F("generation")) | Q(refused_generation=F("generation"))
    rows = Deployment.objects.filter(moving, written, cluster_id=cluster_id, deleted_at=None)
    looked = Rechecked()
    for pk in list(rows.order_by("state_since").values_list("pk", flat=True)[:_MOST_RECHECKED]):
        with transaction.atomic():
            row = lock_row(pk)
            pods = settling.stored_pods(row)
            if settling.refresh(row, pods):
                looked.nudges.append(Nudge(team=row.team.name, deployment=row.name))
            if capturing.missing_runs(row, pods, timezone.now()):
                looked.to_capture.add(pk)
            if settling.awaits_answer(row, pods, timezone.now()):
                looked.to_check.add(pk)
    looked.nudges += diagnosing.rediagnose(_troubled(cluster_id)).values()
    return looked


def _troubled(cluster_id: int) -> list[int]:
    """Those of which time may tell more. What is explained already changes with what is seen."""
    unexplained = Q(state__in=(State.DEGRADED, State.FAILED), diagnosis=None)
    rows = Deployment.objects.filter(cluster_id=cluster_id, deleted_at=None)
    rows = rows.filter(Q(state=State.DEPLOYING, applied_generation=F("generation")) | unexplained)
    return list(rows.values_list("pk", flat=True)[:_MOST_RECHECKED])


def _everybody(cluster_id: int) -> list[Nudge]:
    teams = Deployment.objects.filter(cluster_id=cluster_id, deleted_at=None).order_by()
    return [Nudge(team=name) for name in teams.values_list("team__name", flat=True).distinct()]

"""The state of the whole installation, for its own metrics. It names clusters, never teams or deployments."""

from dataclasses import dataclass

from django.db.models import Count, Min, QuerySet
from django.utils import timezone

from deployments.models import Cluster, Deployment, Operation, OperationState, State
from deployments.selectors.status import stale_since, with_shown_state


@dataclass(frozen=True, slots=True)
class ClusterHealth:
    """`seen_ago` is seconds since the last word of it, `measured_ago` since that of use; None: never."""

    name: str
    stale: bool
    seen_ago: float | None
    measured_ago: float | None


def deployments_by_state() -> dict[str, int]:
    """How many live deployments are in each shown state; all states are present."""
    rows = with_shown_state(Deployment.objects.filter(deleted_at=None)).order_by()
    counted = dict(rows.values_list("shown_state").annotate(number=Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in State if state is not State.DELETED}


def operations_by_state() -> dict[str, int]:
    """How many operations there are in each state; all states are present."""
    rows: QuerySet[Operation] = Operation.objects.order_by()
    counted = dict(rows.values_list("state").annotate(number=Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in OperationState}


def unwritten_seconds() -> float:
    """Age of the oldest operation that no worker has written to its cluster yet; 0 while there is none."""
    rows = Operation.objects.filter(state__in=(OperationState.QUEUED, OperationState.APPLYING)).order_by()
    oldest = rows.aggregate(at=Min("created_at"))["at"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def clusters_health() -> list[ClusterHealth]:
    """Every cluster, by name."""
    now = timezone.now()
    return [
        ClusterHealth(
            name=row.name,
            stale=stale_since(row, now) is not None,
            seen_ago=(now - row.seen_at).total_seconds() if row.seen_at else None,
            measured_ago=(now - row.metrics_at).total_seconds() if row.metrics_at else None,
        )
        for row in Cluster.objects.order_by("name")
    ]

"""What the first page shows: broken first, then what is moving."""

from dataclasses import dataclass

from django.db.models import Sum

from deployments.models import Cluster, Deployment, State, TimelineEntry
from deployments.selectors.access import Person, clusters_visible_to
from deployments.selectors.reading import counts_by_state, deployments_visible_to
from teams.access import teams_of

_BROKEN = (State.FAILED.value, State.DEGRADED.value, State.UNKNOWN.value)
_MOVING = (State.PENDING.value, State.DEPLOYING.value, State.DELETING.value)
_ROWS = 12


@dataclass(frozen=True, slots=True)
class Overview:
    """`counts` has every status word; `broken` and `moving` are newest first and cut at a dozen."""

    counts: dict[str, int]
    total: int
    ready_replicas: int
    wanted_replicas: int
    broken: list[Deployment]
    moving: list[Deployment]
    running: list[Deployment]
    clusters: list[Cluster]
    recent: list[TimelineEntry]


def overview(user: Person) -> Overview:
    """The state of all that `user` may see, in a fixed number of queries."""
    rows = deployments_visible_to(user)
    counts = counts_by_state(user)
    replicas = rows.order_by().aggregate(
        ready=Sum("ready_replicas", default=0), wanted=Sum("wanted_replicas", default=0)
    )
    recent = TimelineEntry.objects.filter(deployment__team__in=teams_of(user))
    return Overview(
        counts=counts,
        total=sum(counts.values()),
        ready_replicas=replicas["ready"],
        wanted_replicas=replicas["wanted"],
        broken=list(rows.filter(shown_state__in=_BROKEN).order_by("-state_since")[:_ROWS]),
        moving=list(rows.filter(shown_state__in=_MOVING).order_by("-state_since")[:_ROWS]),
        running=list(rows.filter(shown_state=State.RUNNING).order_by("-updated_at")[:_ROWS]),
        clusters=list(clusters_visible_to(user)),
        recent=list(recent.select_related("deployment__team").order_by("-at", "-id")[:_ROWS]),
    )

"""The first page: what is broken, what is moving, what there is."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.forms.filters import URGENCY
from dashboard.views.frame import PageRequest, page, page_or_fragment
from deployments import selectors
from deployments.models import Cluster, Deployment, State
from deployments.selectors.usage.clusters import cluster_totals


@dataclass(frozen=True)
class Row:
    """A deployment with what short lists say of it."""

    deployment: Deployment
    status: dict[str, object]


def rows_of(deployments: Iterable[Deployment]) -> list[Row]:
    """Rows for short lists, from deployments joined with what they show."""
    return [Row(one, selectors.present_status(one)) for one in deployments]


@page
@require_safe
def overview(request: PageRequest) -> HttpResponse:
    seen = selectors.overview(request.user)
    counts = [{"state": word.value, "count": seen.counts.get(word.value, 0)} for word in URGENCY]
    context = {
        "seen": seen,
        "counts": [entry for entry in counts if entry["count"]],
        "trouble": rows_of(sorted(seen.broken, key=urgency)),
        "moving": rows_of(seen.moving),
        "serving": rows_of(seen.running),
        "clusters": [strip_of(cluster) for cluster in seen.clusters],
        "held": cluster_totals(seen.clusters),
        "here": request.get_full_path(),
    }
    return page_or_fragment(request, "overview.html", "glance", context)


def urgency(deployment: Deployment) -> int:
    """What serves nobody comes before what still serves somebody."""
    return URGENCY.index(State(selectors.present_status(deployment)["state"]))


def strip_of(cluster: Cluster) -> dict[str, object]:
    """A cluster's word, and since when there is none from it."""
    since = selectors.stale_since(cluster)
    return {"cluster": cluster, "state": "unknown" if since else "connected", "since": since}

"""One deployment as its pages show it: found with permission, judged, with what this person may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from dashboard.places import places_of
from dashboard.views.frame import PageRequest, page_or_fragment
from deployments import selectors
from deployments.errors import NotFound
from deployments.models import Deployment, State
from teams.roles import Role

TABS = (
    ("deployment", "Overview", "activity"),
    ("deployment-logs", "Logs", "terminal-2"),
    ("deployment-events", "Events", "list-details"),
    ("deployment-revisions", "Revisions", "history"),
    ("deployment-scaling", "Scaling", "trending-up"),
    ("deployment-usage", "Usage", "chart-bar"),
    ("deployment-try", "Try it", "bolt"),
    ("deployment-yaml", "YAML", "code"),
    ("deployment-audit", "Audit", "shield-check"),
    ("deployment-settings", "Settings", "settings"),
)
FOR_LEADS = {"deployment-audit"}
MAX_DIGITS = 18
# What a deleted deployment still has.
TABS_OF_HISTORY = {
    "deployment",
    "deployment-logs",
    "deployment-events",
    "deployment-revisions",
    "deployment-audit",
}


@dataclass(frozen=True)
class Abilities:
    """What this person may press here, so that a page offers nothing that would be refused."""

    change: bool
    delete: bool
    schedule: bool = False
    audit: bool = False


def find(request: PageRequest, team: str, name: str) -> Deployment:
    """The live deployment of that name; else the newest deleted one; `?deleted=ID` picks an older one.

    Raises:
        NotFound: neither, or this person may not know of it.
    """
    places, asked = places_of(request), request.GET.get("deleted", "")
    if asked.isdecimal() and len(asked) < MAX_DIGITS:
        return selectors.get_deployment(places, team, name, deleted_id=int(asked))
    try:
        return selectors.get_deployment(places, team, name)
    except NotFound:
        history = selectors.deployments_visible_to(request.user, include_deleted=True)
        newest = history.filter(team__name=team, name=name).order_by("-deleted_at").first()
        if newest is None:
            raise
        return newest


def abilities(request: PageRequest, deployment: Deployment) -> Abilities:
    role = places_of(request).role_of(deployment.team)
    leads = role is not None and role.covers(Role.LEAD)
    if role is None or deployment.delete_requested_at or deployment.deleted_at:
        return Abilities(change=False, delete=False, audit=leads)
    change = role.covers(Role.DEPLOYER)
    own = deployment.created_by_id == request.user.pk
    return Abilities(change=change, delete=leads or (change and own), schedule=leads, audit=leads)


def frame_of(request: PageRequest, deployment: Deployment, tab: str) -> dict[str, object]:
    """What the head of every tab needs: status, address, abilities, tabs."""
    history = deployment.deleted_at is not None
    status = selectors.present_status(deployment)
    can = abilities(request, deployment)
    rolling = status["state"] in {State.DEPLOYING, State.PENDING, State.DEGRADED}
    return {
        "deployment": deployment,
        "status": status,
        "endpoint": selectors.endpoint_of(deployment),
        "inside": selectors.address_in_cluster(deployment),
        "can": can,
        "tab": tab,
        "tab_word": next(word for address, word, _ in TABS if address == tab),
        "tabs": [
            entry
            for entry in TABS
            if (not history or entry[0] in TABS_OF_HISTORY) and (can.audit or entry[0] not in FOR_LEADS)
        ],
        "history": history,
        "rolling": rolling and not history,
        "here": address_of(request, deployment, tab),
    }


def address_of(request: PageRequest, deployment: Deployment, tab: str) -> str:
    """The tab's own address, also when it is shown in answer to a refused action."""
    address = reverse(tab, args=[deployment.team.name, deployment.name])
    query = request.GET.urlencode()
    return f"{address}?{query}" if query and request.method == "GET" else address


def show_tab(
    request: PageRequest,
    deployment: Deployment,
    tab: str,
    template: str,
    context: Mapping[str, object],
    *,
    part: str = "live",
    status: int = 200,
) -> HttpResponse:
    """A tab's page, or one part of it; by default the one that keeps itself true."""
    merged = {**frame_of(request, deployment, tab), **context}
    return page_or_fragment(request, template, part, merged, status=status)

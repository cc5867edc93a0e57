"""One action on several deployments: a page that names them, then what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.deployment import as_number
from dashboard.quotas import rooms_for
from dashboard.views.frame import PageRequest, page
from deployments import intent, selectors
from deployments.errors import InvalidInput
from deployments.models import Deployment
from teams.access import teams_with_role
from teams.roles import Role

MOST = 200
# action: what to press, what was stored, icon, what it does
ACTIONS = {
    "scale": ("Scale", "Scaling", "arrows-maximize", "Each is scaled to the same number of replicas."),
    "pause": ("Pause", "Pausing", "player-pause", "Pods stop; addresses and counts are kept for the resume."),
    "resume": ("Resume", "Resuming", "player-play", "Each comes back with the count it was paused with."),
    "restart": ("Restart", "Restarting", "refresh", "Every pod is replaced, one after the other."),
}
Target = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """A chosen deployment and what would happen to it; None where there is none of that name."""

    target: Target
    deployment: Deployment | None
    status: dict[str, object]
    foreseen: str
    refused: bool


@page
@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: PageRequest) -> HttpResponse:
    typed = request.POST if request.method == "POST" else request.GET
    action = typed.get("action", "")
    targets = chosen(typed)
    if action not in ACTIONS or not targets:
        messages.info(request, "Choose deployments in the list first, then what to do with them.")
        return HttpResponseRedirect(way_back(request, typed))
    if request.method != "POST":
        return confirm(request, action, targets, typed)
    return carry_out(request, action, targets, typed)


def chosen(typed: QueryDict) -> list[Target]:
    """The deployments that were ticked, as "team/name", each once."""
    parts = [text.partition("/") for text in typed.getlist("chosen")[:MOST]]
    return list(dict.fromkeys((team[:60], name[:60]) for team, _, name in parts if team and name))


def way_back(request: PageRequest, typed: QueryDict) -> str:
    """The list as it was filtered."""
    back = typed.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if safe else reverse("deployments")


def confirm(
    request: PageRequest, action: str, targets: Sequence[Target], typed: QueryDict, *, error: str = ""
) -> HttpResponse:
    """What it will do to each, before anything is done."""
    rows = rows_of(request, action, targets, typed.get("replicas", ""))
    found = [row.deployment for row in rows if row.deployment is not None]
    asks_for_more = action in ("scale", "resume")
    context = {
        "rows": rows,
        "rooms": rooms_for((one.team, one.cluster) for one in found) if asks_for_more else [],
        "doable": sum(not row.refused for row in rows),
        "replicas": typed.get("replicas", ""),
        "error": error,
    }
    return show(request, "deployments/bulk.html", action, typed, context, status=422 if error else 200)


def carry_out(request: PageRequest, action: str, targets: Sequence[Target], typed: QueryDict) -> HttpResponse:
    replicas = as_number(typed.get("replicas", "").strip()) if action == "scale" else None
    try:
        results = intent.bulk(action, list(targets), by=request.user, replicas=replicas)
    except InvalidInput as error:
        return confirm(request, action, targets, typed, error=" ".join(e.message for e in error.errors))
    refused = [result for result in results if result.error is not None]
    if not refused:
        names = ", ".join(result.name for result in results[:3]) + (" and others" if len(results) > 3 else "")
        messages.success(request, f"{ACTIONS[action][1]} {names}.")
        return HttpResponseRedirect(way_back(request, typed))
    context = {"results": results, "done": len(results) - len(refused)}
    return show(request, "deployments/bulk_results.html", action, typed, context)


def show(
    request: PageRequest,
    template: str,
    action: str,
    typed: QueryDict,
    context: Mapping[str, object],
    *,
    status: int = 200,
) -> HttpResponse:
    press, doing, icon, explained = ACTIONS[action]
    frame = {"press": press, "doing": doing, "drawing": icon, "explained": explained}
    frame |= {"action": action, "back": way_back(request, typed)}
    return render(request, template, {**frame, **context}, status=status)


def rows_of(request: PageRequest, action: str, targets: Sequence[Target], replicas: str) -> list[Row]:
    """The chosen ones in their order, in a fixed number of queries."""
    teams, names = {team for team, _ in targets}, {name for _, name in targets}
    found = selectors.deployments_visible_to(request.user).filter(team__name__in=teams, name__in=names)
    known = {(one.team.name, one.name): one for one in found}
    may = set(teams_with_role(request.user, Role.DEPLOYER).values_list("name", flat=True))
    return [row_of(target, known.get(target), action, replicas, target[0] in may) for target in targets]


def row_of(target: Target, deployment: Deployment | None, action: str, replicas: str, may: bool) -> Row:
    if deployment is None:
        return Row(target, None, {}, "There is no such deployment any more.", True)
    status = selectors.present_status(deployment)
    problem = problem_of(deployment, action, may=may)
    return Row(target, deployment, status, problem or foresee(deployment, action, replicas), bool(problem))


def problem_of(deployment: Deployment, action: str, *, may: bool) -> str:
    """Why it would be refused; "" when nothing stands in the way."""
    if not may:
        return "Needs the role deployer in its team."
    if deployment.delete_requested_at:
        return "It is being deleted."
    if action == "scale" and deployment.autoscaling:
        return "An autoscaler owns its count."
    return ""


def foresee(deployment: Deployment, action: str, replicas: str) -> str:
    """What will happen to it, in a few words."""
    count = deployment.replicas
    alone = count == 1
    if action == "scale":
        after = f"has {count} now"
        if replicas:
            after = gettext("{before} to {after}").format(before=count, after=replicas)
        return f"{after}, when it is resumed" if deployment.paused_at else after
    if action == "pause":
        stops = f"{count} replica stops" if alone else f"{count} replicas stop"
        return "is paused already" if deployment.paused_at else stops
    if action == "resume":
        starts = f"{count} replica starts" if alone else f"{count} replicas start"
        return starts if deployment.paused_at else "is not paused"
    return "is paused: nothing to replace" if deployment.paused_at else "pods are replaced one by one"

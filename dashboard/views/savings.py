"""What could be saved: the most wasteful deployments, sizes that would do, and those that do nothing."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.views.frame import PageRequest, page
from dashboard.views.one import show_tab
from dashboard.views.revisions import is_number
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.models import Deployment
from deployments.selectors.usage.savings import (
    ShownSizing,
    idle_deployments,
    shown_sizing,
    totals_of,
    wasteful_deployments,
)
from teams.access import teams_with_role
from teams.roles import Role

ROWS = 50


@dataclass(frozen=True)
class Row:
    """A deployment with what is suggested, and what this person may do about it."""

    sizing: ShownSizing
    may_apply: bool = False
    may_pause: bool = False

    @property
    def costs_more(self) -> Decimal | None:
        """Money a month that the suggestion costs, where it does not save any."""
        saving = self.sizing.saving_month
        return -saving if saving is not None and saving < 0 else None


def row_for(request: PageRequest, deployment: Deployment) -> Row:
    """One deployment's, for the card of its own page."""
    role = selectors.role_of(request.user, deployment.team)
    return Row(shown_sizing(deployment), may_apply=role is not None and role.covers(Role.LEAD))


@page
@require_safe
def savings(request: PageRequest) -> HttpResponse:
    """`?team=` and `?cluster=` narrow it."""
    team, cluster = request.GET.get("team", "")[:60], request.GET.get("cluster", "")[:60]
    rows = wasteful_deployments(request.user, team=team, cluster=cluster)
    shown = Paginator(rows.defer("facts"), ROWS).get_page(request.GET.get("page"))
    leading, changing = (
        set(teams_with_role(request.user, role).values_list("pk", flat=True))
        for role in (Role.LEAD, Role.DEPLOYER)
    )

    def row_of(one: Deployment) -> Row:
        return Row(shown_sizing(one), one.team_id in leading, one.team_id in changing)

    idle = [row_of(one) for one in idle_deployments(rows)]
    context = {
        "shown": shown,
        "rows": [row_of(one) for one in shown],
        "idle": idle,
        "may_pause": any(row.may_pause for row in idle),
        "idle_days": settings.IDLE_AFTER_DAYS,
        "totals": totals_of(rows),
        "teams": list(selectors.teams_of(request.user)),
        "clusters": list(selectors.clusters_visible_to(request.user)),
        "team": team,
        "cluster": cluster,
        "here": request.get_full_path(),
    }
    return render(request, "usage/savings.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: PageRequest, team: str, name: str) -> HttpResponse:
    """What the suggested size changes, and changing it."""
    deployment = selectors.get_deployment(request.user, team, name)
    if request.method != "POST":
        return confirm(request, deployment)
    seen = request.POST.get("generation", "")
    try:
        intent.apply_sizing(deployment, by=request.user, if_generation=int(seen) if is_number(seen) else None)
    except (NotFound, PermissionDenied):
        raise
    except DomainError as error:
        deployment.refresh_from_db()
        return confirm(request, deployment, error=error)
    messages.success(request, f"{deployment.name} gets its new size. Pods are replaced one by one.")
    return redirect("usage-savings")


def confirm(
    request: PageRequest, deployment: Deployment, *, error: DomainError | None = None
) -> HttpResponse:
    selectors.require_role(request.user, deployment.team, Role.LEAD)
    row = Row(shown_sizing(deployment), may_apply=True)
    words = "" if error is None else " ".join(one.message for one in error.errors) or error.detail
    context = {"row": row, "next_number": deployment.revision + 1, "error": words}
    return show_tab(
        request,
        deployment,
        "deployment",
        "usage/apply_sizing.html",
        context,
        status=200 if error is None else error.status,
    )

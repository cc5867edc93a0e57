"""The table of deployments."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.forms.filters import STATES, ListFilters
from dashboard.views.bulk import ACTIONS
from dashboard.views.columns import Column, headings
from dashboard.views.frame import PageRequest, page, page_or_fragment
from dashboard.views.listed import READ, listed
from deployments import selectors
from deployments.models import State
from deployments.selectors.usage.held import NOTHING, held_by_deployment
from teams.access import teams_with_role
from teams.roles import Role

ROWS = 50
COLUMNS: tuple[Column, ...] = (
    ("state", "Status", ""),
    ("name", "Name", ""),
    ("model", "Model", ""),
    ("ready", "Ready", "num"),
    ("", "CPU", "cell-use"),
    ("", "Memory", "cell-use"),
    ("", "Address", ""),
    ("created", "Age", "num"),
    ("", "Created by", ""),
)


@page
@require_safe
def deployments(request: PageRequest) -> HttpResponse:
    filters = ListFilters.of(request.GET)
    history = filters.state == State.DELETED
    visible = selectors.deployments_visible_to(request.user, include_deleted=history)
    if history:
        visible = visible.filter(deleted_at__isnull=False)
    shown = Paginator(filters.apply(visible).only(*READ), ROWS).get_page(request.GET.get("page"))
    models = (
        selectors.models_visible_to(request.user).order_by("name").values_list("name", flat=True).distinct()
    )
    changing = (
        set() if history else set(teams_with_role(request.user, Role.DEPLOYER).values_list("pk", flat=True))
    )
    held = {} if history else held_by_deployment([one.pk for one in shown.object_list])
    context = {
        "rows": [
            listed(one, held.get(one.pk, NOTHING), choice=one.team_id in changing if changing else None)
            for one in shown.object_list
        ],
        "choosing": bool(changing),
        "bulk_actions": ACTIONS,
        "shown": shown,
        "filters": filters,
        "history": history,
        "states": STATES,
        "models": models,
        "teams": selectors.teams_of(request.user),
        "columns": headings(COLUMNS, filters.sort),
        "here": request.get_full_path(),
    }
    return page_or_fragment(request, "deployments/list.html", "table", context)

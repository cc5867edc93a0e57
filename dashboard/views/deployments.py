"""The table of deployments."""

from typing import cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.drawn import drawn_each
from dashboard.forms.filters import STATES, ListFilters
from dashboard.places import places_of
from dashboard.views.bulk import ACTIONS
from dashboard.views.columns import Column, headings
from dashboard.views.frame import PageRequest, page, page_or_fragment
from dashboard.views.listed import listed
from deployments import selectors
from deployments.models import Deployment, State
from deployments.selectors.usage.held import NOTHING, OF_LIMITS, held_by_deployment

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
    places = places_of(request)
    visible = selectors.deployments_in(places).filter(deleted_at__isnull=not history)
    shown = Paginator(filters.apply(visible), ROWS).get_page(request.GET.get("page"))
    found = selectors.rows_of(cast("QuerySet[Deployment]", shown.object_list))
    choosing = not history and places.may_deploy_somewhere
    held = {} if history else held_by_deployment([one.pk for one in found], OF_LIMITS)
    rows = [
        listed(one, held.get(one.pk, NOTHING), choice=places.may_deploy_in(one.team_id) if choosing else None)
        for one in found
    ]
    context = {
        "rows": drawn_each("deployments/row.html", rows),
        "choosing": choosing,
        "bulk_actions": ACTIONS,
        "shown": shown,
        "filters": filters,
        "history": history,
        "states": STATES,
        "models": selectors.model_names_in(places),
        # Called by the template, for the form that only whole pages have.
        "teams": lambda: places.teams,
        "columns": headings(COLUMNS, filters.sort),
        "here": request.get_full_path(),
    }
    return page_or_fragment(request, "deployments/list.html", "table", context)

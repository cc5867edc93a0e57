"""Who asked for what: in a team, of a deployment, everywhere; with filters in the address, and as CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from dashboard.inert import made_inert
from dashboard.views.csv_files import csv_file
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from deployments import selectors
from deployments.audit_csv import csv_of
from deployments.errors import InvalidInput
from deployments.selectors import AuditFilters
from teams.models import AuditEntry

ROWS = 50
BATCH = 500
MOST_CSV_ROWS = 20_000
OUTCOMES = {"yes": True, "no": False}
LONGEST = 150


@dataclass(frozen=True)
class Change:
    """One thing that differs; a side that there was not is None."""

    name: str
    before: str | None
    after: str | None


@page
@require_safe
def of_team(request: PageRequest, team: str) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    rows = filters_of(request.GET).apply(selectors.audit_of_team(request.user, found))
    if wants_csv(request):
        return as_csv(request, rows, team)
    return render(request, "audit/team.html", {"team": found, **context_of(request, rows)})


@page
@require_safe
def of_platform(request: PageRequest) -> HttpResponse:
    rows = filters_of(request.GET).apply(selectors.audit_of_all(request.user))
    if wants_csv(request):
        return as_csv(request, rows, "platform")
    return render(request, "audit/platform.html", {"with_team": True, **context_of(request, rows)})


@page
@require_safe
def of_deployment(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    rows = filters_of(request.GET).apply(selectors.audit_of_deployment(request.user, deployment))
    if wants_csv(request):
        return as_csv(request, rows, f"{team}-{name}")
    context = context_of(request, rows)
    return show_tab(request, deployment, "deployment-audit", "audit/deployment.html", context)


def wants_csv(request: PageRequest) -> bool:
    return request.GET.get("format") == "csv"


def context_of(request: PageRequest, rows: QuerySet[AuditEntry]) -> dict[str, object]:
    shown = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    return {
        "shown": shown,
        "entries": [describe(row) for row in shown.object_list],
        "filters": filters_of(request.GET),
        "typed": {name: request.GET.get(name, "")[:LONGEST] for name in ("allowed", "since", "until")},
        "most_rows": MOST_CSV_ROWS,
    }


def filters_of(data: QueryDict) -> AuditFilters:
    """The filters of an address; what cannot be is as good as absent. `until` is the last day that counts."""
    last = day_of(data.get("until", ""))
    return AuditFilters(
        search=data.get("q", "").strip()[:LONGEST],
        actor=data.get("actor", "").strip()[:LONGEST],
        action=data.get("action", "").strip()[:LONGEST],
        allowed=OUTCOMES.get(data.get("allowed", "")),
        since=day_of(data.get("since", "")),
        until=last + timedelta(days=1) if last else None,
    )


def day_of(text: str) -> datetime | None:
    """Its midnight, by the clock that this person's pages show."""
    try:
        day = parse_date(text)
    except ValueError:
        return None
    # The last day there is has no next one.
    if day is None or day.year in (1, 9999):
        return None
    return datetime.combine(day, time.min, timezone.get_current_timezone()).astimezone(UTC)


def describe(row: AuditEntry) -> dict[str, object]:
    changes = [
        Change(name, _text(row.before, name), _text(row.after, name)) for name in {**row.before, **row.after}
    ]
    detail = [Change(name, None, _text(row.detail, name)) for name in row.detail]
    return {"row": row, "target": made_inert(row.target), "changes": changes, "detail": detail}


def _text(values: Mapping[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    return made_inert(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def as_csv(request: PageRequest, rows: QuerySet[AuditEntry], name: str) -> HttpResponse:
    """All that the filters leave. Raises: InvalidInput: more than a file may hold."""
    if rows.count() > MOST_CSV_ROWS:
        raise InvalidInput(detail=f"A file holds at most {MOST_CSV_ROWS} rows: choose fewer days.")
    return csv_file(request, batches_of(rows), f"audit-{name}-{timezone.now():%Y-%m-%d}.csv")


def batches_of(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    """Lines, some hundred at a time, newest first.

    Each batch is a query of its own that begins after the last row of the one before: a reader that
    is slow holds no transaction open, and what is written meanwhile moves nothing.
    """
    yield csv_of([])
    batch = list(rows[:BATCH])
    while batch:
        yield csv_of(batch, head=False)
        last = batch[-1]
        batch = list(rows.filter(Q(at__lt=last.at) | Q(at=last.at, id__lt=last.pk))[:BATCH])

"""The audit of a team, for its leads, and of the whole platform, for its admins."""

from collections.abc import Sequence

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import selectors
from deployments.api import people_present, people_shapes, query
from deployments.api.base import ApiView, admin_of, team_of, user_of
from deployments.api.openapi import LIST, ORDERING, describe, parameter
from deployments.api.pagination import paged
from deployments.api.renderers import AuditCsvRenderer, StructRenderer
from deployments.audit_csv import csv_of
from teams.models import AuditEntry

ORDERS = {name: name for name in ("at", "actor", "action", "target")}
PARAMETERS = (
    parameter("search", "Only those with this text in actor, action, target, address, request id or token."),
    parameter("actor", "Only what this account asked for."),
    parameter("action", "Only this action, for instance `scale`."),
    parameter("allowed", "Only what was allowed, or only what was refused.", kind=bool),
    parameter("since", "From this time on: 2030-01-31 or 2030-01-31T12:00:00Z."),
    parameter("until", "Before this time."),
    ORDERING,
    *LIST,
)


class TeamAudit(ApiView):
    """`Accept: text/csv` answers the same page as CSV, in which no cell is a formula."""

    renderer_classes = (StructRenderer, AuditCsvRenderer)  # type: ignore[assignment]

    @describe(
        "Who asked for what in a team, newest first; leads",
        answers=people_shapes.AuditEntry,
        many=True,
        also=["text/csv"],
        parameters=PARAMETERS,
    )
    def get(self, request: Request, team: str) -> Response:
        return answer(request, selectors.audit_of_team(user_of(request), team_of(request, team)))


class Audit(ApiView):
    """`Accept: text/csv` answers the same page as CSV, in which no cell is a formula."""

    renderer_classes = (StructRenderer, AuditCsvRenderer)  # type: ignore[assignment]

    @describe(
        "Who asked for what anywhere, newest first; admins",
        answers=people_shapes.AuditEntry,
        many=True,
        also=["text/csv"],
        parameters=PARAMETERS,
    )
    def get(self, request: Request) -> Response:
        return answer(request, selectors.audit_of_all(admin_of(request)))


def answer(request: Request, rows: QuerySet[AuditEntry]) -> Response:
    """One page of what the filters leave, as JSON or, where the client would rather have it, as CSV."""
    found = query.ordered(request, filters_of(request).apply(rows), ORDERS, default="-at")
    if request.accepted_renderer.format == AuditCsvRenderer.format:
        return paged(request, found, _as_csv)
    return paged(request, found, people_present.audit_entries)


def _as_csv(rows: Sequence[AuditEntry]) -> list[str]:
    return [csv_of(rows)]


def filters_of(request: Request) -> selectors.AuditFilters:
    """Raises: InvalidInput."""
    return selectors.AuditFilters(
        search=query.text(request, "search"),
        actor=query.text(request, "actor"),
        action=query.text(request, "action"),
        allowed=query.flag(request, "allowed") if query.text(request, "allowed") else None,
        since=query.moment(request, "since"),
        until=query.moment(request, "until"),
    )

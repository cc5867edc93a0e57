"""Who is asking, and the journeys of their wishes."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import models, selectors
from deployments.api import catalogue_present, catalogue_shapes, present, query, shapes
from deployments.api.base import ApiView, of_token_team, token_of, token_team, user_of
from deployments.api.openapi import LIST, ORDERING, describe, parameter
from deployments.api.pagination import paged
from deployments.api.problems import no_such_address

OPERATION_ORDERS = {"created_at": "created_at", "finished_at": "finished_at", "state": "state"}


class Me(ApiView):
    @describe("Who am I, and in which teams", answers=catalogue_shapes.Me)
    def get(self, request: Request) -> Response:
        return Response(catalogue_present.me(user_of(request), token_of(request)))


class Operations(ApiView):
    @describe(
        "List operations, newest first",
        answers=shapes.Operation,
        many=True,
        parameters=[
            parameter("state", "Only those in this state.", enum=list(models.OperationState)),
            parameter("team", "Only those of this team."),
            parameter("action", "Only those that do this, such as scale."),
            parameter("deployment", "Only those of deployments with this name."),
            ORDERING,
            *LIST,
        ],
    )
    def get(self, request: Request) -> Response:
        rows = of_token_team(request, selectors.operations_visible_to(user_of(request)), "deployment__team")
        exact = {
            "state": query.choice(request, "state", list(models.OperationState)),
            "deployment__team__name": query.text(request, "team"),
            "deployment__name": query.text(request, "deployment"),
            "action": query.text(request, "action"),
        }
        rows = rows.filter(**{column: value for column, value in exact.items() if value})
        ordered = query.ordered(request, rows, OPERATION_ORDERS, default="-created_at")
        return paged(request, ordered, present.operations)


class Operation(ApiView):
    @describe("Read an operation", answers=shapes.Operation)
    def get(self, request: Request, operation: str) -> Response:
        row = selectors.get_operation(user_of(request), operation)
        limited_to = token_team(request)
        if limited_to is not None and row.deployment.team_id != limited_to.pk:
            raise no_such_address()
        return Response(present.operation(row))

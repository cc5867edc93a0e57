"""Deployments: list, create, read, change, delete. What is done with one is in `actions`."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models, selectors
from deployments.api import payloads, present, preview, query, shapes
from deployments.api.base import (
    ApiView,
    Write,
    accepted,
    body_of,
    deployment_of,
    dry,
    etag,
    of_token_team,
    team_of,
    user_of,
)
from deployments.api.openapi import (
    CONDITIONAL,
    DRY_RUN,
    LIST,
    ORDERING,
    WAIT,
    describe,
    parameter,
)
from deployments.api.pagination import paged

ORDERS = {
    "name": "name",
    "team": "team__name",
    "cluster": "cluster__name",
    "status": "shown_state",
    "model": "version__model__name",
    "version": "version__version",
    "replicas": "replicas",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
"""What `?ordering=` knows, and the columns behind it."""

FILTERS = (
    parameter("status", "Only those in this state; `deleted` lists history.", enum=list(models.State)),
    parameter("cluster", "Only those in this cluster."),
    parameter("model", "Only those of this model."),
    parameter("version", "Only those of this version."),
    parameter("search", "Only those whose name, model, version or image contains this."),
    ORDERING,
    *LIST,
)


def listed(request: Request, team: str = "") -> Response:
    """The deployments this person may see, filtered, ordered and paged as asked."""
    state = query.choice(request, "status", list(models.State))
    history = state == models.State.DELETED
    rows = selectors.deployments_visible_to(user_of(request), include_deleted=history)
    rows = of_token_team(request, rows)
    exact = {
        "shown_state": state,
        "team__name": team or query.text(request, "team"),
        "cluster__name": query.text(request, "cluster"),
        "version__model__name": query.text(request, "model"),
        "version__version": query.text(request, "version"),
    }
    rows = rows.filter(**{column: value for column, value in exact.items() if value})
    rows = query.searched(
        request, rows, ("name", "version__model__name", "version__version", "version__image")
    )
    return paged(request, query.ordered(request, rows, ORDERS, default="name"), present.deployments)


class AllDeployments(ApiView):
    @describe(
        "List deployments of all my teams",
        answers=shapes.Deployment,
        many=True,
        parameters=[parameter("team", "Only those of this team."), *FILTERS],
    )
    def get(self, request: Request) -> Response:
        return listed(request)


class Deployments(ApiView):
    @describe("List deployments of a team", answers=shapes.Deployment, many=True, parameters=list(FILTERS))
    def get(self, request: Request, team: str) -> Response:
        return listed(request, team_of(request, team).name)

    @describe(
        "Create a deployment",
        takes=payloads.NewDeployment,
        answers=shapes.Accepted,
        status=202,
        parameters=[WAIT, DRY_RUN],
        may=(409,),
    )
    def post(self, request: Request, team: str) -> Response:
        wait = query.wait_seconds(request)
        owner = team_of(request, team)
        if dry(request):
            return Response(preview.of_create(owner, body_of(request), by=user_of(request)))
        operation = intent.create_deployment(owner, body_of(request), by=user_of(request))
        return accepted(request, operation, wait_seconds=wait)


class Deployment(ApiView):
    @describe("Read a deployment", answers=shapes.Deployment)
    def get(self, request: Request, team: str, name: str) -> Response:
        row = deployment_of(request, team, name)
        return Response(present.deployment(row), headers={"ETag": etag(row)})

    @describe(
        "Change a deployment: what is named changes, the rest stays",
        takes=payloads.DeploymentChanges,
        answers=shapes.Accepted,
        status=202,
        parameters=[*CONDITIONAL, DRY_RUN],
        may=(409, 412),
    )
    def patch(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        if dry(request):
            write.refuse_stale()
            return Response(preview.of_changes(write.row, body_of(request), by=write.by))
        return write.accepted(intent.update_deployment(write.row, body_of(request), **write.terms))

    @describe(
        "Delete a deployment; its history is kept",
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def delete(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        return write.accepted(intent.delete(write.row, **write.terms))

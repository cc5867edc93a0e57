"""What could be saved, and saving it."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent
from deployments.api import payloads, query, shapes, sizing_present, sizing_shapes
from deployments.api.base import ApiView, Write, deployment_of, of_token_team, only_fields, user_of
from deployments.api.openapi import CONDITIONAL, LIST, describe, parameter
from deployments.api.pagination import paged
from deployments.selectors.usage.savings import wasteful_deployments


class Savings(ApiView):
    """Of your teams alone."""

    @describe(
        "Deployments and the sizes that would do, the most wasteful first",
        answers=sizing_shapes.Sizing,
        many=True,
        parameters=[
            parameter("team", "Only those of the team with this name."),
            parameter("cluster", "Only those in the cluster with this name."),
            *LIST,
        ],
    )
    def get(self, request: Request) -> Response:
        team, cluster = query.text(request, "team"), query.text(request, "cluster")
        rows = wasteful_deployments(user_of(request), team=team, cluster=cluster)
        return paged(request, of_token_team(request, rows), sizing_present.sizings)


class Sizing(ApiView):
    @describe("What the replicas of a deployment would do with", answers=sizing_shapes.Sizing)
    def get(self, request: Request, team: str, name: str) -> Response:
        return Response(sizing_present.sizing(deployment_of(request, team, name)))


class ApplySizing(ApiView):
    """A new revision. 409 `nothing_to_apply` where nothing is suggested for what it is by now."""

    @describe(
        "Give replicas the size that is suggested; leads",
        takes=payloads.Nothing,
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        only_fields(request, ())
        return write.accepted(intent.apply_sizing(write.row, **write.terms))

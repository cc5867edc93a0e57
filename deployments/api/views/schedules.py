"""Schedules: counts that change by the clock of the team."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models, selectors
from deployments.api import payloads, present, query, shapes
from deployments.api.base import ApiView, body_of, deployment_of, user_of
from deployments.api.openapi import LIST, ORDERING, describe
from deployments.api.pagination import paged

ORDERS = {name: name for name in ("id", "cron", "next_at", "last_at", "created_at")}


def schedule_of(request: Request, team: str, name: str, number: str) -> models.ScalingSchedule:
    """Raises: NotFound."""
    return selectors.get_schedule(deployment_of(request, team, name), int(number))


class Schedules(ApiView):
    @describe(
        "List the schedules of a deployment", answers=shapes.Schedule, many=True, parameters=[ORDERING, *LIST]
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        rows = selectors.schedules_of(deployment_of(request, team, name)).select_related("deployment__team")
        return paged(request, query.ordered(request, rows, ORDERS, default="id"), present.schedules)

    @describe(
        "Change the count, or the autoscaler's bounds, at times",
        takes=payloads.NewSchedule,
        answers=shapes.Schedule,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        deployment = deployment_of(request, team, name)
        made = intent.add_schedule(deployment, body_of(request), by=user_of(request))
        row = schedule_of(request, team, name, str(made.pk))
        where = present.address("schedule", team=team, name=name, number=row.pk)
        return Response(present.schedules([row])[0], status=201, headers={"Location": where})


class Schedule(ApiView):
    @describe("Read a schedule", answers=shapes.Schedule)
    def get(self, request: Request, team: str, name: str, number: str) -> Response:
        return Response(present.schedules([schedule_of(request, team, name, number)])[0])

    @describe("Change a schedule", takes=payloads.ScheduleChanges, answers=shapes.Schedule, may=(409,))
    def patch(self, request: Request, team: str, name: str, number: str) -> Response:
        row = schedule_of(request, team, name, number)
        intent.change_schedule(row, body_of(request), by=user_of(request))
        return Response(present.schedules([schedule_of(request, team, name, number)])[0])

    @describe("Remove a schedule", status=204, may=(409,))
    def delete(self, request: Request, team: str, name: str, number: str) -> Response:
        intent.remove_schedule(schedule_of(request, team, name, number), by=user_of(request))
        return Response(status=204)

"""Models and their versions."""

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models, selectors
from deployments.api import catalogue_present, catalogue_shapes, payloads, present, query
from deployments.api.base import ApiView, body_of, team_of, user_of
from deployments.api.openapi import LIST, ORDERING, describe, parameter
from deployments.api.pagination import paged

MODEL_ORDERS = {"name": "name", "created_at": "created_at", "updated_at": "updated_at"}
VERSION_ORDERS = {"version": "version", "created_at": "created_at", "updated_at": "updated_at"}
IS_ARCHIVED = {"archived": Q(archived_at__isnull=False)}
SEARCH = parameter("search", "Only those whose text fields contain this.")
ARCHIVED = parameter("archived", "Only those that are, or are not, archived.", kind=bool)


def model_of(request: Request, team: str, model: str) -> models.Model:
    return selectors.get_model(user_of(request), team, model)


def version_of(request: Request, team: str, model: str, version: str) -> models.ModelVersion:
    return selectors.get_version(user_of(request), team, model, version)


class Models(ApiView):
    @describe(
        "List models of a team",
        answers=catalogue_shapes.Model,
        many=True,
        parameters=[SEARCH, parameter("task", "Only those for this task."), ARCHIVED, ORDERING, *LIST],
    )
    def get(self, request: Request, team: str) -> Response:
        rows = selectors.models_visible_to(user_of(request)).filter(team=team_of(request, team))
        rows = query.searched(request, rows, ("name", "description", "task"))
        rows = query.matching(request, rows, {"task": "task"}, IS_ARCHIVED)
        return paged(
            request,
            query.ordered(request, rows, MODEL_ORDERS, default="name"),
            catalogue_present.models_with_versions,
        )

    @describe(
        "Register a model", takes=payloads.NewModel, answers=catalogue_shapes.Model, status=201, may=(409,)
    )
    def post(self, request: Request, team: str) -> Response:
        made = intent.register_model(team_of(request, team), body_of(request), by=user_of(request))
        where = present.address("model", team=team, model=made.name)
        row = model_of(request, team, made.name)
        return Response(
            catalogue_present.models_with_versions([row])[0], status=201, headers={"Location": where}
        )


class Model(ApiView):
    @describe("Read a model", answers=catalogue_shapes.Model)
    def get(self, request: Request, team: str, model: str) -> Response:
        return Response(catalogue_present.models_with_versions([model_of(request, team, model)])[0])

    @describe("Change a model", takes=payloads.ModelChanges, answers=catalogue_shapes.Model)
    def patch(self, request: Request, team: str, model: str) -> Response:
        intent.change_model(model_of(request, team, model), body_of(request), by=user_of(request))
        return Response(catalogue_present.models_with_versions([model_of(request, team, model)])[0])

    @describe("Delete a model of which nothing is deployed", status=204, may=(409,))
    def delete(self, request: Request, team: str, model: str) -> Response:
        intent.delete_model(model_of(request, team, model), by=user_of(request))
        return Response(status=204)


class Versions(ApiView):
    @describe(
        "List versions of a model",
        answers=catalogue_shapes.Version,
        many=True,
        parameters=[
            SEARCH,
            parameter("image", "Only those of this image."),
            parameter("framework", "Only those made with this framework."),
            ARCHIVED,
            ORDERING,
            *LIST,
        ],
    )
    def get(self, request: Request, team: str, model: str) -> Response:
        owner = model_of(request, team, model)
        rows = selectors.versions_visible_to(user_of(request)).filter(model=owner)
        rows = query.searched(request, rows, ("version", "image", "framework", "description"))
        rows = query.matching(request, rows, {"image": "image", "framework": "framework"}, IS_ARCHIVED)
        return paged(
            request,
            query.ordered(request, rows, VERSION_ORDERS, default="-created_at"),
            catalogue_present.versions,
        )

    @describe(
        "Register a version",
        takes=payloads.NewVersion,
        answers=catalogue_shapes.Version,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, team: str, model: str) -> Response:
        made = intent.add_version(model_of(request, team, model), body_of(request), by=user_of(request))
        where = present.address("version", team=team, model=model, version=made.version)
        return Response(catalogue_present.versions([made])[0], status=201, headers={"Location": where})


class Version(ApiView):
    @describe("Read a version", answers=catalogue_shapes.Version)
    def get(self, request: Request, team: str, model: str, version: str) -> Response:
        return Response(catalogue_present.versions([version_of(request, team, model, version)])[0])

    @describe("Change a version", takes=payloads.VersionChanges, answers=catalogue_shapes.Version, may=(409,))
    def patch(self, request: Request, team: str, model: str, version: str) -> Response:
        row = version_of(request, team, model, version)
        intent.change_version(row, body_of(request), by=user_of(request))
        return Response(catalogue_present.versions([version_of(request, team, model, version)])[0])

    @describe("Delete a version that is not deployed", status=204, may=(409,))
    def delete(self, request: Request, team: str, model: str, version: str) -> Response:
        intent.delete_version(version_of(request, team, model, version), by=user_of(request))
        return Response(status=204)

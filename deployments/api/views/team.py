"""A team's settings, its quotas, and its logins to container registries."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models, selectors
from deployments.api import catalogue_present, catalogue_shapes, payloads, present, query
from deployments.api.base import ApiView, admin_of, body_of, only_fields, team_of, token_team, user_of
from deployments.api.openapi import LIST, ORDERING, describe, parameter
from deployments.api.pagination import paged
from deployments.selectors.usage.quotas import namespace_for_quota
from deployments.spec.quotas import names_ceiling

CLUSTER = parameter("cluster", "The cluster it is about; without it, the first in which the team may deploy.")
TEAM_ORDERS = {"name": "name", "title": "title"}
REGISTRY_ORDERS = {name: name for name in ("registry", "username", "updated_at")}


def login_of(request: Request, team: str, registry: str) -> models.RegistryCredential:
    """Raises: NotFound."""
    return selectors.get_registry(user_of(request), team, registry)


def space_of(request: Request, team: str) -> models.Namespace:
    """Raises: NotFound: no such team, or none of its namespaces is in the cluster that is named."""
    return namespace_for_quota(team_of(request, team), query.text(request, "cluster"))


class Teams(ApiView):
    @describe(
        "List my teams; of admins all",
        answers=catalogue_shapes.Team,
        many=True,
        parameters=[parameter("archived", "true for those that are archived; admins."), ORDERING, *LIST],
    )
    def get(self, request: Request) -> Response:
        user = user_of(request)
        archived = bool(query.text(request, "archived")) and query.flag(request, "archived")
        rows = selectors.archived_teams(admin_of(request)) if archived else selectors.teams_of(user)
        limit = token_team(request)
        rows = rows.filter(pk=limit.pk) if limit else rows
        ordered = query.ordered(request, rows, TEAM_ORDERS, default="name")
        return paged(request, ordered, lambda page: catalogue_present.teams(page, user))

    @describe(
        "Make a team; admins", takes=payloads.NewTeam, answers=catalogue_shapes.Team, status=201, may=(409,)
    )
    def post(self, request: Request) -> Response:
        made = intent.make_team(body_of(request), by=admin_of(request))
        where = present.address("team", team=made.name)
        return Response(
            catalogue_present.team(made, user_of(request)), status=201, headers={"Location": where}
        )


class Team(ApiView):
    @describe("Read a team", answers=catalogue_shapes.Team)
    def get(self, request: Request, team: str) -> Response:
        return Response(catalogue_present.team(team_of(request, team), user_of(request)))

    @describe(
        "Change a team: its time zone, leads; its title, archive it or bring it back, admins",
        takes=payloads.TeamChanges,
        answers=catalogue_shapes.Team,
        may=(409,),
    )
    def patch(self, request: Request, team: str) -> Response:
        by, payload = user_of(request), body_of(request)
        if by.is_superuser and not {"title", "archived"}.isdisjoint(payload):
            by = admin_of(request)
        changed = intent.change_team(selectors.get_any_team(by, team), payload, by=by)
        return Response(catalogue_present.team(changed, by))


class Quota(ApiView):
    """How much a team may ask for in a cluster: its first one, where none is named."""

    @describe("Read a team's quota", answers=catalogue_shapes.Quota, parameters=[CLUSTER])
    def get(self, request: Request, team: str) -> Response:
        return Response(catalogue_present.quota(space_of(request, team)))

    @describe(
        "Set limits, leads; and ceilings, admins",
        takes=payloads.QuotaChanges,
        answers=catalogue_shapes.Quota,
        parameters=[CLUSTER],
    )
    def put(self, request: Request, team: str) -> Response:
        space, by, payload = space_of(request, team), user_of(request), body_of(request)
        if names_ceiling(payload):
            by = admin_of(request)
        intent.set_quota(space.team, space.cluster, payload, by=by)
        return Response(catalogue_present.quota(space))


class Registries(ApiView):
    @describe(
        "List a team's logins to registries",
        answers=catalogue_shapes.Registry,
        many=True,
        parameters=[ORDERING, *LIST],
    )
    def get(self, request: Request, team: str) -> Response:
        rows = selectors.registries_of(team_of(request, team))
        ordered = query.ordered(request, rows, REGISTRY_ORDERS, default="registry")
        return paged(request, ordered, catalogue_present.registries)

    @describe(
        "Set the login to a registry; leads",
        takes=payloads.Login,
        answers=catalogue_shapes.Registry,
        status=201,
    )
    def post(self, request: Request, team: str) -> Response:
        made = intent.set_registry(team_of(request, team), body_of(request), by=user_of(request))
        where = present.address("registry", team=team, registry=made.registry)
        return Response(catalogue_present.registries([made])[0], status=201, headers={"Location": where})


class Registry(ApiView):
    """The registry as images name it, with its port if it has one."""

    @describe("Read a login, without its password", answers=catalogue_shapes.Registry)
    def get(self, request: Request, team: str, registry: str) -> Response:
        return Response(catalogue_present.registries([login_of(request, team, registry)])[0])

    @describe(
        "Set the login to this registry; leads",
        takes=payloads.NameAndPassword,
        answers=catalogue_shapes.Registry,
    )
    def put(self, request: Request, team: str, registry: str) -> Response:
        payload = only_fields(request, ("username", "password"))
        made = intent.set_registry(
            team_of(request, team), {**payload, "registry": registry}, by=user_of(request)
        )
        return Response(catalogue_present.registries([made])[0])

    @describe("Forget a login; leads", status=204, may=(409,))
    def delete(self, request: Request, team: str, registry: str) -> Response:
        intent.remove_registry(login_of(request, team, registry), by=user_of(request))
        return Response(status=204)

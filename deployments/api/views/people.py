"""Who is in a team, its programs, and everybody's tokens."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, selectors
from deployments.api import people_present, present, query
from deployments.api import people_shapes as shapes
from deployments.api.base import ApiView, body_of, of_token_team, require_admin_scope, team_of, user_of
from deployments.api.openapi import LIST, ORDERING, describe, parameter
from deployments.api.pagination import paged
from teams.models import ApiToken
from teams.models import ServiceAccount as AccountRow

MEMBER_ORDERS = {"username": "called", "role": "role"}
ACCOUNT_ORDERS = {name: name for name in ("name", "created_at")}
TOKEN_ORDERS = {name: name for name in ("created_at", "name", "expires_at", "last_used_at")}
SEARCH = parameter("search", "Only those with this text in their name.")


def account_of(request: Request, team: str, account: str) -> AccountRow:
    """Raises: NotFound."""
    return selectors.get_service_account(user_of(request), team, account)


class Members(ApiView):
    """People. Service accounts have a list of their own."""

    @describe(
        "List the members of a team", answers=shapes.Member, many=True, parameters=[ORDERING, SEARCH, *LIST]
    )
    def get(self, request: Request, team: str) -> Response:
        rows = query.searched(
            request, selectors.members_of(team_of(request, team)), ("user__username", "awaited")
        )
        ordered = query.ordered(request, rows, MEMBER_ORDERS, default="username")
        return paged(request, ordered, people_present.members)

    @describe(
        "Add somebody to a team, now or as soon as they have an account; leads",
        takes=shapes.NewMember,
        answers=shapes.Member,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, team: str) -> Response:
        found = team_of(request, team)
        require_admin_scope(request)
        body = people_present.member(intent.add_member(found, body_of(request), by=user_of(request)))
        return Response(body, status=201, headers={"Location": body.links["self"]})


class Member(ApiView):
    @describe("Read a member", answers=shapes.Member)
    def get(self, request: Request, team: str, username: str) -> Response:
        return Response(people_present.member(selectors.get_member(team_of(request, team), username)))

    @describe(
        "Give a member another role; leads", takes=shapes.MemberChanges, answers=shapes.Member, may=(409,)
    )
    def patch(self, request: Request, team: str, username: str) -> Response:
        found = team_of(request, team)
        require_admin_scope(request)
        changed = intent.change_member(found, username, body_of(request), by=user_of(request))
        return Response(people_present.member(changed))

    @describe("Take a member out of a team; leads, and everybody themselves", status=204, may=(409,))
    def delete(self, request: Request, team: str, username: str) -> Response:
        found = team_of(request, team)
        require_admin_scope(request)
        intent.remove_member(found, username, by=user_of(request))
        return Response(status=204)


class ServiceAccounts(ApiView):
    """Programs of a team. Nobody can sign in as one: it acts with tokens, which leads make and end."""

    @describe(
        "List the service accounts of a team",
        answers=shapes.ServiceAccount,
        many=True,
        parameters=[ORDERING, SEARCH, *LIST],
    )
    def get(self, request: Request, team: str) -> Response:
        rows = query.searched(request, selectors.service_accounts_of(team_of(request, team)), ("name",))
        ordered = query.ordered(request, rows, ACCOUNT_ORDERS, default="name")
        return paged(request, ordered, people_present.service_accounts)

    @describe(
        "Make a service account; leads",
        takes=shapes.NewServiceAccount,
        answers=shapes.ServiceAccount,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, team: str) -> Response:
        found = team_of(request, team)
        require_admin_scope(request)
        made = intent.create_service_account(found, body_of(request), by=user_of(request))
        body = people_present.service_account(made)
        return Response(body, status=201, headers={"Location": body.links["self"]})


class ServiceAccount(ApiView):
    @describe("Read a service account", answers=shapes.ServiceAccount)
    def get(self, request: Request, team: str, account: str) -> Response:
        return Response(people_present.service_account(account_of(request, team, account)))

    @describe(
        "Change the role or the description of a service account; leads",
        takes=shapes.ServiceAccountChanges,
        answers=shapes.ServiceAccount,
    )
    def patch(self, request: Request, team: str, account: str) -> Response:
        row = account_of(request, team, account)
        require_admin_scope(request)
        intent.change_service_account(row, body_of(request), by=user_of(request))
        return Response(people_present.service_account(account_of(request, team, account)))

    @describe("End a service account with its tokens; leads", status=204)
    def delete(self, request: Request, team: str, account: str) -> Response:
        row = account_of(request, team, account)
        require_admin_scope(request)
        intent.end_service_account(row, by=user_of(request))
        return Response(status=204)


class Tokens(ApiView):
    """Those of the team's service accounts, without the revoked ones. People's own are at me/tokens/."""

    @describe(
        "List the tokens of a team's service accounts",
        answers=shapes.Token,
        many=True,
        parameters=[
            parameter("service_account", "Only those of the service account with this name."),
            ORDERING,
            SEARCH,
            *LIST,
        ],
    )
    def get(self, request: Request, team: str) -> Response:
        rows = selectors.account_tokens_of(team_of(request, team))
        rows = query.searched(request, rows, ("name",))
        account = query.text(request, "service_account")
        rows = rows.filter(user__service_account__name=account) if account else rows
        ordered = query.ordered(request, rows, TOKEN_ORDERS, default="-created_at")
        return paged(request, ordered, people_present.account_tokens)

    @describe(
        "Make a token of a service account; it is told this once; leads",
        takes=shapes.NewAccountToken,
        answers=shapes.Token,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, team: str) -> Response:
        found = team_of(request, team)
        token = require_admin_scope(request)
        text, row = intent.create_account_token(found, body_of(request), by=user_of(request), using=token)
        where = present.address("token", team=team, token=row.pk)
        return _made(people_present.token(row, where, text=text))


class Token(ApiView):
    @describe("Read a token of a service account, without its text", answers=shapes.Token)
    def get(self, request: Request, team: str, token: str) -> Response:
        return Response(people_present.account_tokens([account_token(request, team, token)])[0])

    @describe("Revoke a token of a service account, at once; leads", status=204)
    def delete(self, request: Request, team: str, token: str) -> Response:
        row = account_token(request, team, token)
        require_admin_scope(request)
        intent.revoke_token(row, by=user_of(request))
        return Response(status=204)


class MyTokens(ApiView):
    """Those of whoever asks, without the revoked ones."""

    @describe("List my tokens", answers=shapes.Token, many=True, parameters=[ORDERING, SEARCH, *LIST])
    def get(self, request: Request) -> Response:
        rows = query.searched(request, my_tokens(request), ("name",))
        ordered = query.ordered(request, rows, TOKEN_ORDERS, default="-created_at")
        return paged(request, ordered, people_present.own_tokens)

    @describe(
        "Make a token of mine; it is told this once",
        takes=shapes.NewOwnToken,
        answers=shapes.Token,
        status=201,
        may=(409,),
    )
    def post(self, request: Request) -> Response:
        token = require_admin_scope(request)
        text, row = intent.create_own_token(body_of(request), by=user_of(request), using=token)
        return _made(people_present.token(row, present.address("my-token", token=row.pk), text=text))


class MyToken(ApiView):
    @describe("Read a token of mine, without its text", answers=shapes.Token)
    def get(self, request: Request, token: str) -> Response:
        return Response(people_present.own_tokens([selectors.pick_token(my_tokens(request), token)])[0])

    @describe("Revoke a token of mine, at once", status=204)
    def delete(self, request: Request, token: str) -> Response:
        row = selectors.pick_token(my_tokens(request), token)
        require_admin_scope(request)
        intent.revoke_token(row, by=user_of(request))
        return Response(status=204)


def account_token(request: Request, team: str, token: str) -> ApiToken:
    """Raises: NotFound."""
    return selectors.pick_token(selectors.account_tokens_of(team_of(request, team)), token)


def my_tokens(request: Request) -> QuerySet[ApiToken]:
    """A token that is limited to a team knows of those of that team alone."""
    return of_token_team(request, selectors.owned_tokens(user_of(request)))


def _made(body: shapes.Token) -> Response:
    """Nothing on the way keeps the text."""
    headers = {"Location": body.links["self"], "Cache-Control": "no-store"}
    return Response(body, status=201, headers=headers)

"""Reads of who is in a team: people, service accounts, their tokens; and where a person is signed in."""

import uuid

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from deployments.errors import NotFound
from deployments.selectors.access import Person
from teams.access import teams_of
from teams.models import ApiToken, Invitation, Membership, ServiceAccount, SignIn, Team
from teams.tokens import live_tokens


def members_of(team: Team) -> QuerySet[Membership]:
    """People by name, which is `called`: also those who have no account yet, who look no different."""
    rows = Membership.objects.filter(team=team, user__service_account=None).select_related("team", "user")
    return rows.annotate(called=Coalesce("user__username", "awaited")).order_by("called")


def named(rows: QuerySet[Membership], username: str) -> QuerySet[Membership]:
    return rows.filter(Q(user__username=username) | Q(user=None, awaited=username))


def get_member(team: Team, username: str) -> Membership:
    """Raises: NotFound."""
    row = named(members_of(team), username).first()
    if row is None:
        raise NotFound(f"{username!r} is not in team {team.name}.")
    return row


def open_invitations_of(team: Team | None) -> QuerySet[Invitation]:
    """Those that can still be used, the newest first; of every team without one."""
    rows = Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())
    rows = rows if team is None else rows.filter(team=team)
    return rows.order_by("-created_at", "pk")


def service_accounts_of(team: Team) -> QuerySet[ServiceAccount]:
    """Those that have not ended."""
    rows = ServiceAccount.objects.filter(team=team, ended_at=None)
    return rows.select_related("team", "user").prefetch_related("user__memberships").order_by("name")


def get_service_account(user: Person, team: str, name: str) -> ServiceAccount:
    """Raises: NotFound: no such one, or `user` is a stranger to the team."""
    rows = ServiceAccount.objects.filter(team__in=teams_of(user), team__name=team, ended_at=None, name=name)
    found = rows.select_related("team", "user").prefetch_related("user__memberships").first()
    if found is None:
        raise NotFound(f"There is no service account {name!r}.")
    return found


def owned_tokens(owner: User) -> QuerySet[ApiToken]:
    """Those of one account that are not revoked, the newest first."""
    return live_tokens().filter(user=owner).order_by("-created_at", "pk")


def account_tokens_of(team: Team) -> QuerySet[ApiToken]:
    """Those of the team's service accounts that are not revoked, the newest first."""
    return live_tokens().filter(user__service_account__team=team).order_by("-created_at", "pk")


def pick_token(rows: QuerySet[ApiToken], token_id: uuid.UUID | str) -> ApiToken:
    """Raises: NotFound."""
    try:
        key = token_id if isinstance(token_id, uuid.UUID) else uuid.UUID(token_id)
    except ValueError as exc:
        raise NotFound("There is no such token.") from exc
    found = rows.filter(pk=key).first()
    if found is None:
        raise NotFound("There is no such token.")
    return found


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Where `user` is signed in now, the newest first."""
    return SignIn.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-began_at", "pk")

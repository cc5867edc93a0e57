"""API tokens: made once, shown once, stored as a hash."""

import hashlib
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from teams.access import highest_role, role_of
from teams.models import ApiToken, Team
from teams.roles import Role, Scope

PREFIX = "tim_"
RANDOM_CHARACTERS = 40
_ALPHABET = string.ascii_letters + string.digits
# "Last used" is for people: writing it at every call would cost a write per read.
_LAST_USED_EVERY = timedelta(minutes=1)


_SCOPES_OF = {
    Role.VIEWER: (Scope.READ,),
    Role.DEPLOYER: (Scope.READ, Scope.DEPLOY),
    Role.LEAD: tuple(Scope),
}


def scopes_of(role: Role | None) -> tuple[Scope, ...]:
    """What a token of somebody with `role` may be good for; without any role it can only look around."""
    return _SCOPES_OF[role or Role.VIEWER]


def scopes_within(user: User, team: Team | None) -> tuple[Scope, ...]:
    """What a token of `user` for `team`, or for all their teams, may be good for."""
    role = role_of(user, team) if team else highest_role(user)
    # Of a lead only a token for a team that they lead may lead: "admin" everywhere is for admins.
    return scopes_of(role) if team or user.is_superuser else scopes_of(role)[:2]


def covers(scopes: Iterable[str], scope: Scope) -> bool:
    """Whether a token with `scopes` may do what `scope` allows: each but `admin` is part of the next."""
    order = list(Scope)
    return any(order.index(Scope(held)) >= order.index(scope) for held in scopes)


def live_tokens() -> QuerySet[ApiToken]:
    """Those that are not revoked; expired ones among them."""
    return ApiToken.objects.filter(revoked_at=None).select_related("user", "team")


def create_token(
    user: User,
    name: str,
    scopes: Iterable[Scope],
    *,
    team: Team | None = None,
    expires_at: datetime | None = None,
    created_by: str = "",
) -> tuple[str, ApiToken]:
    """A new token of `user` and its row. The text is returned here only and cannot be shown again.

    `created_by` is who made it, the owner unless named.
    """
    token = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    row = ApiToken.objects.create(
        user=user,
        name=name,
        digest=_digest(token),
        scopes=[Scope(scope).value for scope in scopes],
        team=team,
        expires_at=expires_at,
        created_by=created_by or user.get_username(),
    )
    return token, row


def authenticate(token: str) -> ApiToken | None:
    """The row of a token that is valid now: not revoked, not expired, of an active person."""
    if not token.startswith(PREFIX) or len(token) != len(PREFIX) + RANDOM_CHARACTERS:
        return None
    row = ApiToken.objects.select_related("user", "team").filter(digest=_digest(token)).first()
    now = timezone.now()
    if row is None or row.revoked_at is not None or not row.user.is_active:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    if row.last_used_at is None or now - row.last_used_at > _LAST_USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def revoke(row: ApiToken) -> None:
    """Ends a token at once."""
    revoke_all(ApiToken.objects.filter(pk=row.pk))


def revoke_all(rows: QuerySet[ApiToken]) -> int:
    """Ends tokens at once; how many were live."""
    return rows.filter(revoked_at=None).update(revoked_at=timezone.now())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

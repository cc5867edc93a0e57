"""API tokens: made once, shown once, stored as a hash."""

import hashlib
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from teams.models import ApiToken, Team
from teams.roles import Scope

PREFIX = "tim_"
RANDOM_CHARACTERS = 40
_ALPHABET = string.ascii_letters + string.digits
# "Last used" is for people: writing it at every call would cost a write per read.
_LAST_USED_EVERY = timedelta(minutes=1)


def create_token(
    user: User,
    name: str,
    scopes: Iterable[Scope],
    *,
    team: Team | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, ApiToken]:
    """A new token of `user` and its row. The text is returned here only and cannot be shown again."""
    token = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    row = ApiToken.objects.create(
        user=user,
        name=name,
        digest=_digest(token),
        scopes=[Scope(scope).value for scope in scopes],
        team=team,
        expires_at=expires_at,
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
    ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

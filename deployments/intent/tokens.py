"""API tokens: never good for more than whoever makes them, and ended at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from deployments import nudges
from deployments.errors import Conflict, DuplicateName, FieldError, NotFound
from deployments.intent.common import check_role
from deployments.selectors import owned_tokens
from deployments.spec import Reader
from teams import audit
from teams.access import teams_of
from teams.models import ApiToken, Membership, ServiceAccount, Team
from teams.roles import Role, Scope
from teams.tokens import covers, revoke, scopes_of, scopes_within
from teams.tokens import create_token as store_token

MOST_TOKENS = 50
LONGEST_NAME = 60
SCOPES = tuple(scope.value for scope in Scope)
_READ_ONLY = ("id", "owner", "created_by", "created_at", "last_used_at", "links", "token")


@dataclass(frozen=True)
class _Request:
    name: str
    scopes: Sequence[Scope]
    team: Team | None
    expires_at: datetime | None


def create_own_token(
    payload: Mapping[str, Any], *, by: User, using: ApiToken | None = None
) -> tuple[str, ApiToken]:
    """From {"name", "scopes", "team"?, "expires_at"?}: the text, which is shown this once, and the row.

    `using` is the token that it is asked with: what it makes is good for no more, no longer and no
    other team than itself.

    Raises:
        InvalidInput, DuplicateName, Conflict.
    """
    reader = Reader(payload)
    reader.allow_only(("name", "scopes", "team", "expires_at"), read_only=_READ_ONLY)
    team = _read_team(reader, by, using)
    request = _read(reader, team, scopes_within(by, team), using)
    return _store(by, request, by=by, target=f"{by.username}/{request.name}")


def create_account_token(
    team: Team, payload: Mapping[str, Any], *, by: User, using: ApiToken | None = None
) -> tuple[str, ApiToken]:
    """A token of a service account, from {"service_account", "name", "scopes", "expires_at"?}.

    It is good for the account's team alone.

    Raises:
        InvalidInput, DuplicateName, Conflict, PermissionDenied, NotFound.
    """
    target = str(payload.get("service_account", ""))[:60]
    check_role(by, team, Role.LEAD, action="create token", target=target)
    reader = Reader(payload)
    reader.allow_only(("service_account", "name", "scopes", "expires_at"), read_only=_READ_ONLY)
    name = reader.text("service_account", required=True)
    with transaction.atomic():
        # Locked, so that the account cannot end or be lowered between.
        members = Membership.objects.select_for_update(of=("self",)).select_related("user")
        found = members.filter(team=team, user__service_account__name=name).first()
        if found is None or found.user is None:
            if name:
                text = f"Team {team.name} has no service account {name[:40]!r}."
                reader.wrong("service_account", text, "unknown_service_account")
            reader.finish()
            raise NotFound("There is no such service account.")
        request = _read(reader, team, scopes_of(Role(found.role)), using)
        return _store(found.user, request, by=by, target=f"{team.name}/{name}/{request.name}")


def revoke_token(token: ApiToken, *, by: User) -> None:
    """Ends one's own token, or as a lead one of the team's service accounts: at once, with its streams.

    Raises:
        PermissionDenied, NotFound.
    """
    if token.user_id != by.pk:
        account = ServiceAccount.objects.select_related("team").filter(user=token.user_id).first()
        if account is None:
            raise NotFound("There is no such token.")
        check_role(by, account.team, Role.LEAD, action="revoke token", target=account.name)
    with transaction.atomic():
        row = ApiToken.objects.select_for_update(of=("self",)).filter(pk=token.pk, revoked_at=None).first()
        if row is None:
            raise NotFound("This token has been revoked.")
        revoke(row)
        target = f"{token.user.username.replace(':', '/')}/{row.name}"
        team = token.team.name if token.team else ""
        audit.record(by.username, "revoke token", target, team=team, before=_described(token))
        nudges.rights_changed()


def _store(owner: User, request: _Request, *, by: User, target: str) -> tuple[str, ApiToken]:
    with transaction.atomic():
        # Locked, so that two at the same time cannot both be the last one.
        User.objects.select_for_update().get(pk=owner.pk)
        live = owned_tokens(owner)
        if live.filter(name=request.name).exists():
            text = f"There is a token {request.name!r} already: the name is what people tell them apart by."
            raise DuplicateName(text, errors=[FieldError("name", text, "duplicate_name")])
        if live.count() >= MOST_TOKENS:
            raise Conflict(
                f"There are {MOST_TOKENS} tokens already, the most there can be: revoke one first."
            )
        text, row = store_token(
            owner,
            request.name,
            request.scopes,
            team=request.team,
            expires_at=request.expires_at,
            created_by=by.username,
        )
        team = request.team.name if request.team else ""
        audit.record(by.username, "create token", target, team=team, after=_described(row))
    return text, row


def _described(row: ApiToken) -> dict[str, object]:
    return {
        "scopes": row.scopes,
        "team": row.team.name if row.team else None,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }


def _read(reader: Reader, team: Team | None, may: Sequence[Scope], using: ApiToken | None) -> _Request:
    name = reader.text("name", required=True, longest=LONGEST_NAME).strip()
    if name and not name.isprintable():
        reader.wrong("name", "Printable characters only.", "invalid_name")
    if using is not None:
        may = [scope for scope in may if covers(using.scopes, scope)]
    request = _Request(name, _read_scopes(reader, may), team, _read_expiry(reader, using))
    reader.finish()
    return request


def _read_scopes(reader: Reader, may: Sequence[Scope]) -> list[Scope]:
    given = reader.raw("scopes")
    if not isinstance(given, list) or not given or len(given) > len(SCOPES):
        reader.wrong("scopes", f"This must be a list of at least one of: {', '.join(SCOPES)}.", "not_a_list")
        return []
    for index, scope in enumerate(given):
        if scope not in SCOPES:
            reader.wrong(f"scopes[{index}]", f"Choose from {', '.join(SCOPES)}.", "not_a_choice")
        elif scope not in may:
            best = ", ".join(may) or "none"
            text = f"This is more than a token made here may do, which is: {best}."
            reader.wrong(f"scopes[{index}]", text, "beyond_rights")
    return [scope for scope in Scope if scope.value in given]


def _read_team(reader: Reader, by: User, using: ApiToken | None) -> Team | None:
    """One's own teams only; those of others are as unknown as those that do not exist."""
    name = reader.raw("team") if "team" in reader else None
    if name is not None and (not isinstance(name, str) or "\0" in name):
        reader.wrong("team", "This must be the name of a team, or null.", "not_text")
        return None
    limit = using.team if using else None
    if name is None:
        return limit
    found = teams_of(by).filter(name=name).first()
    if found is None or (limit is not None and limit != found):
        reader.wrong("team", f"There is no team {name[:40]!r}.", "unknown_team")
        return None
    return found


def _read_expiry(reader: Reader, using: ApiToken | None) -> datetime | None:
    latest = using.expires_at if using else None
    given = reader.raw("expires_at") if "expires_at" in reader else None
    if given is None:
        return latest
    try:
        moment = parse_datetime(given) if isinstance(given, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        reader.wrong("expires_at", "This must be a time such as 2030-01-31T12:00:00Z, or null.", "not_a_time")
    elif moment <= timezone.now():
        reader.wrong("expires_at", "This is in the past.", "in_the_past")
    elif latest is not None and moment > latest:
        text = f"The token in use expires before, at {latest:%Y-%m-%dT%H:%M:%SZ}."
        reader.wrong("expires_at", text, "beyond_rights")
    return moment

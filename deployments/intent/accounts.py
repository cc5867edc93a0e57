"""Service accounts: a team's programs, made and ended by its leads. See docs/decisions/0014."""

import re
from collections.abc import Mapping
from typing import Any, Unpack

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments import nudges
from deployments.errors import Conflict, DuplicateName, FieldError, NotFound
from deployments.intent.common import check_role
from deployments.spec import Reader
from teams import audit, tokens
from teams.models import ApiToken, Membership, ServiceAccount, Team
from teams.roles import Role

MOST_ACCOUNTS = 50
ACCOUNT_ROLES = (Role.VIEWER.value, Role.DEPLOYER.value)
"""No lead: a program that leaks must not be able to let others in."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_READ_ONLY = ("username", "team", "created_by", "created_at", "links")


def create_service_account(team: Team, payload: Mapping[str, Any], *, by: User) -> ServiceAccount:
    """From {"name", "role"?, "description"?}. It can do nothing until it has a token.

    Raises:
        InvalidInput, DuplicateName, Conflict, PermissionDenied, NotFound.
    """
    target = str(payload.get("name", ""))[:60]
    check_role(by, team, Role.LEAD, action="create service account", target=target)
    reader = Reader(payload)
    reader.allow_only(("name", "role", "description"), read_only=_READ_ONLY)
    name = reader.text("name", required=True, longest=40)
    if name and not _NAME.fullmatch(name):
        reader.wrong("name", "Small letters, digits and hyphens only, not at either end.", "invalid_name")
    role = reader.choice("role", Role.DEPLOYER, ACCOUNT_ROLES)
    description = reader.text("description", longest=200)
    reader.finish()
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        _refuse_if_taken(team, name)
        # Without a password that anything could match, and without an address to send a new one to.
        user = User.objects.create_user(username_of(team, name))
        Membership.objects.create(team=team, user=user, role=role)
        account = ServiceAccount.objects.create(
            team=team, user=user, name=name, description=description, created_by=by.username
        )
        _record(account, "create service account", by, after={"role": role, "description": description})
    return account


def username_of(team: Team, name: str) -> str:
    """What it is called in lists and in the audit. No person's name can have the colon."""
    return f"{team.name}:{name}"


def change_service_account(
    account: ServiceAccount, payload: Mapping[str, Any], *, by: User
) -> ServiceAccount:
    """Another role, another description. A lowered one's tokens do less from now on.

    Raises:
        InvalidInput, PermissionDenied, NotFound.
    """
    check_role(by, account.team, Role.LEAD, action="change service account", target=account.name)
    with transaction.atomic():
        row = _lock(account)
        member = Membership.objects.get(team=row.team, user=row.user)
        reader = Reader(payload)
        reader.allow_only(("role", "description"), read_only=("name", *_READ_ONLY))
        role = reader.choice("role", member.role, ACCOUNT_ROLES)
        description = reader.text("description", row.description, longest=200)
        reader.finish()
        before = {"role": member.role, "description": row.description}
        Membership.objects.filter(pk=member.pk).update(role=role)
        row.description = description
        row.save(update_fields=["description"])
        after = {"role": role, "description": description}
        _record(row, "change service account", by, before=before, after=after)
        nudges.rights_changed()
    return row


def end_service_account(account: ServiceAccount, *, by: User) -> None:
    """Ends its tokens, its membership and its streams. Its name stays with what it did.

    Raises:
        PermissionDenied, NotFound.
    """
    check_role(by, account.team, Role.LEAD, action="end service account", target=account.name)
    with transaction.atomic():
        row = _lock(account)
        ended = tokens.revoke_all(ApiToken.objects.filter(user=row.user))
        member = Membership.objects.get(team=row.team, user=row.user)
        role, _ = member.role, member.delete()
        User.objects.filter(pk=row.user_id).update(is_active=False)
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at"])
        _record(row, "end service account", by, before={"role": role, "revoked": ended})
        nudges.rights_changed()


def _refuse_if_taken(team: Team, name: str) -> None:
    """Raises: DuplicateName, Conflict."""
    known = ServiceAccount.objects.filter(team=team)
    holder = known.filter(name=name).first()
    if holder is not None:
        text = f"Team {team.name} has a service account {name!r} already."
        if holder.ended_at is not None:
            text = f"{name!r} has ended; names are not given again, so that the audit stays clear."
        raise DuplicateName(text, errors=[FieldError("name", text, "duplicate_name")])
    if known.filter(ended_at=None).count() >= MOST_ACCOUNTS:
        raise Conflict(f"A team has at most {MOST_ACCOUNTS} service accounts: end one first.")


def _lock(account: ServiceAccount) -> ServiceAccount:
    rows = ServiceAccount.objects.select_for_update(of=("self",)).select_related("team", "user")
    row = rows.filter(pk=account.pk, ended_at=None).first()
    if row is None:
        raise NotFound("This service account has ended.")
    return row


def _record(account: ServiceAccount, action: str, by: User, **change: Unpack[audit.Change]) -> None:
    team = account.team.name
    audit.record(by.username, action, f"{team}/{account.name}", team=team, **change)

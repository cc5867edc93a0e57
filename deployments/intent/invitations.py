"""Letting people in by a link: a lead makes it, whoever has it uses it once."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from deployments import nudges
from deployments.errors import Conflict, DuplicateName, FieldError, NotFound
from deployments.intent.common import check_role
from deployments.intent.members import MOST_MEMBERS, read_role, read_username
from deployments.selectors import members_of, open_invitations_of
from deployments.spec import Reader
from teams import audit
from teams.models import Invitation, Membership, Team
from teams.roles import Role

MOST_OPEN = 100
MOST_DAYS = 30
LONGEST_PASSWORD = 1000
_RANDOM_BYTES = 32
_GONE = "This invitation has been used, was revoked or is over. Ask for a new one."


def invite(team: Team, payload: Mapping[str, Any], *, by: User) -> tuple[str, Invitation]:
    """From {"invitee", "role", "days"?}: the random part of the link, told this once, and the row.

    Raises:
        InvalidInput, Conflict, PermissionDenied, NotFound.
    """
    target = str(payload.get("invitee", ""))[:60]
    check_role(by, team, Role.LEAD, action="invite", target=target)
    reader = Reader(payload)
    reader.allow_only(("invitee", "role", "days"))
    invitee = reader.text("invitee", required=True, longest=150).strip()
    if invitee and not invitee.isprintable():
        reader.wrong("invitee", "Printable characters only.", "invalid_name")
    role = read_role(reader)
    days = reader.integer("days", 7, least=1, most=MOST_DAYS)
    reader.finish()
    secret = secrets.token_urlsafe(_RANDOM_BYTES)
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        if open_invitations_of(team).count() >= MOST_OPEN:
            raise Conflict(f"A team has at most {MOST_OPEN} open invitations: revoke some first.")
        row = Invitation.objects.create(
            team=team,
            invitee=invitee,
            role=role.value,
            digest=_digest(secret),
            created_by=by.username,
            expires_at=timezone.now() + timedelta(days=days),
        )
        after = {"role": role.value, "expires_at": row.expires_at.isoformat()}
        audit.record(by.username, "invite", f"{team.name}/{invitee}", team=team.name, after=after)
    return secret, row


def revoke_invitation(team: Team, invitation: UUID, *, by: User) -> Invitation:
    """Raises: PermissionDenied, NotFound: none is open by this id."""
    check_role(by, team, Role.LEAD, action="revoke invitation", target=str(invitation))
    with transaction.atomic():
        row = open_invitations_of(team).select_for_update(of=("self",)).filter(pk=invitation).first()
        if row is None:
            raise NotFound("This invitation is not open any more.")
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        target = f"{team.name}/{row.invitee}"
        audit.record(by.username, "revoke invitation", target, team=team.name, before={"role": row.role})
    return row


def open_invitation(secret: str) -> Invitation:
    """Raises: NotFound: there was none, or there is none any more."""
    row = open_invitations_of(None).filter(digest=_digest(secret)).select_related("team").first()
    if row is None:
        raise NotFound(_GONE)
    return row


def join_as_new(secret: str, payload: Mapping[str, Any]) -> User:
    """Makes the account that an invitation is for, from {"username", "password"}, and puts it into the team.

    Raises:
        InvalidInput, DuplicateName, Conflict, NotFound.
    """
    found = open_invitation(secret)
    reader = Reader(payload)
    reader.allow_only(("username", "password"))
    username = read_username(reader)
    password = reader.text("password", required=True, longest=LONGEST_PASSWORD)
    email = _email(found.invitee)
    if username and password:
        try:
            validate_password(password, User(username=username, email=email))
        except ValidationError as exc:
            reader.wrong("password", " ".join(exc.messages), "weak_password")
    reader.finish()
    with transaction.atomic():
        row = _use(found, username)
        if User.objects.filter(username__iexact=username).exists() or _is_awaited(username, row):
            text = "This name is taken: choose another one."
            raise DuplicateName(text, errors=[FieldError("username", text, "duplicate_name")])
        user = User.objects.create_user(username, email=email, password=password)
        audit.record(username, "create account", username, detail={"invited_by": row.created_by})
        _join(row, user)
    return user


def join(secret: str, *, by: User) -> Invitation:
    """Puts somebody who has an account already into the team.

    Raises:
        DuplicateName: they are in it; the invitation stays open.
        Conflict, NotFound.
    """
    found = open_invitation(secret)
    with transaction.atomic():
        row = _use(found, by.username)
        if Membership.objects.filter(team=row.team, user=by).exists():
            raise DuplicateName(f"You are in team {row.team.name} already.")
        _join(row, by)
    return row


def _use(found: Invitation, username: str) -> Invitation:
    """Takes the invitation, which of several at the same instant one alone can. Raises: NotFound."""
    now = timezone.now()
    taken = open_invitations_of(None).filter(pk=found.pk).update(used_at=now, used_by=username)
    if not taken:
        raise NotFound(_GONE)
    return found


def _join(row: Invitation, user: User) -> None:
    """Raises: Conflict: the team is full."""
    Team.objects.select_for_update().get(pk=row.team_id)
    # A place that was kept for the name of a new account is theirs by now.
    if not Membership.objects.filter(team=row.team, user=user).exists():
        if members_of(row.team).count() >= MOST_MEMBERS:
            raise Conflict(f"A team has at most {MOST_MEMBERS} members.")
        Membership.objects.create(team=row.team, user=user, role=row.role)
    detail = {"invited_by": row.created_by, "invitee": row.invitee}
    target = f"{row.team.name}/{user.username}"
    team = row.team.name
    audit.record(user.username, "join team", target, team=team, detail=detail, after={"role": row.role})
    nudges.rights_changed()


def _is_awaited(username: str, row: Invitation) -> bool:
    """Whether a team keeps a place for this name: who is meant by it is not for a link's holder to say.

    Only the team that calls them so in the invitation means the same person.
    """
    places = Membership.objects.filter(user=None, awaited__iexact=username)
    if row.invitee == username:
        places = places.exclude(team=row.team, awaited=username)
    return places.exists()


def _email(invitee: str) -> str:
    try:
        validate_email(invitee)
    except ValidationError:
        return ""
    return invitee


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

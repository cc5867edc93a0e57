"""Who is in a team, and with which role. Leads decide; whoever wants to may leave."""

from collections.abc import Mapping
from typing import Any, Unpack

from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from deployments import nudges
from deployments.errors import ComesFromGroup, Conflict, DuplicateName, FieldError, LastLead
from deployments.intent.common import check_role
from deployments.selectors import get_member, members_of, named
from deployments.spec import Reader
from teams import audit, tokens
from teams.models import ApiToken, Membership, Team
from teams.roles import Role

MOST_MEMBERS = 500
LONGEST_USERNAME = 150
ROLES = tuple(role.value for role in Role)


def add_member(team: Team, payload: Mapping[str, Any], *, by: User) -> Membership:
    """From {"username", "role"}. Whoever has no account yet is in the team as soon as they have one.

    The answer is the same either way, so that nobody learns here who has an account.

    Raises:
        InvalidInput, DuplicateName, Conflict, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.LEAD, action="add member", target=str(payload.get("username", ""))[:60])
    reader = Reader(payload)
    reader.allow_only(("username", "role"))
    username = read_username(reader)
    role = read_role(reader)
    reader.finish()
    with transaction.atomic():
        _lock(team)
        members = members_of(team)
        if named(members, username).exists():
            detail = f"{username} is in team {team.name} already."
            raise DuplicateName(detail, errors=[FieldError("username", detail, "duplicate_name")])
        if members.count() >= MOST_MEMBERS:
            raise Conflict(f"A team has at most {MOST_MEMBERS} members.")
        person = User.objects.filter(username=username, service_account=None).first()
        awaited = "" if person else username
        row = Membership.objects.create(team=team, user=person, awaited=awaited, role=role.value)
        _record(team, "add member", username, by, after={"role": role.value})
        nudges.rights_changed()
    return row


def change_member(team: Team, username: str, payload: Mapping[str, Any], *, by: User) -> Membership:
    """Gives another role, from {"role"}.

    Raises:
        InvalidInput, LastLead, ComesFromGroup, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.LEAD, action="change member", target=username)
    reader = Reader(payload)
    reader.allow_only(("role",), read_only=("username", "links"))
    role = read_role(reader)
    reader.finish()
    with transaction.atomic():
        _lock(team)
        row = get_member(team, username)
        before = row.role
        if row.group:
            # It would be undone by the next sign-in, which nobody expects of what they have saved.
            raise ComesFromGroup(
                f"{username} is {before} by the group {row.group!r}: change it where the groups are kept."
            )
        if role is not Role.LEAD:
            _keep_a_lead(row, f"{username} is the last lead of team {team.name}.")
        row.role = role.value
        row.save(update_fields=["role"])
        _record(team, "change member", username, by, before={"role": before}, after={"role": role.value})
        nudges.rights_changed()
    return row


def remove_member(team: Team, username: str, *, by: User) -> None:
    """Ends a membership, and the person's tokens for this team. Leaving by oneself needs no role.

    Raises:
        LastLead, PermissionDenied, NotFound.
    """
    leaves = username == by.username
    check_role(by, team, Role.VIEWER if leaves else Role.LEAD, action="remove member", target=username)
    with transaction.atomic():
        _lock(team)
        row = get_member(team, username)
        _keep_a_lead(row, f"{'You are' if leaves else f'{username} is'} the last lead of team {team.name}.")
        if row.user is not None:
            tokens.revoke_all(ApiToken.objects.filter(user=row.user, team=team))
        Membership.objects.filter(pk=row.pk).delete()
        _record(team, "leave team" if leaves else "remove member", username, by, before={"role": row.role})
        nudges.rights_changed()


def _lock(team: Team) -> None:
    """So that of two leads who leave at the same time one stays."""
    Team.objects.select_for_update().get(pk=team.pk)


def _keep_a_lead(row: Membership, detail: str) -> None:
    """Raises: LastLead: nobody else who can sign in leads the team."""
    if row.role != Role.LEAD or row.user is None:
        return
    others = Membership.objects.filter(team=row.team, role=Role.LEAD, user__is_active=True)
    if not others.exclude(pk=row.pk).exists():
        raise LastLead(f"{detail} Make somebody else lead first.")


def read_role(reader: Reader) -> Role:
    if "role" not in reader:
        reader.wrong("role", f"This field is required: one of {', '.join(ROLES)}.", "required")
    return Role(reader.choice("role", Role.VIEWER, ROLES))


def read_username(reader: Reader) -> str:
    username = reader.text("username", required=True, longest=LONGEST_USERNAME).strip()
    if username:
        try:
            UnicodeUsernameValidator()(username)
        except ValidationError:
            text = "A username has letters, digits and @ . + - _ only."
            reader.wrong("username", text, "invalid_username")
    return username


def _record(team: Team, action: str, username: str, by: User, **change: Unpack[audit.Change]) -> None:
    audit.record(by.username, action, f"{team.name}/{username}", team=team.name, **change)

"""Rights that come from groups of the provider that people sign in with, and end with them."""

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import transaction

from deployments import nudges
from teams import audit, tokens
from teams.models import AdminByGroup, ApiToken, Membership, Team
from teams.roles import Role

BY = "groups"
"""Who did it, in the audit: nobody did, the provider's groups say so."""


def apply_groups(user: User, places: Mapping[str, tuple[Role, str]], *, admin_by: str = "") -> None:
    """Makes memberships what the provider says now: `places` is role and group by the name of a team.

    What people made stays as it is, also where a group says otherwise; what came from a group
    ends with it, although a team may lose its last lead. `admin_by` is the group that makes
    an admin, "" when there is none.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        known = {row.team.name: row for row in Membership.objects.filter(user=user).select_related("team")}
        for name, row in known.items():
            if row.group and name not in places:
                _end(row, user)
        for team in Team.objects.filter(name__in=places).order_by("pk"):
            role, group = places[team.name]
            _give(known.get(team.name), user, team, role, group)
        _be_admin(user, admin_by)
        nudges.rights_changed()


def _give(row: Membership | None, user: User, team: Team, role: Role, group: str) -> None:
    target = f"{team.name}/{user.username}"
    if row is None:
        Membership.objects.create(team=team, user=user, role=role.value, group=group[:200])
        audit.record(BY, "add member", target, team=team.name, after={"role": role.value, "group": group})
    elif row.group and (row.role, row.group) != (role.value, group[:200]):
        before = {"role": row.role, "group": row.group}
        row.role, row.group = role.value, group[:200]
        row.save(update_fields=["role", "group"])
        after = {"role": role.value, "group": row.group}
        audit.record(BY, "change member", target, team=team.name, before=before, after=after)


def _end(row: Membership, user: User) -> None:
    tokens.revoke_all(ApiToken.objects.filter(user=user, team=row.team))
    before = {"role": row.role, "group": row.group}
    target, team = f"{row.team.name}/{user.username}", row.team.name
    row.delete()
    audit.record(BY, "remove member", target, team=team, before=before)


def _be_admin(user: User, group: str) -> None:
    """Who is an admin otherwise stays one."""
    known = AdminByGroup.objects.filter(user=user).first()
    if group and not user.is_superuser:
        AdminByGroup.objects.update_or_create(user=user, defaults={"group": group[:200]})
    elif known and not group:
        known.delete()
    else:
        return
    before = {"admin": user.is_superuser}
    user.is_superuser = bool(group)
    user.save(update_fields=["is_superuser"])
    audit.record(
        BY, "change admin", user.username, before=before, after={"admin": bool(group), "group": group}
    )

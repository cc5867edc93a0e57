"""Who belongs where: the roles people have in teams."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from teams.models import Membership, Team
from teams.roles import Role


def teams_of(user: User | AnonymousUser) -> QuerySet[Team]:
    """Teams whose things `user` may see: all for superusers, none for strangers; no archived ones."""
    if not user.is_authenticated or not user.is_active:
        return Team.objects.none()
    if user.is_superuser:
        return Team.objects.filter(archived_at=None)
    return Team.objects.filter(archived_at=None, memberships__user=user)


def teams_with_role(user: User | AnonymousUser, needed: Role) -> QuerySet[Team]:
    """Teams in which the role of `user` covers `needed`: all for superusers."""
    if not user.is_authenticated or not user.is_active:
        return Team.objects.none()
    if user.is_superuser:
        return Team.objects.filter(archived_at=None)
    covering = [role.value for role in Role if role.covers(needed)]
    mine = Team.objects.filter(memberships__user=user, memberships__role__in=covering)
    return mine.filter(archived_at=None).distinct()


def role_of(user: User | AnonymousUser, team: Team) -> Role | None:
    """The role of `user` in `team`; None for a stranger and in an archived one. Superusers lead them all."""
    if not user.is_authenticated or not user.is_active or team.archived_at is not None:
        return None
    if user.is_superuser:
        return Role.LEAD
    role = Membership.objects.filter(user=user, team=team).values_list("role", flat=True).first()
    return Role(role) if role else None


def highest_role(user: User) -> Role | None:
    """The highest that `user` has in any team; superusers lead, None for strangers to all."""
    if user.is_superuser:
        return Role.LEAD
    places = Membership.objects.filter(user=user, team__archived_at=None)
    roles = places.values_list("role", flat=True).distinct()
    return max((Role(role) for role in roles), key=lambda role: role.rank, default=None)


def may_deploy_somewhere(user: User | AnonymousUser) -> bool:
    """Whether some team's role lets `user` deploy. One query, none for superusers and strangers."""
    if not user.is_authenticated or not user.is_active:
        return False
    deploying = [role.value for role in Role if role.covers(Role.DEPLOYER)]
    places = Membership.objects.filter(user=user, role__in=deploying, team__archived_at=None)
    return user.is_superuser or places.exists()

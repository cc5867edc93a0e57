"""Who belongs where: the roles people have in teams."""

from functools import cached_property
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from teams.models import Membership, Team
from teams.roles import Role

Rows = TypeVar("Rows", bound=QuerySet[Any, Any])


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


class Places:
    """The places of a person, for who asks for them more than once: they are read once, when first asked for.

    It says what was so then. Nobody keeps it longer than it takes to answer a request.
    """

    def __init__(self, user: User | AnonymousUser) -> None:
        self.user = user
        self.is_everywhere = bool(user.is_authenticated and user.is_active and user.is_superuser)

    @cached_property
    def _memberships(self) -> list[Membership]:
        if self.is_everywhere or not self.user.is_authenticated or not self.user.is_active:
            return []
        mine = Membership.objects.filter(user=self.user, team__archived_at=None)
        return list(mine.select_related("team").order_by("team__name"))

    @cached_property
    def teams(self) -> list[Team]:
        """As `teams_of`."""
        return list(teams_of(self.user)) if self.is_everywhere else [one.team for one in self._memberships]

    @cached_property
    def _roles(self) -> dict[int, Role]:
        return {one.team_id: Role(one.role) for one in self._memberships}

    def role_of(self, team: Team) -> Role | None:
        """As the function of that name."""
        if team.archived_at is not None:
            return None
        return Role.LEAD if self.is_everywhere else self._roles.get(team.pk)

    @cached_property
    def _deploying(self) -> set[int]:
        return {team for team, role in self._roles.items() if role.covers(Role.DEPLOYER)}

    def may_deploy_in(self, team_id: int) -> bool:
        """Whether the role there, in a team that is not archived, lets the person deploy."""
        return self.is_everywhere or team_id in self._deploying

    @property
    def may_deploy_somewhere(self) -> bool:
        return self.is_everywhere or bool(self._deploying)

    def within(self, rows: Rows) -> Rows:
        """Those of `rows` whose `team` is one of `teams`."""
        # Where the database can tell all rows from few it reads them in their order, and stops at a page.
        if self.is_everywhere:
            return rows.filter(team__archived_at=None)
        return rows.filter(team__in=list(self._roles))

"""Who may see and do what, applied to rows."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from deployments.errors import NotFound, PermissionDenied
from deployments.models import Cluster
from teams.access import role_of, teams_of
from teams.models import Team
from teams.roles import Role

Person = User | AnonymousUser


def get_team(user: Person, name: str) -> Team:
    """Raises: NotFound: there is no such team, or `user` is a stranger to it."""
    team = teams_of(user).filter(name=name).first()
    if team is None:
        raise NotFound(f"There is no team {name!r}.")
    return team


def archived_teams(user: Person) -> QuerySet[Team]:
    """For superusers; there are none for anybody else."""
    if not (user.is_authenticated and user.is_active and user.is_superuser):
        return Team.objects.none()
    return Team.objects.exclude(archived_at=None)


def get_any_team(user: Person, name: str) -> Team:
    """As `get_team`, archived ones too for superusers. Raises: NotFound."""
    return archived_teams(user).filter(name=name).first() or get_team(user, name)


def require_role(user: Person, team: Team, needed: Role) -> Role:
    """The role of `user`, if it covers `needed`.

    Raises:
        NotFound: `user` is a stranger to the team.
        PermissionDenied: the role is too low.
    """
    role = role_of(user, team)
    if role is None:
        raise NotFound(f"There is no team {team.name!r}.")
    if not role.covers(needed):
        raise PermissionDenied(f"This needs the role {needed} in team {team.name}; yours is {role}.")
    return role


def clusters_visible_to(user: Person) -> QuerySet[Cluster]:
    """Clusters in which a team of `user` has a namespace; all for superusers."""
    if user.is_authenticated and user.is_active and user.is_superuser:
        return Cluster.objects.all()
    return Cluster.objects.filter(namespaces__team__in=teams_of(user)).distinct()

"""Reads of the audit: of a team for its leads, of a deployment's name, of everything for admins."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from deployments.errors import PermissionDenied
from deployments.models import Deployment
from deployments.selectors.access import Person, require_role
from teams.models import AuditEntry, Team
from teams.roles import Role


@dataclass(frozen=True)
class AuditFilters:
    """What narrows the audit. `search` looks into actor, action, target, address and request id.

    `since` is included, `until` is not.
    """

    search: str = ""
    actor: str = ""
    action: str = ""
    allowed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def active(self) -> bool:
        return any(getattr(self, field.name) not in ("", None) for field in fields(self))

    def apply(self, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if self.search:
            columns = ("actor", "action", "target", "address", "request_id", "token")
            found = Q()
            for column in columns:
                found |= Q(**{f"{column}__icontains": self.search})
            rows = rows.filter(found)
        exact: dict[str, Any] = {
            "actor": self.actor or None,
            "action": self.action or None,
            "allowed": self.allowed,
            "at__gte": self.since,
            "at__lt": self.until,
        }
        return rows.filter(**{name: value for name, value in exact.items() if value is not None})


def audit_of_team(user: Person, team: Team) -> QuerySet[AuditEntry]:
    """Newest first. Raises: PermissionDenied: not a lead; NotFound: a stranger."""
    require_role(user, team, Role.LEAD)
    return AuditEntry.objects.filter(team=team.name).order_by("-at", "-id")


def audit_of_deployment(user: Person, deployment: Deployment) -> QuerySet[AuditEntry]:
    """What was asked for under its name, newest first. Raises: PermissionDenied, NotFound."""
    target = f"{deployment.team.name}/{deployment.name}"
    return audit_of_team(user, deployment.team).filter(target=target)


def audit_of_all(user: Person) -> QuerySet[AuditEntry]:
    """Newest first. Raises: PermissionDenied: not an admin."""
    if not (user.is_authenticated and user.is_active and user.is_superuser):
        raise PermissionDenied("The audit of the whole platform is for its admins.")
    return AuditEntry.objects.order_by("-at", "-id")

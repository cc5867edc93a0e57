"""How much a team may ask for in a cluster: leads within the ceilings, admins the ceilings too."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments import queue
from deployments.errors import NotFound, PermissionDenied
from deployments.intent.common import check_role
from deployments.intent.refusals import write_refusal
from deployments.models import Cluster, Namespace, Quota
from deployments.quotas import RESOURCES, Resource
from deployments.spec.quotas import as_text, names_ceiling, parse_quota
from teams import audit
from teams.models import Team
from teams.roles import Role

_ACTION = "set quota"


def set_quota(team: Team, cluster: Cluster, payload: Mapping[str, Any], *, by: User) -> Quota:
    """Changes limits and ceilings: what is not named stays, null is no limit.

    Nothing that is asked for already is taken away; while the team is over, it can only ask for less.

    Raises:
        InvalidInput, PermissionDenied, NotFound: among others that the team has no namespace there.
    """
    check_role(by, team, Role.LEAD, action=_ACTION, target=cluster.name)
    if names_ceiling(payload) and not (by.is_active and by.is_superuser):
        refusal = PermissionDenied(
            "Ceilings are set by admins of the installation; leads set limits within them."
        )
        write_refusal(refusal, by, _ACTION, f"{team.name}/{cluster.name}", team=team.name)
        raise refusal
    if not Namespace.objects.filter(team=team, cluster=cluster).exists():
        raise NotFound(f"Team {team.name} has no namespace in cluster {cluster.name}.")
    with transaction.atomic():
        Quota.objects.get_or_create(team=team, cluster=cluster)
        row = Quota.objects.select_for_update().get(team=team, cluster=cluster)
        changed = _change(row, payload)
        if changed:
            row.generation += 1
            # What is new deserves a new try.
            row.apply_error, row.apply_attempts, row.retry_at = "", 0, None
            row.updated_by, row.updated_at = by.username, timezone.now()
            row.save()
            target = f"{team.name}/{cluster.name}"
            before = {name: old for name, (old, _) in changed.items()}
            after = {name: new for name, (_, new) in changed.items()}
            audit.record(by.username, _ACTION, target, team=team.name, before=before, after=after)
            # robust: the quota is stored; the sweep recovers a dead broker.
            transaction.on_commit(lambda: queue.enqueue_quota(row.pk), robust=True)
    return row


def _change(row: Quota, payload: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Sets the columns; what they were and are, in words, where they changed."""
    limits, ceilings = parse_quota(payload, row)
    changed: dict[str, tuple[str, str]] = {}
    for name in RESOURCES:
        for column, value in ((name, limits[name]), (f"ceiling_{name}", ceilings[name])):
            before: int | None = getattr(row, column)
            if before != value:
                changed[column] = (_said(name, before), _said(name, value))
                setattr(row, column, value)
    return changed


def _said(name: Resource, amount: int | None) -> str:
    return "none" if amount is None else as_text(name, amount)

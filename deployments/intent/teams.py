"""Teams are made, called otherwise, archived and brought back. For admins of the installation."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments import nudges
from deployments.errors import DuplicateName, FieldError, InvalidInput, NamespaceInUse, TeamInUse
from deployments.intent.clusters import give_namespace
from deployments.intent.platform import check_admin
from deployments.intent.schedules import set_time_zone
from deployments.models import Cluster, Deployment, Namespace
from deployments.spec.teams import parse_team, parse_team_changes
from teams import audit
from teams.models import Team

_FOR_ADMINS = ("title", "archived")


def make_team(payload: Mapping[str, Any], *, by: User) -> Team:
    """A team without members, with a namespace called like it where a cluster is named.

    Raises:
        InvalidInput, DuplicateName, NamespaceInUse, PermissionDenied.
    """
    check_admin(by, "make team", str(payload.get("name", ""))[:40])
    request = parse_team(payload)
    cluster = Cluster.objects.filter(name=request.cluster).first() if request.cluster else None
    if request.cluster and cluster is None:
        text = f"There is no cluster {request.cluster!r}."
        raise InvalidInput([FieldError("cluster", text, "unknown_cluster")])
    try:
        with transaction.atomic():
            row = Team.objects.create(name=request.name, title=request.title, time_zone=request.time_zone)
            audit.record(by.username, "make team", row.name, team=row.name, after=_facts_of(row))
            if cluster is not None:
                _give(cluster, row, by)
    except IntegrityError as exc:
        text = f"There is a team {request.name!r} already; it may be archived."
        raise DuplicateName(text, errors=[FieldError("name", text, "duplicate_name")]) from exc
    return row


def change_team(team: Team, payload: Mapping[str, Any], *, by: User) -> Team:
    """Title and archive, which are for admins; and the time zone, which is for leads, too.

    An archived team has no deployments. Its members, tokens and service accounts can do nothing in it,
    and nobody but admins knows of it; all of it is there again when it is brought back.

    Raises:
        InvalidInput, TeamInUse, PermissionDenied, NotFound.
    """
    if not any(name in payload for name in _FOR_ADMINS):
        return set_time_zone(team, payload, by=by)
    check_admin(by, "change team", team.name)
    with transaction.atomic():
        row = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        request, before = parse_team_changes(payload, row), _facts_of(row)
        row.title = request.title
        if request.archived and row.archived_at is None:
            _refuse_in_use(row)
            row.archived_at = timezone.now()
        elif not request.archived:
            row.archived_at = None
        row.save(update_fields=["title", "archived_at"])
        after = _facts_of(row)
        if after != before:
            audit.record(by.username, "change team", row.name, team=row.name, before=before, after=after)
        if after["archived"] != before["archived"]:
            nudges.rights_changed()
        if request.time_zone:
            return set_time_zone(row, {"time_zone": request.time_zone}, by=by)
    return row


def _give(cluster: Cluster, team: Team, by: User) -> None:
    try:
        give_namespace(cluster, {"team": team.name}, by=by)
    except (InvalidInput, NamespaceInUse) as refusal:
        # Here the namespace is called like the team: there is no other field to mark.
        refusal.errors = [FieldError("cluster", error.message, error.code) for error in refusal.errors]
        raise


def _refuse_in_use(team: Team) -> None:
    """Raises: TeamInUse. Nobody deploys into a namespace that is locked here until this is decided."""
    list(Namespace.objects.select_for_update().filter(team=team))
    left = Deployment.objects.filter(team=team, deleted_at=None).count()
    if left:
        raise TeamInUse(f"Team {team.name} still has {left} deployments. Delete them first.")


def _facts_of(row: Team) -> dict[str, object]:
    return {"title": row.title, "time_zone": row.time_zone, "archived": row.archived_at is not None}

"""A team's logins to container registries. Passwords are sealed here and opened by workers only."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments.errors import BeingDeleted, FieldError, InvalidInput, NotFound, RegistryInUse
from deployments.intent.common import check_role, lock, store_wish
from deployments.intent.keeping import seal_text
from deployments.models import Deployment, RegistryCredential
from deployments.spec.platform import parse_login
from teams import audit
from teams.models import Team
from teams.roles import Role

MOST_REGISTRIES = 50
_NAMED = 3


def set_registry(team: Team, payload: Mapping[str, Any], *, by: User) -> RegistryCredential:
    """Adds a login, or renews the one to the same registry; deployments that use it get it at once.

    Raises:
        InvalidInput, SecretsUnavailable, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.LEAD, action="set registry", target=str(payload.get("registry", ""))[:60])
    with transaction.atomic():
        # Locked, so that two at the same time cannot both be the first, or the last.
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        stored = RegistryCredential.objects.select_for_update(of=("self",)).filter(team=team)
        current = {row.registry: row for row in stored}
        request = parse_login(payload, current=current)
        if request.registry not in current and len(current) >= MOST_REGISTRIES:
            text = f"A team has at most {MOST_REGISTRIES} logins."
            raise InvalidInput([FieldError("registry", text, "too_many")])
        row = current.get(request.registry) or RegistryCredential(team=team, registry=request.registry)
        before = {"username": row.username} if row.pk else None
        row.username = request.username
        if request.password is not None:
            row.sealed_password = seal_text(request.password)
        row.updated_by, row.updated_at = by.username, timezone.now()
        row.save()
        audit.record(
            by.username,
            "set registry",
            f"{team.name}/{row.registry}",
            team=team.name,
            detail={"renewed": request.password is not None},
            before=before,
            after={"username": row.username},
        )
        for deployment in _users_of(row):
            _write_again(deployment, f"The login to {row.registry} was renewed", by)
    return row


def remove_registry(credential: RegistryCredential, *, by: User) -> None:
    """Forgets a login that no deployment pulls its image with.

    Raises:
        RegistryInUse, PermissionDenied, NotFound.
    """
    team = credential.team
    check_role(by, team, Role.LEAD, action="remove registry", target=credential.registry)
    with transaction.atomic():
        row = RegistryCredential.objects.select_for_update(of=("self",)).filter(pk=credential.pk).first()
        if row is None:
            raise NotFound("The login has been removed.")
        names = [deployment.name for deployment in _users_of(row)]
        if names:
            listed = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
            raise RegistryInUse(f"The login to {row.registry} is used by {listed}. Change those first.")
        row.delete()
        target, before = f"{team.name}/{row.registry}", {"username": row.username}
        audit.record(by.username, "remove registry", target, team=team.name, before=before)


def _users_of(credential: RegistryCredential) -> list[Deployment]:
    rows = Deployment.objects.filter(team=credential.team, spec__registry=credential.registry)
    return list(rows.filter(deleted_at=None, delete_requested_at=None).order_by("pk"))


def _write_again(deployment: Deployment, text: str, by: User) -> None:
    try:
        row = lock(deployment)
    except (BeingDeleted, NotFound):
        return
    store_wish(row, "update", text, by=by)

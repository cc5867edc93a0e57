"""Bringing back what an older revision said: by a person, or when a rollout is stuck."""

import copy

import msgspec
from django.contrib.auth.models import User
from django.db import transaction

from deployments import nudges
from deployments.errors import BeingDeleted, FieldError, InvalidInput, QuotaExceeded, VersionArchived
from deployments.intent.common import Actor, Edit, add_revision, change, check_role, lock, store_wish
from deployments.intent.drafts import Draft
from deployments.models import Deployment, Operation, RegistryCredential, Revision, TimelineEntry
from deployments.selectors import require_role, rollback_target, wish_of
from deployments.settling import may_roll_back
from deployments.spec import Reader, is_archived, spec_of
from deployments.spec.changes import describe_changes
from deployments.spec.requests import check_node_port_free
from k8s.spec import Spec
from teams.roles import Role

AUTOMATIC = "automatic rollback"
"""Who acts when nobody does."""
_MOST_REVISIONS = 2**31 - 1


def rollback(
    deployment: Deployment,
    revision: object,
    *,
    by: User,
    confirm_archived: bool = False,
    if_generation: int | None = None,
) -> Operation:
    """Makes a new revision that says what revision number `revision` said. The count stays.

    Raises:
        InvalidInput: no such number, the newest one, or its node port is taken.
        VersionArchived: its version has left the catalogue, and `confirm_archived` is not set.
        BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="rollback", target=deployment.name)
    number = _parse_number(revision)

    def edit(row: Deployment) -> Edit:
        target = _find(row, number)
        if not confirm_archived:
            _refuse_archived(target)
        before = row.revision
        return Edit(_restore(row, target, by), {"from": before, "revision": number})

    return change(deployment, "rollback", edit, by=by, request=number, if_generation=if_generation)


def draft_rollback(
    deployment: Deployment, revision: object, *, by: User, confirm_archived: bool = False
) -> Draft:
    """What a rollback would become, checked like the real one and stored nowhere.

    Raises: what `rollback` raises, except StaleGeneration.
    """
    require_role(by, deployment.team, Role.DEPLOYER)
    if deployment.delete_requested_at:
        raise BeingDeleted(f"Deployment {deployment.name} is being deleted.")
    target = _find(deployment, _parse_number(revision))
    if not confirm_archived:
        _refuse_archived(target)
    row = copy.copy(deployment)
    row.revision += 1
    row.spec = msgspec.to_builtins(_as_possible_now(deployment, spec_of(target)))
    wish = wish_of(row, change_cause=_cause(target))
    return Draft(wish, None, row, deployment, wish_of(deployment))


def automatic_rollback(deployment_id: int) -> Operation | None:
    """Rolls back to the newest older revision that served, where that is wanted and due.

    None where it is not: asked for by nobody, not past the deadline, itself a rollback,
    paused, not all applied, or without a revision that ever served; and where that asks for more
    than the team's quota has left, until there is room.
    """
    with transaction.atomic():
        found = Deployment.objects.filter(pk=deployment_id, deleted_at=None, delete_requested_at=None).first()
        if found is None:
            return None
        row = lock(found)
        target = rollback_target(row)
        if target is None or not _is_due(row):
            return None
        try:
            with transaction.atomic():
                return _bring_back(row, target)
        except QuotaExceeded as exc:
            _tell_once(found, f"Not rolled back to revision {target.number}: {exc.errors[0].message}"[:400])
            return None


def _bring_back(row: Deployment, target: Revision) -> Operation:
    deadline = spec_of(row).rollout.deadline_seconds
    failed = row.revision
    text = f"Revision {failed} made no progress for {deadline} s. {_restore(row, target, AUTOMATIC)}"
    arguments = {"from": failed, "revision": target.number}
    return store_wish(row, "rollback", text, by=AUTOMATIC, arguments=arguments)


def _tell_once(row: Deployment, text: str) -> None:
    """The sweep asks every few seconds; the timeline says it once."""
    newest = row.timeline.filter(kind="error").order_by("-at", "-id").first()
    if newest is None or newest.text != text:
        TimelineEntry.objects.create(deployment=row, kind="error", text=text)
        transaction.on_commit(lambda: nudges.publish(row), robust=True)


def _is_due(row: Deployment) -> bool:
    if not may_roll_back(row):
        return False
    newest = row.revisions.filter(number=row.revision).first()
    # A rollback that is stuck, too, is for people: going on would not end. And what has served
    # is stuck for a reason that is not in its revision: a restart on a full cluster, for instance.
    return newest is not None and newest.restores is None and newest.served_at is None


def _parse_number(revision: object) -> int:
    reader = Reader({"revision": revision})
    number = reader.integer("revision", 0, least=1, most=_MOST_REVISIONS, what="A revision")
    reader.finish()
    return number


def _find(row: Deployment, number: int) -> Revision:
    if number == row.revision:
        raise _wrong(f"Revision {number} is the newest: there is nothing to bring back.", "same_revision")
    found = row.revisions.filter(number=number).select_related("version__model").first()
    if found is None:
        raise _wrong(f"Deployment {row.name} has no revision {number}.", "unknown_revision")
    return found


def _wrong(text: str, code: str) -> InvalidInput:
    return InvalidInput([FieldError("revision", text, code)])


def _refuse_archived(target: Revision) -> None:
    version = target.version
    spec = spec_of(target)
    if version is None or version.deleted_at is not None:
        word = "deleted"
    elif is_archived(version):
        word = "archived"
    else:
        return
    raise VersionArchived(
        f"Version {spec.version} of model {spec.model} is {word}: "
        f"confirm that revision {target.number} should serve it again."
    )


def _restore(row: Deployment, target: Revision, by: Actor) -> str:
    """Makes the new revision of a locked row; says so in words."""
    current, spec = spec_of(row), _as_possible_now(row, spec_of(target))
    difference = describe_changes(current, spec)
    row.version = target.version or row.version
    cause = _cause(target)
    add_revision(row, spec, summary=f"{cause}: {difference}", cause=cause, by=by, restores=target.number)
    return f"Revision {row.revision}: back to revision {target.number}: {difference}"


def _cause(target: Revision) -> str:
    return f"Roll back to revision {target.number}"


def _as_possible_now(row: Deployment, spec: Spec) -> Spec:
    """A login that is gone is left out. Raises: InvalidInput: the node port is another's now."""
    reader = Reader({})
    check_node_port_free(reader, row.cluster, spec.service.node_port, but=row)
    reader.finish()
    logins = RegistryCredential.objects.filter(team=row.team, registry=spec.registry)
    if spec.registry and not logins.exists():
        return msgspec.structs.replace(spec, registry="")
    return spec

"""Wishes about deployments."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments import nudges, operations, queue
from deployments.errors import DuplicateName, FieldError, PermissionDenied
from deployments.intent.catalogue import ensure_version
from deployments.intent.common import add_revision, check_role, lock, record, store_wish
from deployments.models import Deployment, Operation
from deployments.selectors import get_pod
from deployments.spec import parse_changes, parse_create, parse_replicas, spec_of
from deployments.spec.changes import describe_changes
from deployments.spec.requests import CreateRequest
from teams import audit
from teams.models import Team
from teams.roles import Role


def create_deployment(team: Team, payload: Mapping[str, Any], *, by: User) -> Operation:
    """A new deployment from a payload of the REST contract.

    Raises:
        InvalidInput, DuplicateName, VersionHasAnotherImage, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.DEPLOYER, action="create", target=str(payload.get("name", ""))[:60])
    with transaction.atomic():
        request = parse_create(team, payload)
        if Deployment.objects.filter(team=team, name=request.name, deleted_at=None).exists():
            raise _duplicate(team, request.name)
        try:
            with transaction.atomic():
                row = _insert(team, request, by)
        except IntegrityError as exc:
            # Another request took the name between our look and our insert.
            raise _duplicate(team, request.name) from exc
        summary = describe_changes(None, request.spec)
        add_revision(row, request.spec, summary=summary, cause=request.change_cause, by=by)
        text = f"Create {request.spec.model} {request.spec.version} with {_replicas(request.replicas)}"
        return store_wish(row, "create", text, by=by)


def _insert(team: Team, request: CreateRequest, by: User) -> Deployment:
    version = ensure_version(team, request.choice, request.spec, by=by)
    return Deployment.objects.create(
        team=team,
        cluster=request.cluster,
        namespace=request.namespace,
        name=request.name,
        version=version,
        replicas=request.replicas,
        spec=msgspec.to_builtins(request.spec),
        message="Waiting to be applied",
        created_by=by,
    )


def _duplicate(team: Team, name: str) -> DuplicateName:
    detail = f"Team {team.name} has a deployment {name!r} already."
    return DuplicateName(detail, errors=[FieldError("name", detail, "duplicate_name")])


def update_deployment(
    deployment: Deployment, changes: Mapping[str, Any], *, by: User, if_generation: int | None = None
) -> Operation:
    """Merges changes into the wish; a new revision where the spec changed.

    Raises:
        InvalidInput, VersionHasAnotherImage, BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="update", target=deployment.name)
    with transaction.atomic():
        row = lock(deployment, if_generation=if_generation)
        request = parse_changes(row, changes)
        texts = []
        current = spec_of(row)
        if request.spec != current:
            row.version = ensure_version(row.team, request.choice, request.spec, by=by)
            summary = describe_changes(current, request.spec)
            add_revision(row, request.spec, summary=summary, cause=request.change_cause, by=by)
            texts.append(f"Revision {row.revision}: {summary}")
        if request.replicas is not None and request.replicas != row.replicas:
            texts.append(f"Scale from {row.replicas} to {request.replicas}")
            row.replicas = request.replicas
        text = "; ".join(texts) or "Apply again without a change"
        return store_wish(row, "update", text, by=by, arguments={"fields": sorted(changes)})


def scale(
    deployment: Deployment, replicas: object, *, by: User, if_generation: int | None = None
) -> Operation:
    """Sets the number of replicas.

    Raises:
        InvalidInput, BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="scale", target=deployment.name)
    wanted = parse_replicas(replicas)
    with transaction.atomic():
        row = lock(deployment, if_generation=if_generation)
        before, row.replicas = row.replicas, wanted
        text = f"Scale from {before} to {wanted}"
        return store_wish(row, "scale", text, by=by, arguments={"from": before, "replicas": wanted})


def restart(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Replaces every pod, by a rollout.

    Raises:
        BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="restart", target=deployment.name)
    with transaction.atomic():
        row = lock(deployment, if_generation=if_generation)
        row.restarted_at = timezone.now()
        return store_wish(row, "restart", "Restart: replace every pod", by=by)


def delete(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Removes it from the cluster; its history stays. Others' work needs the role lead.

    Raises:
        BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    role = check_role(by, deployment.team, Role.DEPLOYER, action="delete", target=deployment.name)
    if not role.covers(Role.LEAD) and deployment.created_by_id != by.pk:
        target = f"{deployment.team.name}/{deployment.name}"
        audit.record(by.username, "delete", target, team=deployment.team.name, allowed=False)
        raise PermissionDenied("This is somebody else's deployment: deleting it needs the role lead.")
    with transaction.atomic():
        row = lock(deployment, if_generation=if_generation, refused_delete_too=True)
        row.delete_requested_at = timezone.now()
        return store_wish(row, "delete", "Delete", by=by)


def delete_pod(deployment: Deployment, pod_name: str, *, by: User) -> Operation:
    """Deletes one pod; the cluster makes another. Done once: not a wish that is kept up.

    Raises:
        BeingDeleted, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="delete pod", target=deployment.name)
    with transaction.atomic():
        row = lock(deployment)
        pod = get_pod(row, pod_name)
        arguments = {"pod": pod.name}
        operation = operations.begin(row, "delete_pod", by=by.username, arguments=arguments)
        record(row, "delete pod", f"Delete pod {pod.name}", by=by, at=timezone.now(), arguments=arguments)
        transaction.on_commit(lambda: queue.enqueue_pod_delete(operation.pk), robust=True)
        transaction.on_commit(lambda: nudges.publish(row, operation), robust=True)
        return operation


def _replicas(count: int) -> str:
    return f"{count} replica" if count == 1 else f"{count} replicas"

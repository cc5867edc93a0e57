"""Wishes about deployments."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments import nudges, operations, queue
from deployments.errors import DuplicateName, FieldError, InvalidInput, NotFound, PermissionDenied
from deployments.intent import repeats
from deployments.intent.catalogue import ensure_version
from deployments.intent.common import (
    Edit,
    add_revision,
    change,
    check_generation,
    check_role,
    lock,
    record,
    store_wish,
)
from deployments.intent.keeping import keep_secrets
from deployments.intent.refusals import write_refusal
from deployments.intent.scaling import refuse_if_autoscaled, set_autoscaling, set_replicas
from deployments.models import Deployment, Namespace, Operation
from deployments.selectors import get_pod
from deployments.spec import autoscaling_of, parse_changes, parse_create, spec_of
from deployments.spec.changes import count, describe_autoscaling, describe_changes
from deployments.spec.requests import ChangeRequest, CreateRequest
from teams.models import Team
from teams.roles import Role

NO_CHANGE = "Apply again without a change"


def create_deployment(team: Team, payload: Mapping[str, Any], *, by: User) -> Operation:
    """A new deployment from a payload of the REST contract.

    An equal request of the same person within a minute, as a double click makes, is
    answered with the first one's operation.

    Raises:
        InvalidInput, DuplicateName, VersionHasAnotherImage, SecretsUnavailable, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.DEPLOYER, action="create", target=str(payload.get("name", ""))[:60])
    digest = repeats.digest_of(by.username, f"create in {team.pk}", payload)
    try:
        with transaction.atomic():
            request = parse_create(team, payload)
            holder = _holder_of(team, request.name)
            if holder is not None:
                return _first_answer(holder, digest)
            _hold_namespace(team, request)
            return _create(team, request, digest, by)
    except IntegrityError as exc:
        # Another request took the name between our look and our insert.
        holder = _holder_of(team, str(payload.get("name", "")))
        if holder is None:
            raise duplicate_name(team, str(payload.get("name", ""))) from exc
        return _first_answer(holder, digest)
    except InvalidInput:
        # What this very request has taken already is no mistake of it: a node port, for instance.
        holder = _holder_of(team, str(payload.get("name", "")))
        earlier = repeats.newest_create(holder, digest) if holder else None
        if earlier is None:
            raise
        return earlier


def _hold_namespace(team: Team, request: CreateRequest) -> None:
    """Locks it until the deployment is stored: an admin may be taking it away at this moment.

    Raises:
        InvalidInput: it has just been taken.
        NotFound: the team has just been archived.
    """
    spaces = Namespace.objects.filter(team=team, cluster=request.cluster, name=request.namespace)
    if not spaces.select_for_update(no_key=True).exists():
        text = f"Team {team.name} has no namespace in cluster {request.cluster.name} any more."
        raise InvalidInput([FieldError("cluster", text, "unknown_cluster")])
    # Whoever archives a team holds the same lock.
    if not Team.objects.filter(pk=team.pk, archived_at=None).exists():
        raise NotFound(f"There is no team {team.name!r}.")


def _create(team: Team, request: CreateRequest, digest: str, by: User) -> Operation:
    row = Deployment.objects.create(
        team=team,
        cluster=request.cluster,
        namespace=request.namespace,
        name=request.name,
        version=ensure_version(team, request.choice, request.spec, by=by),
        replicas=request.replicas,
        spec=msgspec.to_builtins(request.spec),
        autoscaling=msgspec.to_builtins(request.autoscaling),
        message="Waiting to be applied",
        created_by=by,
    )
    keep_secrets(row, request.spec, request.secret_values, by=by)
    summary = describe_changes(None, request.spec)
    add_revision(row, request.spec, summary=summary, cause=request.change_cause, by=by)
    text = f"Create {request.spec.model} {request.spec.version} with {count(request.replicas)}"
    if request.autoscaling is not None:
        text = (
            f"Create {request.spec.model} {request.spec.version}; {describe_autoscaling(request.autoscaling)}"
        )
    return store_wish(row, "create", text, by=by, digest=digest)


def _holder_of(team: Team, name: str) -> Deployment | None:
    """Whoever has the name now. Fresh: a transaction that failed sees nothing more."""
    return Deployment.objects.filter(team=team, name=name, deleted_at=None).first()


def _first_answer(holder: Deployment, digest: str) -> Operation:
    """Raises: DuplicateName: the name was not taken by the same request."""
    earlier = repeats.newest_create(holder, digest) if holder.delete_requested_at is None else None
    if earlier is None:
        raise duplicate_name(holder.team, holder.name)
    return earlier


def duplicate_name(team: Team, name: str) -> DuplicateName:
    detail = f"Team {team.name} has a deployment {name!r} already."
    return DuplicateName(detail, errors=[FieldError("name", detail, "duplicate_name")])


def update_deployment(
    deployment: Deployment, changes: Mapping[str, Any], *, by: User, if_generation: int | None = None
) -> Operation:
    """Merges changes into the wish; a new revision where the spec changed.

    Raises:
        InvalidInput, VersionHasAnotherImage, AutoscalerOwnsReplicas, SecretsUnavailable, BeingDeleted,
        StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="update", target=deployment.name)

    def edit(row: Deployment) -> Edit:
        request = parse_changes(row, changes)
        return Edit("; ".join(_merge(row, request, by)) or NO_CHANGE, {"fields": sorted(changes)})

    return change(
        deployment,
        "update",
        edit,
        by=by,
        request=changes,
        if_generation=if_generation,
        already=lambda row: _is_merged(row, changes),
    )


def _merge(row: Deployment, request: ChangeRequest, by: User) -> list[str]:
    """Stores the new revision, if there is one, and changes the row; in words."""
    texts = []
    current = spec_of(row)
    if request.spec != current:
        row.version = ensure_version(row.team, request.choice, request.spec, by=by)
        keep_secrets(row, request.spec, request.secret_values, by=by)
        summary = describe_changes(current, request.spec)
        add_revision(row, request.spec, summary=summary, cause=request.change_cause, by=by)
        texts.append(f"Revision {row.revision}: {summary}")
    return texts + merge_scaling(row, request)


def merge_scaling(row: Deployment, request: ChangeRequest) -> list[str]:
    """Sets count and autoscaler of a row as a change says; in words.

    Raises:
        AutoscalerOwnsReplicas: another count was named, and the autoscaler stays.
    """
    texts = []
    scales = request.replicas is not None and request.replicas != row.replicas
    if scales and request.autoscaling is not None:
        refuse_if_autoscaled(row)
    if request.replicas is not None and scales:
        texts.append(set_replicas(row, request.replicas))
    if request.autoscaling != autoscaling_of(row):
        texts.append(set_autoscaling(row, request.autoscaling))
    return texts


def _is_merged(row: Deployment, changes: Mapping[str, Any]) -> bool:
    """Whether a change would find everything as it wants it."""
    request = parse_changes(row, changes)
    same_count = request.replicas in (None, row.replicas)
    return request.spec == spec_of(row) and same_count and request.autoscaling == autoscaling_of(row)


def restart(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Replaces every pod, by a rollout.

    Raises:
        BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="restart", target=deployment.name)

    def edit(row: Deployment) -> Edit:
        row.restarted_at = timezone.now()
        return Edit("Restart: replace every pod")

    return change(deployment, "restart", edit, by=by, request=None, if_generation=if_generation)


def delete(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Removes it from the cluster; its history stays. Others' work needs the role lead.

    Raises:
        BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    role = check_role(by, deployment.team, Role.DEPLOYER, action="delete", target=deployment.name)
    if not role.covers(Role.LEAD) and deployment.created_by_id != by.pk:
        refusal = PermissionDenied("This is somebody else's deployment: deleting it needs the role lead.")
        target = f"{deployment.team.name}/{deployment.name}"
        write_refusal(refusal, by, "delete", target, team=deployment.team.name)
        raise refusal
    with transaction.atomic():
        row = lock(deployment, refused_delete_too=True)
        check_generation(row, if_generation)
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

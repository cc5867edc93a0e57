"""What a create or a change would become, checked like the real one and stored nowhere."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.contrib.auth.models import User

from deployments.errors import BeingDeleted
from deployments.intent.changing import duplicate_name, merge_scaling
from deployments.models import Deployment
from deployments.selectors import require_role, wish_of
from deployments.spec import parse_changes, parse_create, spec_of
from deployments.spec.changes import describe_changes
from deployments.spec.requests import ChangeRequest, CreateRequest
from k8s.spec import Wish
from teams.models import Team
from teams.roles import Role


@dataclass(frozen=True, slots=True)
class Draft:
    """`wish` is what workers would apply, `before` what they apply now.

    `row` is the deployment as it would be, not stored; `deployment` and `before` are None
    for a create, `request` is None for a rollback.
    """

    wish: Wish
    request: CreateRequest | ChangeRequest | None
    row: Deployment
    deployment: Deployment | None = None
    before: Wish | None = None


def draft(team: Team, payload: Mapping[str, Any], *, by: User) -> Draft:
    """A create.

    Raises:
        InvalidInput, DuplicateName, VersionHasAnotherImage, PermissionDenied, NotFound.
    """
    require_role(by, team, Role.DEPLOYER)
    request = parse_create(team, payload)
    if Deployment.objects.filter(team=team, name=request.name, deleted_at=None).exists():
        raise duplicate_name(team, request.name)
    row = Deployment(
        team=team,
        cluster=request.cluster,
        namespace=request.namespace,
        name=request.name,
        version=request.choice.known,
        replicas=request.replicas,
        revision=1,
        spec=msgspec.to_builtins(request.spec),
        autoscaling=msgspec.to_builtins(request.autoscaling),
    )
    cause = request.change_cause or describe_changes(None, request.spec)
    return Draft(wish_of(row, change_cause=cause), request, row)


def draft_change(deployment: Deployment, changes: Mapping[str, Any], *, by: User) -> Draft:
    """A change.

    Raises:
        InvalidInput, VersionHasAnotherImage, AutoscalerOwnsReplicas, BeingDeleted, PermissionDenied,
        NotFound.
    """
    require_role(by, deployment.team, Role.DEPLOYER)
    if deployment.delete_requested_at:
        raise BeingDeleted(f"Deployment {deployment.name} is being deleted.")
    request = parse_changes(deployment, changes)
    before = wish_of(deployment)
    row = copy.copy(deployment)
    merge_scaling(row, request)
    cause = before.change_cause
    current = spec_of(deployment)
    if request.spec != current:
        row.revision += 1
        row.spec = msgspec.to_builtins(request.spec)
        cause = request.change_cause or describe_changes(current, request.spec)
    return Draft(wish_of(row, change_cause=cause), request, row, deployment, before)

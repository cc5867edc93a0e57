"""Wishes about the count: replicas, autoscaling, pause and resume. None of them makes a revision."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.errors import AutoscalerOwnsReplicas
from deployments.intent.common import Edit, change, check_role
from deployments.models import Deployment, Operation
from deployments.spec import autoscaling_of, parse_autoscaling, parse_replicas
from deployments.spec.changes import bounds, count, describe_autoscaling
from k8s.spec import Autoscaling
from teams.roles import Role


def scale(
    deployment: Deployment, replicas: object, *, by: User, if_generation: int | None = None
) -> Operation:
    """Sets the number of replicas; while paused, the number that comes back.

    Raises:
        InvalidInput, AutoscalerOwnsReplicas, BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="scale", target=deployment.name)
    wanted = parse_replicas(replicas)

    def edit(row: Deployment) -> Edit:
        refuse_if_autoscaled(row)
        before, text = row.replicas, set_replicas(row, wanted)
        return Edit(text, {"from": before, "replicas": wanted})

    return change(
        deployment,
        "scale",
        edit,
        by=by,
        request=wanted,
        if_generation=if_generation,
        already=lambda row: row.autoscaling is None and row.replicas == wanted,
    )


def autoscale(
    deployment: Deployment,
    settings: Mapping[str, Any] | None,
    *,
    by: User,
    if_generation: int | None = None,
) -> Operation:
    """Hands the count to an autoscaler, changes its bounds and targets, or (None) takes the count back.

    Raises:
        InvalidInput, BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="autoscale", target=deployment.name)

    def edit(row: Deployment) -> Edit:
        wanted = parse_autoscaling(settings, autoscaling_of(row))
        return Edit(set_autoscaling(row, wanted), {"autoscaling": row.autoscaling})

    def already(row: Deployment) -> bool:
        current = autoscaling_of(row)
        return parse_autoscaling(settings, current) == current

    return change(
        deployment,
        "autoscale",
        edit,
        by=by,
        request=settings,
        if_generation=if_generation,
        already=already,
    )


def pause(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Takes every replica away and keeps the address, the count and the autoscaler's settings.

    Raises:
        BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="pause", target=deployment.name)

    def edit(row: Deployment) -> Edit:
        if row.paused_at is not None:
            return Edit("Pause: it was paused already")
        row.paused_at = timezone.now()
        return Edit(f"Pause; {coming_back(row)} on resume")

    return change(
        deployment,
        "pause",
        edit,
        by=by,
        request=None,
        if_generation=if_generation,
        already=lambda row: row.paused_at is not None,
    )


def resume(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Brings back what a pause took away.

    Raises:
        QuotaExceeded, BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="resume", target=deployment.name)

    def edit(row: Deployment) -> Edit:
        if row.paused_at is None:
            return Edit("Resume: it was not paused")
        row.paused_at = None
        return Edit(f"Resume; {coming_back(row)}")

    return change(
        deployment,
        "resume",
        edit,
        by=by,
        request=None,
        if_generation=if_generation,
        already=lambda row: row.paused_at is None,
    )


def refuse_if_autoscaled(row: Deployment) -> None:
    """Raises: AutoscalerOwnsReplicas."""
    settings = autoscaling_of(row)
    if settings is not None:
        kept = bounds(settings.min_replicas, settings.max_replicas)
        raise AutoscalerOwnsReplicas(
            f"An autoscaler keeps {row.name} {kept}. Change its bounds, or turn it off to set the count."
        )


def set_replicas(row: Deployment, wanted: int) -> str:
    """Sets the count of a locked row; says so in words."""
    before, row.replicas = row.replicas, wanted
    later = "; it takes effect on resume" if row.paused_at else ""
    return f"Scale from {before} to {wanted}{later}"


def set_autoscaling(row: Deployment, wanted: Autoscaling | None) -> str:
    """Sets or removes the autoscaler of a locked row; says so in words."""
    row.autoscaling = msgspec.to_builtins(wanted) if wanted else None
    text = describe_autoscaling(wanted)
    if wanted is None:
        text += f"; {count(row.replicas)} from now on"
    return text + ("; it takes effect on resume" if row.paused_at else "")


def coming_back(row: Deployment) -> str:
    """For instance "3 replicas come back"."""
    settings = autoscaling_of(row)
    if settings is not None:
        return f"{bounds(settings.min_replicas, settings.max_replicas)} come back"
    return f"{count(row.replicas)} {'comes' if row.replicas == 1 else 'come'} back"

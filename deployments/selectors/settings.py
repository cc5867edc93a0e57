"""Reads of what teams and admins keep: sizes, node presets, registry logins, schedules."""

from datetime import datetime

from django.db.models import QuerySet

from deployments.errors import NotFound
from deployments.models import (
    Cluster,
    Deployment,
    NodePreset,
    RegistryCredential,
    ScalingSchedule,
    SizePreset,
)
from deployments.selectors.access import Person
from deployments.spec import size_presets
from deployments.spec.schedules import describe_target
from teams.access import teams_of
from teams.models import Team

__all__ = [
    "get_node_preset",
    "get_registry",
    "get_schedule",
    "get_size_preset",
    "next_change_of",
    "node_presets_of",
    "registries_of",
    "schedules_of",
    "size_presets",
]


def get_size_preset(name: str) -> SizePreset:
    """Raises: NotFound."""
    found = SizePreset.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no size {name!r}.")
    return found


def node_presets_of(cluster: Cluster) -> QuerySet[NodePreset]:
    return NodePreset.objects.filter(cluster=cluster).select_related("cluster").order_by("name")


def get_node_preset(cluster: Cluster, name: str) -> NodePreset:
    """Raises: NotFound."""
    found = node_presets_of(cluster).filter(name=name).first()
    if found is None:
        raise NotFound(f"Cluster {cluster.name} has no node preset {name!r}.")
    return found


def registries_of(team: Team) -> QuerySet[RegistryCredential]:
    """A team's logins. Their passwords can be opened by workers alone."""
    return RegistryCredential.objects.filter(team=team).select_related("team").order_by("registry")


def get_registry(user: Person, team: str, registry: str) -> RegistryCredential:
    """Raises: NotFound: no such login, or `user` is a stranger to the team."""
    rows = RegistryCredential.objects.filter(team__in=teams_of(user)).select_related("team")
    found = rows.filter(team__name=team, registry=registry).first()
    if found is None:
        raise NotFound(f"Team {team!r} has no login to {registry!r}.")
    return found


def schedules_of(deployment: Deployment) -> QuerySet[ScalingSchedule]:
    return ScalingSchedule.objects.filter(deployment=deployment).order_by("id")


def get_schedule(deployment: Deployment, schedule_id: int) -> ScalingSchedule:
    """Raises: NotFound."""
    found = schedules_of(deployment).select_related("deployment__team").filter(pk=schedule_id).first()
    if found is None:
        raise NotFound(f"Deployment {deployment.name} has no schedule {schedule_id}.")
    return found


def next_change_of(deployment: Deployment) -> tuple[datetime, str] | None:
    """When a schedule next changes the count, and to what; None when none does."""
    rows = schedules_of(deployment).filter(enabled=True).exclude(next_at=None)
    row = rows.order_by("next_at", "id").first()
    if row is None or row.next_at is None:
        return None
    return row.next_at, describe_target(row)

"""Rows of tables of deployments, read by their columns: making the models that they stand in costs more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from deployments.models import Cluster, Deployment


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """What tables say of a deployment. The first ones are named as in `Deployment`."""

    pk: int
    team_id: int
    name: str
    node_port: int | None
    state: str
    message: str
    wanted_replicas: int
    ready_replicas: int
    diagnosis: dict[str, Any] | None
    generation: int
    applied_generation: int
    delete_requested_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    cluster: Cluster
    team_name: str
    team_title: str
    model: str
    version: str
    created_by: str


_COLUMNS = (
    *("pk", "team_id", "name", "node_port", "state", "message", "wanted_replicas"),
    *("ready_replicas", "diagnosis", "generation", "applied_generation"),
    *("delete_requested_at", "deleted_at", "created_at", "cluster_id", "team__name", "team__title"),
    *("version__model__name", "version__version", "created_by__username"),
)


# What is asked of their cluster: whether it is there, and where.
_OF_CLUSTER = ("name", "state", "seen_at", "unreachable_since", "created_at", "node_address")


def rows_of(found: QuerySet[Deployment]) -> list[DeploymentRow]:
    """In their order, in two queries: clusters are few."""
    rows = [list(row) for row in found.values_list(*_COLUMNS)]
    place = _COLUMNS.index("cluster_id")
    clusters = Cluster.objects.only(*_OF_CLUSTER).in_bulk({row[place] for row in rows})
    for row in rows:
        row[place] = clusters[row[place]]
        row[-1] = row[-1] or ""
    return [DeploymentRow(*row) for row in rows]

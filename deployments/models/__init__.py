"""The domain's tables."""

from deployments.models.catalogue import Model, ModelVersion
from deployments.models.cluster import Cluster, ClusterState, Namespace
from deployments.models.deployment import (
    Deployment,
    Operation,
    OperationState,
    Revision,
    State,
    TimelineEntry,
)
from deployments.models.idempotency import IdempotencyRecord
from deployments.models.leadership import Leadership
from deployments.models.observed import Event, Node, Pod

__all__ = [
    "Cluster",
    "ClusterState",
    "Deployment",
    "Event",
    "IdempotencyRecord",
    "Leadership",
    "Model",
    "ModelVersion",
    "Namespace",
    "Node",
    "Operation",
    "OperationState",
    "Pod",
    "Revision",
    "State",
    "TimelineEntry",
]

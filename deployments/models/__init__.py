"""The domain's tables."""

from deployments.models.captured import CapturedLog
from deployments.models.catalogue import Model, ModelVersion
from deployments.models.cluster import Cluster, ClusterState, Namespace, NodePreset, SizePreset
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
from deployments.models.notice import Delivery, DeliveryState, Happening, SeenHappenings, Webhook
from deployments.models.observed import Event, Node, Pod
from deployments.models.schedule import ScalingSchedule
from deployments.models.secret import RegistryCredential, SealingKey, SecretValue

__all__ = [
    "CapturedLog",
    "Cluster",
    "ClusterState",
    "Delivery",
    "DeliveryState",
    "Deployment",
    "Event",
    "Happening",
    "IdempotencyRecord",
    "Leadership",
    "Model",
    "ModelVersion",
    "Namespace",
    "Node",
    "NodePreset",
    "Operation",
    "OperationState",
    "Pod",
    "RegistryCredential",
    "Revision",
    "ScalingSchedule",
    "SealingKey",
    "SecretValue",
    "SeenHappenings",
    "SizePreset",
    "State",
    "TimelineEntry",
    "Webhook",
]

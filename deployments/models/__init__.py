"""The domain's tables."""

from deployments.models.captured import CapturedLog
from deployments.models.catalogue import Model, ModelVersion
from deployments.models.cluster import Cluster, ClusterState, CostBasis, Namespace, NodePreset, SizePreset
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
from deployments.models.usage import (
    DaySample,
    MinuteSample,
    MonthSums,
    PodUsage,
    QuarterSample,
    Quota,
    RollUp,
    Sample,
    Series,
    SeriesKind,
    Sizing,
)

__all__ = [
    "CapturedLog",
    "Cluster",
    "ClusterState",
    "CostBasis",
    "DaySample",
    "Delivery",
    "DeliveryState",
    "Deployment",
    "Event",
    "Happening",
    "IdempotencyRecord",
    "Leadership",
    "MinuteSample",
    "Model",
    "ModelVersion",
    "MonthSums",
    "Namespace",
    "Node",
    "NodePreset",
    "Operation",
    "OperationState",
    "Pod",
    "PodUsage",
    "QuarterSample",
    "Quota",
    "RegistryCredential",
    "Revision",
    "RollUp",
    "Sample",
    "ScalingSchedule",
    "SealingKey",
    "SecretValue",
    "SeenHappenings",
    "Series",
    "SeriesKind",
    "SizePreset",
    "Sizing",
    "State",
    "TimelineEntry",
    "Webhook",
]

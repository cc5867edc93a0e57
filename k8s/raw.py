"""Kubernetes objects as they come over the wire, down to the fields that facts are made of.

Kubernetes omits zero counters, sends null for empty lists and times, and adds
fields with every release: each struct here tolerates all three.
"""

from datetime import datetime

import msgspec


class Raw(msgspec.Struct, rename="camel", kw_only=True):
    """Base: snake_case here is camelCase on the wire; unknown fields are skipped."""


class OwnerReference(Raw):
    name: str = ""
    controller: bool | None = None


class Metadata(Raw):
    uid: str = ""
    name: str = ""
    namespace: str | None = None
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class RawCondition(Raw):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class Resources(Raw):
    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class Probe(Raw):
    period_seconds: int | None = None
    failure_threshold: int | None = None


class Container(Raw):
    name: str
    image: str | None = None
    resources: Resources | None = None
    startup_probe: Probe | None = None
    restart_policy: str | None = None


class Waiting(Raw):
    reason: str | None = None
    message: str | None = None


class Running(Raw):
    started_at: datetime | None = None


class Terminated(Raw):
    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(Raw):
    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Raw):
    name: str
    image: str | None = None
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodSpec(Raw):
    node_name: str | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    resources: Resources | None = None
    overhead: dict[str, str | int | float] | None = None


class PodStatus(Raw):
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    start_time: datetime | None = None
    conditions: list[RawCondition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Raw):
    metadata: Metadata
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class Template(Raw):
    metadata: Metadata | None = None
    spec: PodSpec | None = None


class WorkloadSpec(Raw):
    replicas: int | None = None
    paused: bool | None = None
    template: Template | None = None


class WorkloadStatus(Raw):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    conditions: list[RawCondition] | None = None


class Workload(Raw):
    """A Deployment or a ReplicaSet."""

    metadata: Metadata
    spec: WorkloadSpec = msgspec.field(default_factory=WorkloadSpec)
    status: WorkloadStatus = msgspec.field(default_factory=WorkloadStatus)


class ServicePort(Raw):
    port: int
    target_port: int | str = 0
    node_port: int | None = None
    name: str | None = None


class ServiceSpec(Raw):
    type: str | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    ports: list[ServicePort] | None = None


class Service(Raw):
    metadata: Metadata
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)


class Taint(Raw):
    key: str
    effect: str
    value: str | None = None


class NodeSpec(Raw):
    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class NodeAddress(Raw):
    type: str
    address: str


class NodeInfo(Raw):
    kubelet_version: str = ""


class NodeStatus(Raw):
    conditions: list[RawCondition] | None = None
    addresses: list[NodeAddress] | None = None
    capacity: dict[str, str] | None = None
    allocatable: dict[str, str] | None = None
    node_info: NodeInfo | None = None


class Node(Raw):
    metadata: Metadata
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


class ObjectReference(Raw):
    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class EventSeries(Raw):
    count: int | None = None
    last_observed_time: datetime | None = None


class EventSource(Raw):
    component: str | None = None


class Event(Raw):
    metadata: Metadata
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    involved_object: ObjectReference | None = None
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: EventSeries | None = None
    source: EventSource | None = None
    reporting_component: str | None = None


class MetricAmount(Raw):
    average_utilization: int | None = None


class ResourceMetric(Raw):
    name: str = ""
    target: MetricAmount | None = None
    current: MetricAmount | None = None


class Metric(Raw):
    """A metric, wanted or current; before the first figure there is one without a resource."""

    resource: ResourceMetric | None = None


class ScaleTarget(Raw):
    name: str = ""


class AutoscalerSpec(Raw):
    scale_target_ref: ScaleTarget = msgspec.field(default_factory=ScaleTarget)
    min_replicas: int | None = None
    max_replicas: int = 0
    metrics: list[Metric] | None = None


class AutoscalerStatus(Raw):
    current_replicas: int | None = None
    desired_replicas: int | None = None
    last_scale_time: datetime | None = None
    current_metrics: list[Metric] | None = None
    conditions: list[RawCondition] | None = None


class Autoscaler(Raw):
    """A HorizontalPodAutoscaler of autoscaling/v2."""

    metadata: Metadata
    spec: AutoscalerSpec = msgspec.field(default_factory=AutoscalerSpec)
    status: AutoscalerStatus = msgspec.field(default_factory=AutoscalerStatus)


class ListMetadata(Raw):
    resource_version: str = ""
    continue_: str | None = msgspec.field(default=None, name="continue")


class RawList(Raw):
    """A list with its items still undecoded, so that one odd item costs only itself."""

    kind: str
    metadata: ListMetadata
    items: list[msgspec.Raw] | None = None


class WatchLine(Raw):
    """One line of a watch, its object still undecoded."""

    type: str
    object: msgspec.Raw


class OnlyMetadata(Raw):
    metadata: Metadata

"""What we keep of what a cluster says: small frozen structs of just what we use.

Unknown fields are skipped, missing counters are zero. CPU is millicores, memory
is bytes, times are aware UTC datetimes. `k8s.decode` fills them from raw JSON.
"""

from datetime import datetime
from typing import Literal

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What every object has. `resource_version` is opaque; `generation` counts spec changes."""

    uid: str
    name: str
    namespace: str = ""
    resource_version: str = ""
    generation: int = 0
    created_at: datetime | None = None
    deleting_since: datetime | None = None
    labels: dict[str, str] = {}


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is "True", "False" or "Unknown"; `since` is its last transition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    since: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.status == "True"


class ContainerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One container of a pod; `last_*` describe its previous, terminated run."""

    name: str
    image: str = ""
    ready: bool = False
    started: bool = False
    restarts: int = 0
    state: Literal["waiting", "running", "terminated", ""] = ""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_reason: str = ""
    last_message: str = ""
    last_exit_code: int | None = None
    last_finished_at: datetime | None = None
    is_init: bool = False


class PodFacts(Facts, frozen=True, kw_only=True):
    """A pod.

    `ready` is its Ready *condition*, never the containers' own flags: a lost
    node keeps those true. `owner` is the name of its controller. Requests and
    limits are effective ones: see `k8s.held`. `start_seconds` is how long
    its start-up check allows for the first answer.
    """

    phase: str = ""
    reason: str = ""
    message: str = ""
    node: str = ""
    pod_ip: str = ""
    owner: str = ""
    started_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    containers: tuple[ContainerFacts, ...] = ()
    cpu_request: int = 0
    memory_request: int = 0
    cpu_limit: int = 0
    memory_limit: int = 0
    gpu_request: int = 0
    start_seconds: int = 120

    @property
    def ready(self) -> bool:
        return any(c.type == "Ready" and c.holds for c in self.conditions)

    @property
    def ready_since(self) -> datetime | None:
        return next((c.since for c in self.conditions if c.type == "Ready" and c.holds), None)

    @property
    def restarts(self) -> int:
        return sum(c.restarts for c in self.containers)


def only_held(pod: PodFacts) -> PodFacts:
    """Of a pod that is not ours: where it is and what it holds there. Without labels it stays nobody's."""
    return PodFacts(
        uid=pod.uid,
        name=pod.name,
        namespace=pod.namespace,
        resource_version=pod.resource_version,
        created_at=pod.created_at,
        deleting_since=pod.deleting_since,
        phase=pod.phase,
        node=pod.node,
        conditions=tuple(c for c in pod.conditions if c.type == "Ready"),
        cpu_request=pod.cpu_request,
        memory_request=pod.memory_request,
        gpu_request=pod.gpu_request,
        cpu_limit=pod.cpu_limit,
        memory_limit=pod.memory_limit,
    )


class DeploymentFacts(Facts, frozen=True, kw_only=True):
    """A Kubernetes Deployment. Counts describe `observed_generation`, which may lag `generation`.

    `template` is the `timoneiro.dev/template` label of its pod template: pods
    with the same one are of the newest template. `revision` is ours, from the
    label of the Deployment itself; 0 when it is not of our making.
    """

    observed_generation: int = 0
    wanted_replicas: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    paused: bool = False
    template: str = ""
    revision: int = 0
    conditions: tuple[Condition, ...] = ()
    images: tuple[str, ...] = ()
    annotations: dict[str, str] = {}


class ReplicaSetFacts(Facts, frozen=True, kw_only=True):
    """A ReplicaSet; `revision` is the deployment controller's number, 0 when it has none."""

    owner: str = ""
    revision: int = 0
    wanted_replicas: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    images: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


class PortFacts(msgspec.Struct, frozen=True, kw_only=True):
    port: int
    target_port: int | str = 0
    node_port: int | None = None
    name: str = ""


class ServiceFacts(Facts, frozen=True, kw_only=True):
    type: str = ""
    cluster_ip: str = ""
    ports: tuple[PortFacts, ...] = ()


class NodeFacts(Facts, frozen=True, kw_only=True):
    """A node. `taints` are "key=value:effect"; `pods_allocatable` 0 means that it does not say."""

    ready: bool = False
    ready_message: str = ""
    unschedulable: bool = False
    address: str = ""
    kubelet_version: str = ""
    taints: tuple[str, ...] = ()
    cpu_capacity: int = 0
    cpu_allocatable: int = 0
    memory_capacity: int = 0
    memory_allocatable: int = 0
    gpu_allocatable: dict[str, int] = {}
    pods_allocatable: int = 0


class EventFacts(Facts, frozen=True, kw_only=True):
    """A core/v1 Event of either shape; `count` is 1 and times come from `eventTime` for the newer shape."""

    type: str = ""
    reason: str = ""
    message: str = ""
    object_kind: str = ""
    object_name: str = ""
    object_uid: str = ""
    count: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None
    source: str = ""


class MetricFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A resource an autoscaler looks at; percent of the request. `current` None: no figure yet."""

    resource: str
    target: int = 0
    current: int | None = None


class AutoscalerFacts(Facts, frozen=True, kw_only=True):
    """A HorizontalPodAutoscaler, autoscaling/v2. `target` is the Deployment's name."""

    target: str = ""
    min_replicas: int = 1
    max_replicas: int = 0
    current_replicas: int = 0
    desired_replicas: int = 0
    last_scaled_at: datetime | None = None
    metrics: tuple[MetricFacts, ...] = ()
    conditions: tuple[Condition, ...] = ()

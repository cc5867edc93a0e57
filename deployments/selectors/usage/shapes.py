"""What pages and REST show of usage. CPU is millicores, memory bytes, GPUs pieces, money in `currency`.

They are kept in the cache by the thousand: without `slots`, which make reading them back ten times slower.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from deployments.models import Cluster, Deployment

Window = Literal["1h", "24h", "7d", "30d"]


@dataclass(frozen=True)
class Amounts:
    """So much of each resource."""

    cpu: int = 0
    memory: int = 0
    gpu: int = 0


@dataclass(frozen=True)
class Money:
    """Costs in one currency. None where a price or the data that it needs is missing.

    `hour` is what an hour costs now, `month` the month so far (UTC), `projection` the whole month if
    it goes on like now, `idle_hour` what is requested and not used, in an hour.
    """

    currency: str
    hour: Decimal | None = None
    month: Decimal | None = None
    projection: Decimal | None = None
    idle_hour: Decimal | None = None


@dataclass(frozen=True)
class PodShare:
    """Pods of one owner on a node, drawn as one piece of its bar.

    `kind` "deployment": of a team of the reader's, named by `team` and `deployment`; "rest": the reader's
    smaller ones together; "others": other teams' together; "foreign": not ours ("kube-system" and such),
    together.
    """

    kind: Literal["deployment", "rest", "others", "foreign"]
    pods: int
    requested: Amounts
    used: Amounts | None = None
    team: str = ""
    deployment: str = ""


@dataclass(frozen=True)
class NodeUsage:
    """`used` is the whole node's, the system included; None where it was not measured lately.

    `requested` and `pods` are those of pods of deployments of ours and of foreign ones together.
    """

    name: str
    ready: bool
    schedulable: bool
    capacity: Amounts
    allocatable: Amounts
    requested: Amounts
    free: Amounts
    used: Amounts | None
    pods: int
    ours: Amounts
    our_pods: int
    foreign: Amounts
    foreign_pods: int


@dataclass(frozen=True)
class QuotaLine:
    """One resource of a quota; None is no limit. `requested` is what the wishes ask for, `used` what
    their pods hold now."""

    resource: Literal["cpu", "memory", "gpu", "replicas", "deployments"]
    limit: int | None
    ceiling: int | None
    requested: int
    used: int
    left: int | None


@dataclass(frozen=True)
class TeamUsage:
    """`name` "" sums all teams that are not the reader's: their names are not theirs to know."""

    name: str
    title: str
    deployments: int
    pods: int
    requested: Amounts
    used: Amounts | None
    money: Money
    quota: list[QuotaLine] = field(default_factory=list)


@dataclass(frozen=True)
class ModelCost:
    team: str
    model: str
    deployments: int
    money: Money


@dataclass(frozen=True)
class DeploymentUsage:
    """`waste_hour` and `idle_since` are of the hourly look at its last 7 days (`Sizing`)."""

    deployment: Deployment
    pods: int
    requested: Amounts
    used: Amounts | None
    limits: Amounts
    money: Money
    waste_hour: Decimal | None
    idle_since: datetime | None


@dataclass(frozen=True)
class LargestFree:
    """The node with the most room of each kind: what still fits in one piece."""

    cpu: int
    cpu_node: str
    memory: int
    memory_node: str
    gpu: int
    gpu_node: str


@dataclass(frozen=True)
class ClusterUsage:
    """`metrics_message` says why nothing is known of use; "" while it is known.

    `foreign` is what pods hold that are not ours.
    """

    cluster: Cluster
    stale_since: datetime | None
    metrics_at: datetime | None
    metrics_message: str
    capacity: Amounts
    allocatable: Amounts
    requested: Amounts
    free: Amounts
    used: Amounts | None
    foreign: Amounts
    largest_free: LargestFree | None
    money: Money
    nodes: list[NodeUsage]
    teams: list[TeamUsage]
    models: list[ModelCost]


@dataclass(frozen=True)
class Chart:
    """A subject over a window: one entry per step, oldest first; None is a gap, never zero.

    `at` are whole seconds since 1970, `step_seconds` apart: 60, 900 or 86400. Values are averages of the
    step; `cpu_peak`, `memory_peak` its largest minute. `source` says who measured; `source_message` why it is
    not Prometheus though one is set, in a sentence, else "".
    """

    window: Window
    step_seconds: int
    at: list[int]
    cpu_requested: list[int | None]
    cpu_used: list[int | None]
    cpu_peak: list[int | None]
    memory_requested: list[int | None]
    memory_used: list[int | None]
    memory_peak: list[int | None]
    gpu_requested: list[int | None]
    pods: list[float | None]
    source: Literal["samples", "prometheus"] = "samples"
    source_message: str = ""

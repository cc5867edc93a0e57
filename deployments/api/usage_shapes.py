"""Shapes of usage in the REST contract. Names say the unit; null is not known, never zero."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct


class Amounts(Struct, kw_only=True, frozen=True):
    cpu_millicores: int
    memory_bytes: int
    gpus: int


class Money(Struct, kw_only=True, frozen=True):
    """In `currency`: an hour now, the month so far (UTC), the whole month if it goes on so, and what of an
    hour is requested and not used."""

    currency: str
    hour: Decimal | None
    month: Decimal | None
    projection: Decimal | None
    idle_hour: Decimal | None


class NodeUsage(Struct, kw_only=True, frozen=True):
    """`requested` is of all pods on it, `foreign` of those not deployed here; `used` is the whole node's."""

    name: str
    ready: bool
    schedulable: bool
    pods: int
    capacity: Amounts
    allocatable: Amounts
    requested: Amounts
    foreign: Amounts
    free: Amounts
    used: Amounts | None


class TeamUsage(Struct, kw_only=True, frozen=True):
    """`team` null sums all other teams."""

    team: str | None
    deployments: int
    pods: int
    requested: Amounts
    used: Amounts | None
    money: Money


class LargestFree(Struct, kw_only=True, frozen=True):
    """What still fits in one piece, and on which node."""

    cpu_millicores: int
    cpu_node: str
    memory_bytes: int
    memory_node: str
    gpus: int
    gpu_node: str


class ClusterUsage(Struct, kw_only=True, frozen=True):
    """`metrics_message` says why nothing is known of what is used, "" while it is known."""

    cluster: str
    stale_since: datetime | None
    metrics_at: datetime | None
    metrics_message: str
    capacity: Amounts
    allocatable: Amounts
    requested: Amounts
    free: Amounts
    foreign: Amounts
    used: Amounts | None
    largest_free: LargestFree | None
    money: Money
    nodes: Sequence[NodeUsage]
    teams: Sequence[TeamUsage]


class DeploymentUsage(Struct, kw_only=True, frozen=True):
    """`waste_hour` (requested and not used, in money) and `idle_since` are of its last 7 days."""

    team: str
    name: str
    cluster: str
    pods: int
    requested: Amounts
    limits: Amounts
    used: Amounts | None
    money: Money
    waste_hour: Decimal | None
    idle_since: datetime | None


class DeploymentUsages(Struct, kw_only=True, frozen=True):
    """One page of them."""

    count: int
    next: str | None
    previous: str | None
    results: Sequence[DeploymentUsage]


class Usage(Struct, kw_only=True, frozen=True):
    """Clusters with their nodes and teams, and a page of deployments."""

    clusters: Sequence[ClusterUsage]
    deployments: DeploymentUsages


class Steps(Struct, kw_only=True, frozen=True):
    """One value for each of `at`: averages of the step, `peak` its largest minute."""

    requested: Sequence[int | None]
    used: Sequence[int | None]
    peak: Sequence[int | None]


class Metrics(Struct, kw_only=True, frozen=True):
    """All replicas of a deployment together, over a window; null is a gap.

    `at` is when each step begins, `step_seconds` apart. `source` is "samples" or "prometheus";
    `source_message` says why samples are told though a Prometheus is set, "" where there is nothing to say.
    """

    window: str
    step_seconds: int
    source: str
    source_message: str
    at: Sequence[datetime]
    cpu_millicores: Steps
    memory_bytes: Steps
    gpus_requested: Sequence[int | None]
    pods: Sequence[float | None]

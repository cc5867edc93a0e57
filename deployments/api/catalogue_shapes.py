"""What the API answers about what deployments are made from: models, sizes, clusters, logins, teams."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct


class SchemaVariable(Struct, kw_only=True, frozen=True):
    """What a deployment of a version may, or must, set in its environment."""

    name: str
    description: str = ""
    default: str = ""
    required: bool = False
    secret: bool = False


class Link(Struct, kw_only=True, frozen=True):
    title: str
    url: str


class Version(Struct, kw_only=True, frozen=True):
    """A container image that serves one version of a model; `deployments` are the live ones of it.

    An archived one is not offered any more; what runs of it goes on.
    """

    version: str
    image: str
    digest: str | None
    framework: str
    description: str
    port: int
    health_path: str
    resources: dict[str, Any]
    sample_request: dict[str, Any] | None
    env_schema: Sequence[SchemaVariable]
    links: Sequence[Link]
    run_as_user: int | None
    archived: bool
    deployments: Sequence[str]
    created_at: datetime
    updated_at: datetime


class Model(Struct, kw_only=True, frozen=True):
    name: str
    team: str
    description: str
    task: str
    archived: bool
    versions: Sequence[Version]
    created_at: datetime
    updated_at: datetime


class Prices(Struct, kw_only=True, frozen=True):
    """For an hour of one core, one GiB and one GPU; null is not known. Decimals are text."""

    price_cpu_hour: Decimal | None
    price_memory_gib_hour: Decimal | None
    price_gpu_hour: Decimal | None
    currency: str


class Cluster(Prices, kw_only=True, frozen=True):
    """A cluster; `gpu_resource` is what its nodes call a GPU.

    `cost_basis` is what is paid for: "requested", "used" or the "larger" of both. `node_address` is the host
    of node ports, `prometheus_url` where charts are read from, which only admins are told; "" for none.
    """

    name: str
    state: str
    version: str
    gpu_resource: str
    cost_basis: str
    node_address: str
    prometheus_url: str


class ClusterNamespace(Struct, kw_only=True, frozen=True):
    """Where a team's objects live in a cluster.

    `isolated`: only its own pods, and what `ingress_from` names, may connect to its pods, where the
    cluster's network enforces NetworkPolicies. `message` is why that is not written yet, "" when it is.
    """

    team: str
    namespace: str
    isolated: bool
    ingress_from: list[str]
    message: str


class ClusterPermission(Struct, kw_only=True, frozen=True):
    """What one of our processes needs; a verb is granted in the "cluster", in our "namespaces", or "no".

    "unknown" is what the observer needs where it has an account of its own: only that could ask.
    """

    who: str
    resource: str
    why: str
    verbs: dict[str, str]


class ClusterPermissions(Struct, kw_only=True, frozen=True):
    """`missing_role` is YAML of a ClusterRole that grants what is missing, "" when nothing is."""

    version: str
    permissions: list[ClusterPermission]
    missing_role: str


class NodeToleration(Struct, kw_only=True, frozen=True):
    """As Kubernetes has it; an empty effect stands for all."""

    key: str
    operator: str = "Exists"
    value: str = ""
    effect: str = ""


class NodePreset(Struct, kw_only=True, frozen=True):
    """Nodes that a deployment may ask for by name."""

    name: str
    description: str
    node_selector: dict[str, str]
    tolerations: Sequence[NodeToleration]


class Size(Struct, kw_only=True, frozen=True):
    """Resources offered by name, as `preset`; small `position` first."""

    name: str
    description: str
    position: int
    cpu: str
    memory: str
    cpu_limit: str
    memory_limit: str
    gpu: int


class Registry(Struct, kw_only=True, frozen=True):
    """A team's login to a container registry; the password is never told."""

    registry: str
    username: str
    updated_by: str
    updated_at: datetime


class Team(Struct, kw_only=True, frozen=True):
    """`name` is the slug that paths use; `time_zone` is that of schedules, an IANA name.

    `archived` ones are there for admins alone.
    """

    name: str
    title: str
    time_zone: str
    role: str
    archived: bool


class QuotaAmount(Struct, kw_only=True, frozen=True):
    """Quantities as "500m" or "4Gi"; null is no limit. See `Quota`."""

    limit: str | None
    ceiling: str | None
    requested: str
    used: str
    left: str | None


class QuotaCount(Struct, kw_only=True, frozen=True):
    """Whole numbers; null is no limit. See `Quota`."""

    limit: int | None
    ceiling: int | None
    requested: int
    used: int
    left: int | None


class Quota(Struct, kw_only=True, frozen=True):
    """What a team may ask for in a cluster.

    `limit` is what counts: the team's own, else the `ceiling` that admins have set. `requested` is what all
    its deployments ask for, with the most replicas of their autoscalers and none of what is paused;
    `used` is what their pods hold now, `left` what of the limit nobody has asked for. `message` says why the
    cluster does not keep the newest limits yet; "" once it does.
    """

    team: str
    cluster: str
    cpu: QuotaAmount
    memory: QuotaAmount
    gpu: QuotaCount
    replicas: QuotaCount
    deployments: QuotaCount
    message: str


class TeamRole(Struct, kw_only=True, frozen=True):
    """`name` is the slug that paths use."""

    name: str
    title: str
    role: str


class TokenInUse(Struct, kw_only=True, frozen=True):
    name: str
    scopes: Sequence[str]
    expires_at: datetime | None


class Me(Struct, kw_only=True, frozen=True):
    """Who is asking; `token` is null for a browser session."""

    username: str
    is_admin: bool
    teams: Sequence[TeamRole]
    token: TokenInUse | None

"""What may be sent, for the OpenAPI schema. The rules themselves are in deployments.spec."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from deployments.api.catalogue_shapes import Link, SchemaVariable


class PartialResources(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    cpu: str | UnsetType = UNSET
    memory: str | UnsetType = UNSET
    cpu_limit: str | UnsetType = UNSET
    memory_limit: str | UnsetType = UNSET
    gpu: int | UnsetType = UNSET


class PartialService(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    type: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    node_port: int | UnsetType | None = UNSET


class PartialRollout(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    strategy: str | UnsetType = UNSET
    max_surge: int | UnsetType = UNSET
    max_unavailable: int | UnsetType = UNSET
    deadline_seconds: int | UnsetType = UNSET
    auto_rollback: bool | UnsetType = UNSET


class PartialSecurity(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    run_as_user: int | UnsetType = UNSET
    read_only_root: bool | UnsetType = UNSET


class PartialAutoscaling(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Bounds, and at least one target in percent of the request."""

    min_replicas: int | UnsetType = UNSET
    max_replicas: int | UnsetType = UNSET
    target_cpu_percent: int | UnsetType | None = UNSET
    target_memory_percent: int | UnsetType | None = UNSET
    scale_down_seconds: int | UnsetType = UNSET


class NewVariable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A secret one without `value` keeps the value it has."""

    name: str
    value: str | UnsetType = UNSET
    secret: bool | UnsetType = UNSET


class DeploymentChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is named changes, the rest stays. `preset` names a size, see `sizes/`.

    `autoscaling`, `node_preset` and `registry` may be null for none.
    """

    model: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    image: str | UnsetType = UNSET
    replicas: int | UnsetType = UNSET
    preset: str | UnsetType = UNSET
    resources: PartialResources | UnsetType = UNSET
    port: int | UnsetType = UNSET
    health_path: str | UnsetType = UNSET
    start_seconds: int | UnsetType = UNSET
    service: PartialService | UnsetType = UNSET
    env: Sequence[NewVariable] | UnsetType = UNSET
    autoscaling: PartialAutoscaling | UnsetType | None = UNSET
    rollout: PartialRollout | UnsetType = UNSET
    security: PartialSecurity | UnsetType = UNSET
    node_preset: str | UnsetType | None = UNSET
    registry: str | UnsetType | None = UNSET
    change_cause: str | UnsetType = UNSET


class NewDeployment(DeploymentChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`name`, and either `model` with `version` or `image`. Everything else has a default."""

    name: str
    cluster: str | UnsetType = UNSET


class Scale(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    replicas: int


class Rollback(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`confirm_archived` says that a revision of an archived version is meant."""

    revision: int
    confirm_archived: bool | UnsetType = UNSET


class Bulk(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`deployments` are paths of names such as "pricing/house"; `replicas` belongs to `scale` alone."""

    action: Literal["scale", "pause", "resume", "restart"]
    deployments: Sequence[str]
    replicas: int | UnsetType = UNSET


class ScheduleChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Either `replicas` or both bounds. `cron` has five fields, such as "0 8 * * 1-5"."""

    cron: str | UnsetType = UNSET
    replicas: int | UnsetType | None = UNSET
    min_replicas: int | UnsetType | None = UNSET
    max_replicas: int | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class NewSchedule(ScheduleChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    cron: str


class Nothing(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An empty object, or no body at all."""


class ModelChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    description: str | UnsetType = UNSET
    task: str | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class NewModel(ModelChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str


class VersionChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    image: str | UnsetType = UNSET
    preset: str | UnsetType = UNSET
    digest: str | UnsetType | None = UNSET
    framework: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    health_path: str | UnsetType = UNSET
    resources: PartialResources | UnsetType = UNSET
    sample_request: dict[str, Any] | UnsetType | None = UNSET
    env_schema: Sequence[SchemaVariable] | UnsetType = UNSET
    links: Sequence[Link] | UnsetType = UNSET
    run_as_user: int | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET


class NewVersion(VersionChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    version: str
    image: str


class SizeChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    position: int | UnsetType = UNSET
    cpu: str | UnsetType = UNSET
    memory: str | UnsetType = UNSET
    cpu_limit: str | UnsetType = UNSET
    memory_limit: str | UnsetType = UNSET
    gpu: int | UnsetType = UNSET


class NewSize(SizeChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str


class ClusterChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Prices are decimals as text or numbers, or null when not known; `currency` is an ISO 4217 code.

    `cost_basis` is what is paid for. `node_address` is the host of node ports, `prometheus_url` where charts
    are read from; "" for none.
    """

    gpu_resource: str | UnsetType = UNSET
    price_cpu_hour: str | float | UnsetType | None = UNSET
    price_memory_gib_hour: str | float | UnsetType | None = UNSET
    price_gpu_hour: str | float | UnsetType | None = UNSET
    currency: str | UnsetType = UNSET
    cost_basis: Literal["requested", "used", "larger"] | UnsetType = UNSET
    node_address: str | UnsetType = UNSET
    prometheus_url: str | UnsetType = UNSET


class NewToleration(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    key: str
    operator: Literal["Equal", "Exists"] | UnsetType = UNSET
    value: str | UnsetType = UNSET
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] | UnsetType = UNSET


class NodePresetChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    node_selector: dict[str, str] | UnsetType = UNSET
    tolerations: Sequence[NewToleration] | UnsetType = UNSET


class NewNodePreset(NodePresetChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str


class NameAndPassword(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is left out of a login that is there stays as it is."""

    username: str | UnsetType = UNSET
    password: str | UnsetType = UNSET


class Login(NameAndPassword, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`registry` as images name it, such as "ghcr.io"; a login to it that is there is changed."""

    registry: str


class NewTeam(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`cluster` is where the team gets a namespace, called like it."""

    name: str
    title: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    cluster: str | UnsetType = UNSET


class TeamChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`title` and `archived` are for admins."""

    time_zone: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class QuotaAmountChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Quantities; null is no limit. `ceiling` is for admins."""

    limit: str | UnsetType | None = UNSET
    ceiling: str | UnsetType | None = UNSET


class QuotaCountChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Whole numbers; null is no limit. `ceiling` is for admins."""

    limit: int | UnsetType | None = UNSET
    ceiling: int | UnsetType | None = UNSET


class QuotaChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is not named stays as it is."""

    cpu: QuotaAmountChanges | UnsetType = UNSET
    memory: QuotaAmountChanges | UnsetType = UNSET
    gpu: QuotaCountChanges | UnsetType = UNSET
    replicas: QuotaCountChanges | UnsetType = UNSET
    deployments: QuotaCountChanges | UnsetType = UNSET


class Ask(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A request for the deployment's own service. `path` begins with a slash.

    What is left out is taken from the version's sample request, if that is for the same path.
    """

    path: str | UnsetType = UNSET
    method: str | UnsetType = UNSET
    body: Any | UnsetType = UNSET


class Connection(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How to reach a cluster: a kubeconfig of which `context` (its current one) is kept, or `in_cluster`."""

    kubeconfig: str | UnsetType = UNSET
    context: str | UnsetType = UNSET
    in_cluster: bool | UnsetType = UNSET
    allow_insecure_tls: bool | UnsetType = UNSET
    node_address: str | UnsetType = UNSET


class NewCluster(Connection, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str


class NewNamespace(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`namespace` is called like the team unless it says otherwise."""

    team: str
    namespace: str | UnsetType = UNSET


class NamespaceChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A source of `ingress_from` is a namespace, a label of namespaces (`team=platform`) or a network."""

    isolated: bool | UnsetType = UNSET
    ingress_from: list[str] | UnsetType = UNSET

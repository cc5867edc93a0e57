"""What the API answers, as typed structs: the JSON and the OpenAPI schema both come from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from k8s.spec import EnvVar, Resources, Rollout, Service


class Diagnosis(Struct, kw_only=True, frozen=True):
    """Why it does not run: one sentence of cause, advice, the lines that show it, perhaps a fix."""

    cause: str
    advice: str
    evidence: Sequence[str] = ()
    fix: dict[str, Any] | None = None


class Status(Struct, kw_only=True, frozen=True):
    """The judgement shown to people. `stale`: the cluster has not been heard of lately, see `observed_at`."""

    state: str
    message: str
    ready_replicas: int
    wanted_replicas: int
    since: datetime | None = None
    observed_at: datetime | None = None
    stale: bool = False
    diagnosis: Diagnosis | None = None


class Links(Struct, kw_only=True, frozen=True):
    """Addresses of what belongs to a deployment."""

    self: str
    pods: str
    logs: str
    events: str
    revisions: str
    manifests: str
    predict: str


class Deployment(Struct, kw_only=True, frozen=True):
    """A model being served."""

    name: str
    team: str
    cluster: str
    namespace: str
    model: str
    version: str
    image: str
    replicas: int
    resources: Resources
    port: int
    health_path: str
    service: Service
    env: Sequence[EnvVar]
    autoscaling: None
    rollout: Rollout
    status: Status
    endpoint: str | None
    generation: int
    applied_generation: int
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    links: Links


class Step(Struct, kw_only=True, frozen=True):
    """A station of an operation's journey."""

    name: str
    at: datetime | None = None
    detail: str | None = None


class Operation(Struct, kw_only=True, frozen=True):
    """One wish's journey: queued, applying, waiting, then succeeded, failed or superseded."""

    id: str
    action: str
    state: str
    team: str
    deployment: str
    generation: int
    steps: Sequence[Step]
    error: dict[str, Any] | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    links: dict[str, str]


class Accepted(Struct, kw_only=True, frozen=True):
    """A write was stored; the operation tells how it goes on."""

    operation: Operation
    deployment: Deployment


class Preview(Struct, kw_only=True, frozen=True):
    """What a dry run found; nothing was stored."""

    manifests: Sequence[dict[str, Any]]
    diff: str
    warnings: Sequence[str]
    preflight: dict[str, Any]


class Version(Struct, kw_only=True, frozen=True):
    """A container image that serves one version of a model; `deployments` are the live ones of it."""

    version: str
    image: str
    digest: str | None
    framework: str
    description: str
    port: int
    health_path: str
    resources: dict[str, Any]
    sample_request: dict[str, Any] | None
    deployments: Sequence[str]
    created_at: datetime
    updated_at: datetime


class Model(Struct, kw_only=True, frozen=True):
    name: str
    team: str
    description: str
    task: str
    versions: Sequence[Version]
    created_at: datetime
    updated_at: datetime


class Revision(Struct, kw_only=True, frozen=True):
    """An immutable, numbered spec."""

    number: int
    summary: str
    change_cause: str
    author: str
    created_at: datetime
    spec: dict[str, Any]


class Container(Struct, kw_only=True, frozen=True):
    """A container as observed; `last_*` tell of its previous run. Kubernetes' own reasons, verbatim."""

    name: str
    image: str
    ready: bool
    restarts: int
    state: str
    reason: str
    message: str
    last_reason: str
    last_exit_code: int | None


class Pod(Struct, kw_only=True, frozen=True):
    name: str
    phase: str
    ready: bool
    restarts: int
    reason: str
    node: str
    revision: int | None
    deleting: bool
    created_at: datetime | None
    containers: Sequence[Container]


class Event(Struct, kw_only=True, frozen=True):
    """A Kubernetes event, repeats folded into `count`."""

    type: str
    reason: str
    message: str
    object_kind: str
    object_name: str
    count: int
    first_at: datetime | None
    last_at: datetime | None


class TimelineEntry(Struct, kw_only=True, frozen=True):
    """Something worth telling: a wish, an apply, a change of state, a drift."""

    at: datetime
    kind: str
    text: str
    actor: str


class Manifests(Struct, kw_only=True, frozen=True):
    """The Kubernetes objects that the newest wish becomes."""

    manifests: Sequence[dict[str, Any]]


class Cluster(Struct, kw_only=True, frozen=True):
    name: str
    state: str
    version: str


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


class Prediction(Struct, kw_only=True, frozen=True):
    """What the deployment answered; `body` is its JSON, or its text."""

    status: int
    latency_ms: float
    headers: dict[str, str]
    body: Any
    truncated: bool = False


class FieldProblem(Struct, kw_only=True, frozen=True):
    """One wrong field; `field` is a JSON path such as `resources.memory`."""

    field: str
    message: str
    code: str


class Problem(Struct, kw_only=True, frozen=True):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: Sequence[FieldProblem]


# What may be sent, for the OpenAPI schema. The rules themselves are in deployments.spec.


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
    max_surge: int | UnsetType = UNSET
    max_unavailable: int | UnsetType = UNSET


class DeploymentChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is named changes, the rest stays. `preset`: small, medium, large or gpu."""

    model: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    image: str | UnsetType = UNSET
    replicas: int | UnsetType = UNSET
    preset: str | UnsetType = UNSET
    resources: PartialResources | UnsetType = UNSET
    port: int | UnsetType = UNSET
    health_path: str | UnsetType = UNSET
    service: PartialService | UnsetType = UNSET
    env: Sequence[EnvVar] | UnsetType = UNSET
    rollout: PartialRollout | UnsetType = UNSET
    change_cause: str | UnsetType = UNSET


class NewDeployment(DeploymentChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`name`, and either `model` with `version` or `image`. Everything else has a default."""

    name: str
    cluster: str | UnsetType = UNSET


class Scale(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    replicas: int


class Nothing(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An empty object, or no body at all."""


class ModelChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    description: str | UnsetType = UNSET
    task: str | UnsetType = UNSET


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


class NewVersion(VersionChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    version: str
    image: str


class Ask(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A request for the deployment's own service. `path` begins with a slash.

    What is left out is taken from the version's sample request, if that is for the same path.
    """

    path: str | UnsetType = UNSET
    method: str | UnsetType = UNSET
    body: Any | UnsetType = UNSET

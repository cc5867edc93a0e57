"""What the API answers about deployments, typed: the JSON and the OpenAPI schema both come from these."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from deployments.preflight import Preflight
from k8s.spec import Autoscaling, Resources, Rollout, Security, Service


class Evidence(Struct, kw_only=True, frozen=True):
    """Word for word what shows it. `kind`: condition, container, event, log, answer; `source`: object."""

    kind: str
    source: str
    text: str
    at: datetime | None = None


class Fix(Struct, kw_only=True, frozen=True):
    """What one call of `fix/` does: a PATCH of `changes` for "update", `revision` for "roll_back"."""

    action: str
    label: str
    changes: dict[str, Any] = {}
    revision: int | None = None


class Diagnosis(Struct, kw_only=True, frozen=True):
    """Why it does not run: one sentence of cause, advice, the lines that show it, perhaps a fix."""

    code: str
    cause: str
    advice: str
    pod: str = ""
    evidence: Sequence[Evidence] = ()
    fix: Fix | None = None


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
    schedules: str
    manifests: str
    metrics: str
    predict: str


class Variable(Struct, kw_only=True, frozen=True):
    """An environment variable; the value of a secret one is never told."""

    name: str
    value: str | UnsetType = UNSET
    secret: bool | UnsetType = UNSET


class AutoscalerMetric(Struct, kw_only=True, frozen=True):
    """Percent of the request, averaged over pods; `current` is null while there is no figure."""

    resource: str
    target: int
    current: int | None


class Autoscaler(Struct, kw_only=True, frozen=True):
    """The autoscaler as observed. `decision` is its last one and why; `reason` is Kubernetes' own word.

    `troubled`: it cannot decide, or cannot act, at all.
    """

    current_replicas: int
    desired_replicas: int
    last_scaled_at: datetime | None
    metrics: Sequence[AutoscalerMetric]
    decision: str
    reason: str
    troubled: bool


class NextChange(Struct, kw_only=True, frozen=True):
    """When a schedule changes the count next, and what it does then."""

    at: datetime
    text: str


class Deployment(Struct, kw_only=True, frozen=True):
    """A model being served.

    `replicas` is the count that people or schedules set; while paused or autoscaled it is only
    remembered, and `status.wanted_replicas` is what holds now.
    """

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
    env: Sequence[Variable]
    paused: bool
    autoscaling: Autoscaling | None
    autoscaler: Autoscaler | None
    rollout: Rollout
    security: Security
    start_seconds: int
    node_preset: str | None
    registry: str | None
    status: Status
    endpoint: str | None
    generation: int
    applied_generation: int
    revision: int
    next_change: NextChange | None
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
    """What a dry run found; nothing was stored. Secrets are shown without their data.

    `diff` is unified, of the objects in YAML; `warnings` are the cluster's. `replaces_pods`
    says whether running pods would be replaced.
    """

    manifests: Sequence[dict[str, Any]]
    diff: str
    warnings: Sequence[str]
    preflight: Preflight
    replaces_pods: bool


class RevisionSpec(Struct, kw_only=True, frozen=True):
    """Everything that shapes pods and Service, except the count."""

    model: str
    version: str
    image: str
    port: int
    health_path: str
    start_seconds: int
    resources: Resources
    service: Service
    env: Sequence[Variable]
    rollout: Rollout
    security: Security
    node_preset: str | None
    registry: str | None


class Milestone(Struct, kw_only=True, frozen=True):
    """A step of a rollout: asked, applied, scheduled, pulled, started, ready, answering.

    `seconds` is the time since the step before it, null for the first.
    """

    name: str
    at: datetime | None
    seconds: float | None


class Revision(Struct, kw_only=True, frozen=True):
    """An immutable, numbered spec.

    `served_at` is when it first ran; `restores` is the number that a rollback brought back.
    `milestones` are the steps that its rollout has come to, in their order.
    `diff` is there when it was asked for: unified, of the objects in YAML.
    """

    number: int
    summary: str
    change_cause: str
    author: str
    restores: int | None
    served_at: datetime | None
    created_at: datetime
    milestones: Sequence[Milestone]
    spec: RevisionSpec
    diff: str | UnsetType = UNSET


class Schedule(Struct, kw_only=True, frozen=True):
    """At times of `cron`, in the team's time zone, sets the count, or the bounds of the autoscaler."""

    id: int
    cron: str
    time_zone: str
    replicas: int | None
    min_replicas: int | None
    max_replicas: int | None
    enabled: bool
    next_at: datetime | None
    last_at: datetime | None
    last_outcome: str
    created_by: str
    created_at: datetime


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


class CapturedLog(Struct, kw_only=True, frozen=True):
    """What a container wrote before it crashed, or last while it was not ready; `text` is where it is read.

    `run` is how often the container had been restarted before. `ended_at` is null while it runs.
    """

    id: int
    pod: str
    container: str
    run: int
    revision: int
    exit_code: int | None
    reason: str
    ended_at: datetime | None
    captured_at: datetime
    text: str


class TimelineEntry(Struct, kw_only=True, frozen=True):
    """Something worth telling: a wish, an apply, a change of state, a drift."""

    at: datetime
    kind: str
    text: str
    actor: str


class Manifests(Struct, kw_only=True, frozen=True):
    """The Kubernetes objects that the newest wish becomes."""

    manifests: Sequence[dict[str, Any]]


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
    """RFC 9457. `diff`, of a 412, is what others changed since, in YAML of the objects.

    `request_id` is the answer's X-Request-ID, by which it is found in log and audit.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: Sequence[FieldProblem]
    diff: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


class BulkResult(Struct, kw_only=True, frozen=True):
    """What became of one deployment of a bulk action: an operation, or the reason why not."""

    deployment: str
    operation: Operation | None
    error: Problem | None


class BulkResults(Struct, kw_only=True, frozen=True):
    results: Sequence[BulkResult]

"""Raw JSON of a cluster to facts."""

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from k8s import raw
from k8s.errors import MalformedRequest
from k8s.facts import (
    AutoscalerFacts,
    Condition,
    ContainerFacts,
    DeploymentFacts,
    EventFacts,
    Facts,
    MetricFacts,
    NodeFacts,
    PodFacts,
    PortFacts,
    ReplicaSetFacts,
    ServiceFacts,
)
from k8s.held import held_by, is_gpu
from k8s.labels import REVISION, TEMPLATE
from k8s.quantities import bytes_, millicores, pieces
from k8s.refusals import error_from, not_json

log = logging.getLogger(__name__)

# A few words are said of every object there is: one string each serves for all of them.
_shared: Final = sys.intern
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_CONTROLLER_REVISION: Final = "deployment.kubernetes.io/revision"


class Page(NamedTuple):
    """Some or all objects of a list. `continue_` "" means there are no more."""

    items: list[Facts]
    resource_version: str
    continue_: str


class Line(NamedTuple):
    """One line of a watch. `facts` is None in a bookmark, and for an object too odd to read."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    facts: Facts | None
    resource_version: str


def decode_list(kind: str, body: bytes) -> Page:
    """A list reply.

    Raises:
        ClusterUnavailable: the body is not a Kubernetes list.
    """
    decoder, build = _reader(kind)
    try:
        listed = _LIST.decode(_without_nul(body))
    except msgspec.DecodeError as exc:
        raise not_json(200, body) from exc
    items = []
    for item in listed.items or ():
        facts = _facts(kind, decoder, build, item)
        if facts is not None:
            items.append(facts)
    return Page(items, listed.metadata.resource_version, listed.metadata.continue_ or "")


def decode_line(kind: str, line: bytes) -> Line:
    """One line of a watch.

    Raises:
        Expired: the resourceVersion is too old (comes inside an HTTP 200).
        ClusterUnavailable: not a line of a watch.
        ClusterError: another ERROR event.
    """
    decoder, build = _reader(kind)
    try:
        told = _LINE.decode(_without_nul(line))
        if told.type == "ERROR":
            raise error_from(200, {}, bytes(told.object))
        if told.type == "BOOKMARK":
            return Line("BOOKMARK", None, _METADATA.decode(told.object).metadata.resource_version)
        if told.type not in ("ADDED", "MODIFIED", "DELETED"):
            raise not_json(200, line)
        facts = _facts(kind, decoder, build, told.object)
        version = facts.resource_version if facts else _METADATA.decode(told.object).metadata.resource_version
    except msgspec.DecodeError as exc:
        raise not_json(200, line) from exc
    return Line(told.type, facts, version)  # type: ignore[arg-type]


def facts_of(kind: str, manifest: Mapping[str, Any]) -> Facts:
    """Facts of one object that is at hand as a mapping.

    Raises:
        MalformedRequest: a kind we have no facts for.
        msgspec.ValidationError: an object that is not of this kind.
    """
    decoder, build = _reader(kind)
    return build(msgspec.convert(manifest, decoder.type))


def require_facts(kind: str) -> None:
    """Raises MalformedRequest unless there are facts of this kind."""
    _reader(kind)


def _without_nul(body: bytes) -> bytes:
    """JSON in which NUL characters are the replacement character: PostgreSQL stores no text with one.

    A message that holds the six characters themselves, behind a backslash, changes too; it is for people.
    """
    return body.replace(rb"\u0000", rb"\ufffd") if rb"\u0000" in body else body


def _reader(kind: str) -> "tuple[msgspec.json.Decoder[Any], Callable[[Any], Facts]]":
    try:
        return _READERS[kind]
    except KeyError:
        raise MalformedRequest(f"there are no facts of kind {kind!r}") from None


def _facts(
    kind: str, decoder: "msgspec.json.Decoder[Any]", build: Callable[[Any], Facts], item: msgspec.Raw
) -> Facts | None:
    # One object nobody foresaw must not hide all the others.
    try:
        return build(decoder.decode(item))
    except (msgspec.DecodeError, ValueError) as exc:
        log.warning("a %s that cannot be read was skipped: %s", kind, exc)
        return None


def _identity(meta: raw.Metadata) -> dict[str, Any]:
    return {
        "uid": meta.uid,
        "name": meta.name,
        "namespace": _shared(meta.namespace or ""),
        "resource_version": meta.resource_version,
        "generation": meta.generation,
        "created_at": meta.creation_timestamp,
        "deleting_since": meta.deletion_timestamp,
        "labels": {_shared(key): _shared(value) for key, value in (meta.labels or {}).items()},
    }


def _owner(meta: raw.Metadata) -> str:
    return _shared(next((owner.name for owner in meta.owner_references or () if owner.controller), ""))


def _conditions(found: list[raw.RawCondition] | None) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            type=_shared(c.type),
            status=_shared(c.status),
            reason=_shared(c.reason or ""),
            message=c.message or "",
            since=c.last_transition_time,
        )
        for c in found or ()
    )


def _pod(pod: raw.Pod) -> PodFacts:
    spec, status = pod.spec, pod.status
    containers = [_container(c, is_init=True) for c in status.init_container_statuses or ()]
    containers += [_container(c, is_init=False) for c in status.container_statuses or ()]
    return PodFacts(
        **_identity(pod.metadata),
        phase=_shared(status.phase or ""),
        reason=_shared(status.reason or ""),
        message=status.message or "",
        node=_shared(spec.node_name or ""),
        pod_ip=status.pod_ip or "",
        owner=_owner(pod.metadata),
        started_at=status.start_time,
        conditions=_conditions(status.conditions),
        containers=tuple(containers),
        **_held(spec),
        **_patience(spec),
    )


def _container(status: raw.ContainerStatus, *, is_init: bool) -> ContainerFacts:
    state = status.state or raw.ContainerState()
    last = (status.last_state or raw.ContainerState()).terminated or raw.Terminated()
    name: Literal["waiting", "running", "terminated", ""] = ""
    now = raw.Terminated()
    if state.waiting is not None:
        name, now = "waiting", raw.Terminated(reason=state.waiting.reason, message=state.waiting.message)
    elif state.running is not None:
        name, now = "running", raw.Terminated(started_at=state.running.started_at)
    elif state.terminated is not None:
        name, now = "terminated", state.terminated
    return ContainerFacts(
        name=_shared(status.name),
        image=_shared(status.image or ""),
        ready=status.ready,
        started=bool(status.started),
        restarts=status.restart_count,
        state=name,
        reason=_shared(now.reason or ""),
        message=now.message or "",
        exit_code=now.exit_code,
        started_at=now.started_at,
        finished_at=now.finished_at,
        last_reason=_shared(last.reason or ""),
        last_message=last.message or "",
        last_exit_code=last.exit_code,
        last_finished_at=last.finished_at,
        is_init=is_init,
    )


def _held(spec: raw.PodSpec) -> dict[str, Any]:
    return dict(held_by(spec))


def _patience(spec: raw.PodSpec) -> dict[str, Any]:
    checks = [c.startup_probe for c in spec.containers or () if c.startup_probe is not None]
    # A field that is left out has Kubernetes' own default.
    seconds = [(check.period_seconds or 10) * (check.failure_threshold or 3) for check in checks]
    return {"start_seconds": max(seconds)} if seconds else {}


def _images(spec: raw.WorkloadSpec) -> tuple[str, ...]:
    pod = (spec.template.spec if spec.template else None) or raw.PodSpec()
    return tuple(c.image or "" for c in pod.containers or ())


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _deployment(found: raw.Workload) -> DeploymentFacts:
    spec, status, meta = found.spec, found.status, found.metadata
    template = (spec.template.metadata if spec.template else None) or raw.Metadata()
    return DeploymentFacts(
        **_identity(meta),
        observed_generation=status.observed_generation,
        wanted_replicas=1 if spec.replicas is None else spec.replicas,
        replicas=status.replicas,
        updated_replicas=status.updated_replicas,
        ready_replicas=status.ready_replicas,
        available_replicas=status.available_replicas,
        unavailable_replicas=status.unavailable_replicas,
        paused=bool(spec.paused),
        template=(template.labels or {}).get(TEMPLATE, ""),
        revision=_number((meta.labels or {}).get(REVISION)),
        conditions=_conditions(status.conditions),
        images=_images(spec),
        annotations={k: v for k, v in (meta.annotations or {}).items() if k != _LAST_APPLIED},
    )


def _replica_set(found: raw.Workload) -> ReplicaSetFacts:
    spec, status, meta = found.spec, found.status, found.metadata
    return ReplicaSetFacts(
        **_identity(meta),
        owner=_owner(meta),
        revision=_number((meta.annotations or {}).get(_CONTROLLER_REVISION)),
        wanted_replicas=1 if spec.replicas is None else spec.replicas,
        replicas=status.replicas,
        ready_replicas=status.ready_replicas,
        images=_images(spec),
        conditions=_conditions(status.conditions),
    )


def _service(found: raw.Service) -> ServiceFacts:
    ports = tuple(
        PortFacts(
            port=p.port, target_port=p.target_port or p.port, node_port=p.node_port or None, name=p.name or ""
        )
        for p in found.spec.ports or ()
    )
    return ServiceFacts(
        **_identity(found.metadata),
        type=found.spec.type or "ClusterIP",
        cluster_ip=found.spec.cluster_ip or "",
        ports=ports,
    )


def _node(found: raw.Node) -> NodeFacts:
    status = found.status
    capacity, allocatable = status.capacity or {}, status.allocatable or {}
    ready = next((c for c in status.conditions or () if c.type == "Ready"), None)
    return NodeFacts(
        **_identity(found.metadata),
        ready=ready is not None and ready.status == "True",
        ready_message=(ready.message if ready else None) or "",
        unschedulable=bool(found.spec.unschedulable),
        address=_node_address(status.addresses or []),
        kubelet_version=status.node_info.kubelet_version if status.node_info else "",
        taints=tuple(f"{t.key}={t.value or ''}:{t.effect}" for t in found.spec.taints or ()),
        cpu_capacity=millicores(capacity.get("cpu", "0")),
        cpu_allocatable=millicores(allocatable.get("cpu", "0")),
        memory_capacity=bytes_(capacity.get("memory", "0")),
        memory_allocatable=bytes_(allocatable.get("memory", "0")),
        gpu_allocatable={k: pieces(v) for k, v in allocatable.items() if is_gpu(k)},
        pods_allocatable=pieces(allocatable.get("pods", "0")),
    )


def _node_address(addresses: list[raw.NodeAddress]) -> str:
    by_type = {a.type: a.address for a in reversed(addresses)}
    return next((by_type[t] for t in ("ExternalIP", "InternalIP", "Hostname") if t in by_type), "")


def _autoscaler(found: raw.Autoscaler) -> AutoscalerFacts:
    spec, status = found.spec, found.status
    measured = {
        metric.resource.name: metric.resource.current.average_utilization
        for metric in status.current_metrics or ()
        if metric.resource is not None and metric.resource.current is not None
    }
    metrics = tuple(
        MetricFacts(
            resource=metric.resource.name,
            target=(metric.resource.target and metric.resource.target.average_utilization) or 0,
            current=measured.get(metric.resource.name),
        )
        for metric in spec.metrics or ()
        if metric.resource is not None
    )
    return AutoscalerFacts(
        **_identity(found.metadata),
        target=spec.scale_target_ref.name,
        min_replicas=1 if spec.min_replicas is None else spec.min_replicas,
        max_replicas=spec.max_replicas,
        current_replicas=status.current_replicas or 0,
        desired_replicas=status.desired_replicas or 0,
        last_scaled_at=status.last_scale_time,
        metrics=metrics,
        conditions=_conditions(status.conditions),
    )


def _event(found: raw.Event) -> EventFacts:
    about, series = found.involved_object or raw.ObjectReference(), found.series or raw.EventSeries()
    first = found.first_timestamp or found.event_time or found.metadata.creation_timestamp
    source = found.source.component if found.source else None
    return EventFacts(
        **_identity(found.metadata),
        type=found.type or "",
        reason=found.reason or "",
        message=found.message or "",
        object_kind=about.kind or "",
        object_name=about.name or "",
        object_uid=about.uid or "",
        count=series.count or found.count or 1,
        first_at=first,
        last_at=series.last_observed_time or found.last_timestamp or found.event_time or first,
        source=source or found.reporting_component or "",
    )


_LIST: Final = msgspec.json.Decoder(raw.RawList)
_LINE: Final = msgspec.json.Decoder(raw.WatchLine)
_METADATA: Final = msgspec.json.Decoder(raw.OnlyMetadata)
_READERS: "Final[dict[str, tuple[msgspec.json.Decoder[Any], Callable[[Any], Facts]]]]" = {
    "Pod": (msgspec.json.Decoder(raw.Pod), _pod),
    "Deployment": (msgspec.json.Decoder(raw.Workload), _deployment),
    "ReplicaSet": (msgspec.json.Decoder(raw.Workload), _replica_set),
    "Service": (msgspec.json.Decoder(raw.Service), _service),
    "Node": (msgspec.json.Decoder(raw.Node), _node),
    "Event": (msgspec.json.Decoder(raw.Event), _event),
    "HorizontalPodAutoscaler": (msgspec.json.Decoder(raw.Autoscaler), _autoscaler),
}

"""The columns of each kind's table and how a row is made, as the API server's own printers do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime as _datetime
from typing import Any, Final

from k8s.local.selectors import selector_text
from k8s.local.server.durations import age, human_duration
from k8s.local.server.pod_cells import pod_cells
from k8s.local.store import Object

NONE: Final = "<none>"
UNSET: Final = "<unset>"
NAME_DESCRIPTION: Final = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources "
    "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
    "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)


@dataclass(frozen=True)
class Column:
    """One column; ``priority`` above 0 means that only ``-o wide`` shows it."""

    name: str
    type: str = "string"
    priority: int = 0
    description: str = ""


Cells = Callable[[Object], list[Any]]


def _columns(*names: str | Column, wide: tuple[str, ...] = ()) -> list[Column]:
    found = [name if isinstance(name, Column) else Column(name) for name in names]
    return found + [Column(name, priority=1) for name in wide]


def _int(name: str) -> Column:
    return Column(name, "integer")


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _containers(obj: Object) -> tuple[str, str]:
    containers = obj.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    return ",".join(each["name"] for each in containers), ",".join(
        each.get("image", "") for each in containers
    )


def _deployment(obj: Object) -> list[Any]:
    status, wanted = obj.get("status", {}), obj["spec"].get("replicas", 0)
    ready = f"{status.get('readyReplicas', 0)}/{wanted}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [
        _name(obj),
        ready,
        *counts,
        _age(obj),
        *_containers(obj),
        selector_text(obj["spec"].get("selector")),
    ]


def _replica_set(obj: Object) -> list[Any]:
    status = obj.get("status", {})
    counts = [obj["spec"].get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj), *_containers(obj), selector_text(obj["spec"].get("selector"))]


def _service(obj: Object) -> list[Any]:
    spec = obj["spec"]
    ports = ",".join(
        f"{port['port']}:{port['nodePort']}/{port['protocol']}"
        if port.get("nodePort")
        else f"{port['port']}/{port['protocol']}"
        for port in spec.get("ports", [])
    )
    external = ",".join(spec.get("externalIPs", [])) or NONE
    if spec["type"] == "ExternalName":
        external = spec.get("externalName", NONE)
    elif spec["type"] == "LoadBalancer" and external == NONE:
        external = "<pending>"
    selector = ",".join(f"{key}={value}" for key, value in (spec.get("selector") or {}).items()) or NONE
    return [
        _name(obj),
        spec["type"],
        spec.get("clusterIP") or NONE,
        external,
        ports or NONE,
        _age(obj),
        selector,
    ]


def _node(obj: Object) -> list[Any]:
    status, meta = obj.get("status", {}), obj["metadata"]
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    state = {"True": "Ready", "False": "NotReady"}.get(conditions.get("Ready", ""), "NotReady")
    if "Ready" not in conditions:
        state = "Unknown"
    if obj.get("spec", {}).get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(key.removeprefix(prefix) for key in meta.get("labels", {}) if key.startswith(prefix))
    addresses = {each["type"]: each["address"] for each in status.get("addresses", [])}
    info = status.get("nodeInfo", {})
    wide = [info.get(key, "<unknown>") for key in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    ips = [addresses.get("InternalIP", NONE), addresses.get("ExternalIP", NONE)]
    return [
        _name(obj),
        state,
        ",".join(roles) or NONE,
        _age(obj),
        info.get("kubeletVersion", ""),
        *ips,
        *wide,
    ]


def _namespace(obj: Object) -> list[Any]:
    return [_name(obj), obj.get("status", {}).get("phase", ""), _age(obj)]


def _event(obj: Object) -> list[Any]:
    about, source, series = obj.get("involvedObject", {}), obj.get("source", {}), obj.get("series") or {}
    meta = obj["metadata"]
    first = obj.get("firstTimestamp") or obj.get("eventTime") or meta.get("creationTimestamp")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    count = series.get("count") or obj.get("count") or 1
    kind = about.get("kind", "").lower()
    target = f"{kind}/{about['name']}" if about.get("name") else kind
    origin = source.get("component") or obj.get("reportingComponent", "")
    where = source.get("host") or obj.get("reportingInstance", "")
    seen = age(last)
    if count > 1:
        seen = f"{age(last)} (x{count} over {age(first)})"
    told = obj.get("message", "").strip()
    return [
        seen, obj.get("type", ""), obj.get("reason", ""), target, about.get("fieldPath", ""),
        f"{origin}, {where}" if where else origin, told, age(first), count, _name(obj),
    ]  # fmt: skip


def _endpoint_slice(obj: Object) -> list[Any]:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or []]
    addresses = [address for each in obj.get("endpoints") or [] for address in each.get("addresses", [])]
    return [_name(obj), obj.get("addressType", ""), _some(ports, UNSET), _some(addresses, UNSET), _age(obj)]


def _some(values: list[str], empty: str) -> str:
    text = ",".join(values[:3])
    if len(values) > 3:
        text += f" + {len(values) - 3} more..."
    return text or empty


def _endpoints(obj: Object) -> list[Any]:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for port in subset.get("ports", [])
        for address in subset.get("addresses", [])
    ]
    return [_name(obj), _some(found, NONE), _age(obj)]


def _config_map(obj: Object) -> list[Any]:
    return [_name(obj), len(obj.get("data", {})) + len(obj.get("binaryData", {})), _age(obj)]


def _secret(obj: Object) -> list[Any]:
    return [_name(obj), obj.get("type", ""), len(obj.get("data", {})), _age(obj)]


def _job(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    states = {each["type"] for each in status.get("conditions", []) if each.get("status") == "True"}
    state = next((name for name in ("Complete", "Failed", "Suspended") if name in states), "Running")
    done = f"{status.get('succeeded', 0)}/{spec.get('completions', spec.get('parallelism', 1))}"
    return [
        _name(obj),
        state,
        done,
        _job_duration(status),
        _age(obj),
        *_containers(obj),
        selector_text(spec.get("selector")),
    ]


def _job_duration(status: dict[str, Any]) -> str:
    start, end = status.get("startTime"), status.get("completionTime")
    if not start:
        return ""
    return age(start) if not end else human_duration(_seconds(start, end))


def _seconds(start: str, end: str) -> float:
    parse = _parse_time
    return parse(end) - parse(start)


def _autoscaler(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    scaled = spec.get("scaleTargetRef", {})
    current = {each.get("resource", {}).get("name"): each for each in status.get("currentMetrics") or []}
    shown = []
    for metric in spec.get("metrics", []):
        resource = metric.get("resource", {})
        found = current.get(resource.get("name"), {}).get("resource", {}).get("current", {})
        target = resource.get("target", {})
        by_value = target.get("averageValue") is not None
        field, unit = ("averageValue", "") if by_value else ("averageUtilization", "%")
        seen = found.get(field)
        seen = "<unknown>" if seen is None else f"{seen}{unit}"
        shown.append(f"{resource.get('name')}: {seen}/{target.get(field)}{unit}")
    bounds = [str(spec.get("minReplicas", 1)), spec.get("maxReplicas", 0), status.get("currentReplicas", 0)]
    return [
        _name(obj),
        f"{scaled.get('kind')}/{scaled.get('name')}",
        ", ".join(shown) or NONE,
        *bounds,
        _age(obj),
    ]


def _budget(obj: Object) -> list[Any]:
    spec = obj["spec"]
    bounds = [str(spec.get(name, "N/A")) for name in ("minAvailable", "maxUnavailable")]
    return [_name(obj), *bounds, obj.get("status", {}).get("disruptionsAllowed", 0), _age(obj)]


def _network_policy(obj: Object) -> list[Any]:
    chosen = obj.get("spec", {}).get("podSelector", {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))
    return [_name(obj), selector or "<none>", _age(obj)]


def _quota(obj: Object) -> list[Any]:
    status = obj.get("status", {})
    hard = status.get("hard") or obj.get("spec", {}).get("hard", {})
    used = status.get("used", {})
    shown = {name: f"{name}: {used.get(name, '0')}/{value}" for name, value in sorted(hard.items())}
    limits = ", ".join(text for name, text in shown.items() if name.startswith("limits."))
    return [
        _name(obj),
        ", ".join(t for n, t in shown.items() if not n.startswith("limits.")),
        limits,
        _age(obj),
    ]


def _account(obj: Object) -> list[Any]:
    return [_name(obj), len(obj.get("secrets", [])), _age(obj)]


def _lease(obj: Object) -> list[Any]:
    return [_name(obj), obj.get("spec", {}).get("holderIdentity", ""), _age(obj)]


def _created(obj: Object) -> list[Any]:
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def _generic(obj: Object) -> list[Any]:
    return [_name(obj), _age(obj)]


def _parse_time(text: str) -> float:
    return _datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


_POD_WIDE: Final = ("IP", "Node", "Nominated Node", "Readiness Gates")
_WORKLOAD: Final = ("Containers", "Images", "Selector")
GENERIC: Final[tuple[list[Column], Cells]] = (_columns("Name", "Age"), _generic)
_EVENT: Final = (
    [
        Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"),
        Column("Subobject", priority=1), Column("Source", priority=1), Column("Message"),
        Column("First Seen", priority=1), Column("Count", "integer", 1), Column("Name", priority=1),
    ],
    _event,
)  # fmt: skip

COLUMNS: Final[dict[str, tuple[list[Column], Cells]]] = {
    "pods": (
        _columns("Name", "Ready", "Status", "Restarts", "Age", wide=_POD_WIDE),
        pod_cells,
    ),
    "deployments.apps": (
        _columns("Name", "Ready", _int("Up-to-date"), _int("Available"), "Age", wide=_WORKLOAD),
        _deployment,
    ),
    "replicasets.apps": (
        _columns("Name", _int("Desired"), _int("Current"), _int("Ready"), "Age", wide=_WORKLOAD),
        _replica_set,
    ),
    "services": (
        _columns("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", wide=("Selector",)),
        _service,
    ),
    "nodes": (
        _columns(
            "Name", "Status", "Roles", "Age", "Version",
            wide=("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        ),
        _node,
    ),
    "namespaces": (_columns("Name", "Status", "Age"), _namespace),
    "events": _EVENT,
    "endpointslices.discovery.k8s.io": (
        _columns("Name", "AddressType", "Ports", "Endpoints", "Age"),
        _endpoint_slice,
    ),
    "endpoints": (_columns("Name", "Endpoints", "Age"), _endpoints),
    "configmaps": (_columns("Name", _int("Data"), "Age"), _config_map),
    "secrets": (_columns("Name", "Type", _int("Data"), "Age"), _secret),
    "jobs.batch": (_columns("Name", "Status", "Completions", "Duration", "Age", wide=_WORKLOAD), _job),
    "horizontalpodautoscalers.autoscaling": (
        _columns("Name", "Reference", "Targets", "MinPods", _int("MaxPods"), _int("Replicas"), "Age"),
        _autoscaler,
    ),
    "poddisruptionbudgets.policy": (
        _columns("Name", "Min Available", "Max Unavailable", _int("Allowed Disruptions"), "Age"),
        _budget,
    ),
    "resourcequotas": (_columns("Name", "Request", "Limit", "Age"), _quota),
    "limitranges": (_columns("Name", "Created At"), _created),
    "serviceaccounts": (_columns("Name", _int("Secrets"), "Age"), _account),
    "networkpolicies.networking.k8s.io": (_columns("Name", "Pod-Selector", "Age"), _network_policy),
    "leases.coordination.k8s.io": (_columns("Name", "Holder", "Age"), _lease),
}  # fmt: skip

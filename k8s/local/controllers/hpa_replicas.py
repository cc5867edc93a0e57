"""How many replicas a resource metric asks for. Pure: pods and their use in, a proposal out.

Source: the rules of Kubernetes' replica calculator (pkg/controller/podautoscaler).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from k8s.local.amounts import amount, canonical
from k8s.local.controllers.pods import condition
from k8s.local.kubelet.usage import PodUsage
from k8s.local.store import Object

TOLERANCE: Final = 0.1
CPU_INITIALIZATION: Final = timedelta(minutes=5)
INITIAL_READINESS: Final = timedelta(seconds=30)


class MetricProblem(Exception):
    """A metric tells nothing. ``reason`` is that of the condition and the event."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Proposal:
    """Replicas that a metric asks for, its name as events write it, and its status."""

    replicas: int
    name: str
    status: Object


@dataclass(frozen=True)
class Population:
    """The pods of the target. ``usage`` answers what a pod uses, None while nobody knows."""

    pods: Collection[Object]
    current: int
    usage: Callable[[Object], PodUsage | None]
    up_tolerance: float = TOLERANCE
    down_tolerance: float = TOLERANCE

    def within_tolerance(self, ratio: float) -> bool:
        """Whether a ratio of wanted to current is near enough to 1 to leave things alone."""
        return 1 - self.down_tolerance <= ratio <= 1 + self.up_tolerance


@dataclass
class _Groups:
    """Millis (or milli-bytes) by pod name, and the pods that say nothing, with why."""

    measured: dict[str, Decimal]
    unready: list[Object]
    missing: list[Object]
    ready: int = 0


def propose(metric: Object, population: Population) -> Proposal:
    """What one entry of ``spec.metrics`` asks for.

    Raises:
        MetricProblem: nothing can be said.
    """
    if metric["type"] != "Resource":
        told = f"unable to get metric: the local cluster serves no {metric['type']} metrics"
        raise MetricProblem(f"FailedGet{metric['type']}Metric", told)
    resource, target = metric["resource"]["name"], metric["resource"]["target"]
    try:
        if target.get("averageValue") is not None:
            return _by_value(resource, amount(str(target["averageValue"])) * 1000, population)
        if target.get("averageUtilization") is not None:
            return _by_utilization(resource, int(target["averageUtilization"]), population)
        told = "invalid resource metric source: neither an average utilization nor an average value was set"
    except _Unknown as problem:
        kind = "usage" if target.get("averageValue") is not None else "utilization"
        told = f"failed to get {resource} {kind}: {problem}"
    raise MetricProblem("FailedGetResourceMetric", told)


class _Unknown(Exception):
    pass


def _by_utilization(resource: str, target: int, population: Population) -> Proposal:
    groups = _grouped(resource, population)
    requests = {pod["metadata"]["name"]: _request(resource, pod) for pod in population.pods}
    asked = sum((requests[name] for name in groups.measured), Decimal(0))
    used = sum(groups.measured.values(), Decimal(0))
    utilization = int(used * 100 / asked)
    average = used / len(groups.measured)

    def ratio(measured: dict[str, Decimal]) -> float:
        total = sum((requests[name] for name in measured), Decimal(0))
        # Whole percents, as the real calculator counts.
        return int(sum(measured.values(), Decimal(0)) * 100 / total) / target

    def assumed(pod: Object) -> Decimal:
        return requests[pod["metadata"]["name"]] * max(100, target) / 100

    replicas = _replicas(groups, population, ratio, assumed)
    current = {"averageUtilization": utilization, "averageValue": _milli_quantity(average)}
    name = f"{resource} resource utilization (percentage of request)"
    return Proposal(replicas, name, _status(resource, current))


def _by_value(resource: str, target: Decimal, population: Population) -> Proposal:
    groups = _grouped(resource, population)
    average = sum(groups.measured.values(), Decimal(0)) / len(groups.measured)

    def ratio(measured: dict[str, Decimal]) -> float:
        return float(sum(measured.values(), Decimal(0)) / len(measured) / target)

    replicas = _replicas(groups, population, ratio, lambda _: target)
    return Proposal(
        replicas, f"{resource} resource", _status(resource, {"averageValue": _milli_quantity(average)})
    )


def _status(resource: str, current: Object) -> Object:
    return {"type": "Resource", "resource": {"name": resource, "current": current}}


def _milli_quantity(millis: Decimal) -> str:
    return canonical(f"{int(millis) / Decimal(1000):f}")


def _replicas(
    groups: _Groups,
    population: Population,
    ratio_of: Callable[[dict[str, Decimal]], float],
    assumed: Callable[[Object], Decimal],
) -> int:
    """Scale by the ratio; where pods say nothing, suppose what makes the change smaller."""
    ratio, current = ratio_of(groups.measured), population.current
    up_with_unready = bool(groups.unready) and ratio > 1
    if not up_with_unready and not groups.missing:
        return current if population.within_tolerance(ratio) else math.ceil(ratio * groups.ready)
    supposed = dict(groups.measured)
    for pod in groups.missing:
        supposed[pod["metadata"]["name"]] = assumed(pod) if ratio < 1 else Decimal(0)
    if up_with_unready:
        supposed |= {pod["metadata"]["name"]: Decimal(0) for pod in groups.unready}
    new = ratio_of(supposed)
    if population.within_tolerance(new) or (new > 1) != (ratio > 1):
        return current
    replicas = math.ceil(new * len(supposed))
    wrong_way = (new < 1 and replicas > current) or (new > 1 and replicas < current)
    return current if wrong_way else replicas


def _grouped(resource: str, population: Population) -> _Groups:
    if not population.pods:
        raise _Unknown("no pods returned by selector while calculating replica count")
    usages = {pod["metadata"]["name"]: population.usage(pod) for pod in population.pods}
    if all(usage is None for usage in usages.values()):
        raise _Unknown(
            f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
        )
    groups = _Groups({}, [], [])
    for pod in population.pods:
        name, usage = pod["metadata"]["name"], usages[pod["metadata"]["name"]]
        phase = pod.get("status", {}).get("phase")
        if "deletionTimestamp" in pod["metadata"] or phase == "Failed":
            continue
        if phase == "Pending":
            groups.unready.append(pod)
        elif usage is None:
            groups.missing.append(pod)
        elif resource == "cpu" and _too_young(pod, usage):
            groups.unready.append(pod)
        else:
            groups.ready += 1
            groups.measured[name] = _millis(resource, usage)
    if not groups.measured:
        raise _Unknown("did not receive metrics for targeted pods (pods might be unready)")
    return groups


def _too_young(pod: Object, usage: PodUsage) -> bool:
    """Whether the CPU tells of the pod's start rather than of its work."""
    ready, started = condition(pod, "Ready"), pod.get("status", {}).get("startTime")
    if ready is None or started is None:
        return True
    since, start = datetime.fromisoformat(ready["lastTransitionTime"]), datetime.fromisoformat(started)
    if start + CPU_INITIALIZATION > datetime.now(UTC):
        window = timedelta(seconds=usage.window_seconds)
        return ready["status"] == "False" or usage.measured_at < since + window
    return ready["status"] == "False" and start + INITIAL_READINESS > since


def _millis(resource: str, usage: PodUsage) -> Decimal:
    if resource == "cpu":
        return Decimal(sum(-(-used.nanocores // 1_000_000) for used in usage.containers.values()))
    return Decimal(sum(used.memory for used in usage.containers.values())) * 1000


def _request(resource: str, pod: Object) -> Decimal:
    """Millis that the pod's containers ask for together."""
    total = Decimal(0)
    for container in pod["spec"]["containers"]:
        asked = ((container.get("resources") or {}).get("requests") or {}).get(resource)
        if asked is None:
            raise _Unknown(
                f"missing request for {resource} in container {container['name']} of Pod "
                f"{pod['metadata']['name']}"
            )
        total += amount(str(asked)) * 1000
    return total

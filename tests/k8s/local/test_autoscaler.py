"""HorizontalPodAutoscalers on measured pods, and the arithmetic behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from k8s.local.controllers import NodeSpec
from k8s.local.controllers.hpa_behavior import Memory, bounded
from k8s.local.controllers.hpa_replicas import MetricProblem, Population, propose
from k8s.local.kubelet.usage import HOLLOW_CPU, HOLLOW_MEMORY, Amounts, PodUsage
from k8s.local.store import Object
from tests.k8s.local.api_kit import DEPLOYMENTS
from tests.k8s.local.kit import a_deployment, until
from tests.k8s.local.whole_kit import QUICK, Whole, whole_cluster

AUTOSCALERS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
UTILIZATION = "cpu resource utilization (percentage of request)"
MISSING = 'deployments.apps "missing" not found'
HOLLOW = (NodeSpec("hollow", cpu="64", memory="64Gi", hollow=True),)
CPU_50 = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}


def an_autoscaler(metric: Object = CPU_50, *, target: str = "house", **spec: Any) -> Object:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    own = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric], **spec}
    return {"metadata": {"name": "house", "namespace": "default"}, "spec": own}


def a_hollow_deployment(cpu: str = "150m", *, replicas: int = 1, **resources: str) -> Object:
    asked = {"requests": resources or {"cpu": "100m", "memory": "64Mi"}}
    made = a_deployment(replicas=replicas, resources=asked)
    annotations = {HOLLOW_CPU: cpu, HOLLOW_MEMORY: "128Mi"}
    made["spec"]["template"]["metadata"]["annotations"] = annotations
    return made


def status(cluster: Whole) -> Object:
    found: Object = cluster.cluster.store.get("horizontalpodautoscalers.autoscaling", "default", "house")
    return found.get("status") or {}


def says(cluster: Whole, kind: str) -> tuple[str, str, str]:
    for one in status(cluster).get("conditions") or ():
        if one["type"] == kind:
            return one["status"], one["reason"], one["message"]
    return "", "", ""


def events(cluster: Whole, reason: str) -> list[str]:
    return [one["message"] for one in cluster.cluster.store.list("events") if one["reason"] == reason]


async def test_a_busy_deployment_grows_to_its_limit_and_says_why(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path, nodes=HOLLOW) as cluster:
        await cluster.create(DEPLOYMENTS, a_hollow_deployment())
        await cluster.create(AUTOSCALERS, an_autoscaler())
        await until(lambda: status(cluster).get("currentReplicas") == 3)
        await until(lambda: says(cluster, "AbleToScale")[1] == "ReadyForNewScale")
        found = status(cluster)
        assert found["desiredReplicas"] == 3
        current = found["currentMetrics"][0]["resource"]["current"]
        assert 140 <= current["averageUtilization"] <= 160
        assert current["averageValue"].endswith("m")
        assert says(cluster, "ScalingActive") == (
            "True",
            "ValidMetricFound",
            f"the HPA was able to successfully calculate a replica count from {UTILIZATION}",
        )
        await until(lambda: says(cluster, "ScalingLimited")[:2] == ("True", "TooManyReplicas"))
        told = f"New size: 3; reason: {UTILIZATION} above target"
        assert told in events(cluster, "SuccessfulRescale")
        shown = (await cluster.kubectl("get", "hpa")).splitlines()[1]
        assert shown.split()[:2] == ["house", "Deployment/house"]
        assert "%/50%" in shown


async def test_nothing_is_known_before_the_first_measurement(tmp_path: Path) -> None:
    slow = replace(QUICK, measure=3600.0)
    async with whole_cluster(tmp_path, nodes=HOLLOW, timing=slow) as cluster:
        await cluster.create(DEPLOYMENTS, a_hollow_deployment())
        await until(lambda: cluster.cluster.store.list("pods"))
        await cluster.create(AUTOSCALERS, an_autoscaler())
        told = (
            "failed to get cpu utilization: unable to get metrics for resource cpu: "
            "no metrics returned from resource metrics API"
        )
        await until(lambda: told in events(cluster, "FailedGetResourceMetric"))
        await until(lambda: status(cluster).get("currentMetrics") == [{"type": ""}])
        assert says(cluster, "ScalingActive") == (
            "False",
            "FailedGetResourceMetric",
            f"the HPA was unable to compute the replica count: {told}",
        )
        assert "cpu: <unknown>/50%" in await cluster.kubectl("get", "hpa", "house")


async def test_a_missing_target_is_told_as_on_a_real_cluster(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path, nodes=HOLLOW) as cluster:
        await cluster.create(AUTOSCALERS, an_autoscaler(target="missing"))
        await until(lambda: says(cluster, "AbleToScale")[0])
        assert says(cluster, "AbleToScale") == (
            "False",
            "FailedGetScale",
            f"the HPA controller was unable to get the target's current scale: {MISSING}",
        )
        assert status(cluster)["currentMetrics"] is None
        assert status(cluster)["desiredReplicas"] == 0


async def test_an_idle_deployment_shrinks_when_its_window_allows(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path, nodes=HOLLOW) as cluster:
        await cluster.create(DEPLOYMENTS, a_hollow_deployment("1m", replicas=3))
        quick = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        await cluster.create(AUTOSCALERS, an_autoscaler(behavior=quick))
        await until(lambda: status(cluster).get("currentReplicas") == 1)
        assert "New size: 1; reason: All metrics below target" in events(cluster, "SuccessfulRescale")


async def test_kubectl_autoscale_makes_one_that_works(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path, nodes=HOLLOW) as cluster:
        await cluster.create(DEPLOYMENTS, a_hollow_deployment())
        await cluster.kubectl("autoscale", "deployment", "house", "--min=2", "--max=4", "--cpu=50%")
        await until(lambda: status(cluster).get("currentReplicas") == 4)
        assert "Current number of replicas below Spec.MinReplicas" in events(cluster, "SuccessfulRescale")[0]


# The arithmetic


def a_pod(name: str, *, ready: bool = True, age_seconds: int = 3600, cpu: str = "100m") -> Object:
    moment = datetime.fromtimestamp(datetime.now(UTC).timestamp() - age_seconds, UTC).isoformat()
    container = {"name": "server", "resources": {"requests": {"cpu": cpu} if cpu else {}}}
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": moment}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [container]},
        "status": {"phase": "Running", "startTime": moment, "conditions": [condition]},
    }


def using(**millicores: int) -> Callable[[Object], PodUsage | None]:
    def usage(pod: Object) -> PodUsage | None:
        found = millicores.get(pod["metadata"]["name"])
        if found is None:
            return None
        return PodUsage(datetime.now(UTC), 15.0, {"server": Amounts(found * 1_000_000, 100 << 20)})

    return usage


def proposed(metric: Object = CPU_50, *, pods: list[Object], **millicores: int) -> int:
    return propose(metric, Population(pods, len(pods), using(**millicores))).replicas


def test_replicas_follow_the_ratio_of_use_to_target() -> None:
    pods = [a_pod("a"), a_pod("b")]
    assert proposed(pods=pods, a=100, b=100) == 4
    assert proposed(pods=pods, a=20, b=20) == 1
    assert proposed(pods=pods, a=54, b=54) == 2, "within the tolerance of a tenth"


def test_pods_that_say_nothing_only_dampen() -> None:
    pods = [a_pod("a"), a_pod("b")]
    assert proposed(pods=pods, a=75) == 2, "the silent one is supposed to be idle when growing"
    assert proposed(pods=pods, a=10) == 2, "and busy when shrinking"
    young = a_pod("b", ready=False, age_seconds=5)
    assert proposed(pods=[a_pod("a"), young], a=200, b=5) == 4


def test_memory_can_be_wanted_as_a_value() -> None:
    target = {"type": "AverageValue", "averageValue": "50Mi"}
    metric = {"type": "Resource", "resource": {"name": "memory", "target": target}}
    found = propose(metric, Population([a_pod("a")], 1, using(a=1)))
    assert (found.replicas, found.name) == (2, "memory resource")
    assert found.status["resource"]["current"] == {"averageValue": "104857600"}


def test_a_pod_that_asks_for_nothing_cannot_be_used_to_a_percentage() -> None:
    pods = [a_pod("a", cpu="")]
    with pytest.raises(MetricProblem, match="missing request for cpu in container server of Pod a"):
        proposed(pods=pods, a=1)


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_shrinking_recommendation_waits_for_five_minutes() -> None:
    clock = Clock()
    memory = Memory(clock)
    autoscaler = an_autoscaler(maxReplicas=10)
    assert bounded(autoscaler, memory, 5, 5)[0] == 5
    clock.now = 200
    replicas, [(_, _, reason, _), _] = bounded(autoscaler, memory, 5, 2)
    assert (replicas, reason) == (5, "ScaleDownStabilized")
    clock.now = 301
    assert bounded(autoscaler, memory, 5, 2)[0] == 2


def test_growth_is_limited_to_double_or_four_more_in_a_quarter_minute() -> None:
    clock = Clock()
    memory = Memory(clock)
    autoscaler = an_autoscaler(maxReplicas=100)
    replicas, [_, (_, limited, reason, _)] = bounded(autoscaler, memory, 1, 50)
    assert (replicas, limited, reason) == (5, True, "ScaleUpLimit")
    memory.changed(4)
    assert bounded(autoscaler, memory, 5, 50)[0] == 5, "the period is not over"
    clock.now = 16
    assert bounded(autoscaler, memory, 5, 50)[0] == 10


def test_a_direction_can_be_switched_off() -> None:
    autoscaler = an_autoscaler(maxReplicas=10, behavior={"scaleUp": {"selectPolicy": "Disabled"}})
    assert bounded(autoscaler, Memory(Clock()), 2, 9)[0] == 2

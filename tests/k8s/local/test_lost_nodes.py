"""A node that falls silent and comes back, as recorded on a real cluster; controllers that stand still."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from k8s.local.controllers import NodeSpec
from k8s.local.errors import ApiError
from k8s.local.store import Object
from tests.k8s.local.kit import FAST, Machinery, a_deployment, a_pod, a_service, machinery, until

TIMING = replace(FAST, heartbeat=0.2, node_check=0.2, node_grace=2.0)
HOLLOW = (NodeSpec("hollow", cpu="64", memory="64Gi", hollow=True),)


def tolerating(seconds: int) -> Object:
    toleration = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    return {"tolerations": [{**toleration, "tolerationSeconds": seconds}], "nodeName": "one"}


def node_condition(cluster: Machinery, name: str = "one") -> Object:
    conditions = cluster.store.get("nodes", "", name)["status"]["conditions"]
    found: Object = next(one for one in conditions if one["type"] == "Ready")
    return found


def pod_condition(cluster: Machinery, kind: str, name: str = "p") -> str:
    conditions = cluster.pod(name)["status"]["conditions"]
    return next(str(one["status"]) for one in conditions if one["type"] == kind)


def endpoint_readiness(cluster: Machinery) -> list[bool]:
    slices = cluster.store.list("endpointslices.discovery.k8s.io", "default")
    return [end["conditions"]["ready"] for one in slices for end in one["endpoints"]]


async def test_a_silent_node_is_lost_and_its_pods_only_lose_their_condition(tmp_path: Path) -> None:
    async with machinery(tmp_path, timing=TIMING) as cluster:
        cluster.create("pods", a_pod(spec={"nodeName": "one"}))
        cluster.create("services", a_service("p"))
        await until(lambda: endpoint_readiness(cluster) == [True])
        before = cluster.container()
        cluster.running.stop_node("one")
        await until(lambda: node_condition(cluster)["status"] == "Unknown")
        found = node_condition(cluster)
        assert (found["reason"], found["message"]) == (
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
        )
        await until(lambda: endpoint_readiness(cluster) == [False])
        assert cluster.pod()["status"]["phase"] == "Running"
        assert cluster.container() == before
        assert pod_condition(cluster, "Ready") == "False"
        assert pod_condition(cluster, "ContainersReady") == "True"
        taints = cluster.store.get("nodes", "", "one")["spec"]["taints"]
        assert [(one["key"], one["effect"]) for one in taints] == [
            ("node.kubernetes.io/unreachable", "NoSchedule"),
            ("node.kubernetes.io/unreachable", "NoExecute"),
        ]
        assert cluster.events("NodeNotReady")
        with pytest.raises(ApiError, match="connect: connection refused") as refused:
            await cluster.log()
        assert (refused.value.code, refused.value.reason) == (500, "")

        cluster.running.start_node("one")
        await until(lambda: endpoint_readiness(cluster) == [True])
        assert node_condition(cluster)["status"] == "True"
        await until(lambda: "taints" not in cluster.store.get("nodes", "", "one")["spec"])
        assert cluster.container() == before


async def test_pods_of_a_lost_node_are_replaced_when_their_toleration_ends(tmp_path: Path) -> None:
    async with machinery(tmp_path, timing=TIMING) as cluster:
        deployment = a_deployment(replicas=1)
        spec = deployment["spec"]["template"]["spec"]
        spec["tolerations"] = tolerating(1)["tolerations"]
        cluster.create("deployments.apps", deployment)
        await until(cluster.rolled_out)
        lost = cluster.pods()[0]
        cluster.running.stop_node(lost["spec"]["nodeName"])
        await until(lambda: len(cluster.pods()) == 2)
        await until(cluster.rolled_out)
        old = cluster.pod(lost["metadata"]["name"])
        assert old["metadata"]["deletionTimestamp"]
        assert pod_condition(cluster, "DisruptionTarget", lost["metadata"]["name"]) == "True"
        assert cluster.events("TaintManagerEviction")
        assert {pod["spec"]["nodeName"] for pod in cluster.pods()} == {"one", "two"}

        cluster.running.start_node(lost["spec"]["nodeName"])
        await until(lambda: len(cluster.pods()) == 1)


async def test_what_happened_on_a_silent_node_is_told_when_it_is_back(tmp_path: Path) -> None:
    async with machinery(tmp_path, timing=FAST) as cluster:
        cluster.create("pods", a_pod(spec={"nodeName": "one"}))
        pid = await until(lambda: cluster.running.kubelet.process_of(cluster.pod(), "server"))
        await until(lambda: cluster.container().get("ready"))
        cluster.running.stop_node("one")
        cluster.create("pods", a_pod("later", spec={"nodeName": "one"}))
        cluster.running.kubelet.freeze_pod(cluster.pod(), frozen=True)
        cluster.registry.delete("pods", "default", "p", grace_seconds=0)
        assert [pod["metadata"]["name"] for pod in cluster.pods()] == ["later"]
        cluster.running.start_node("one")
        await until(lambda: not Path(f"/proc/{pid}").exists())
        await until(lambda: cluster.container("later").get("ready"))


async def test_a_lost_hollow_node_comes_back_with_its_pods_ready(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=HOLLOW, timing=TIMING) as cluster:
        cluster.create("pods", a_pod())
        await until(lambda: cluster.container().get("ready"))
        cluster.running.stop_node("hollow")
        await until(lambda: pod_condition(cluster, "Ready") == "False")
        cluster.running.start_node("hollow")
        await until(lambda: pod_condition(cluster, "Ready") == "True")
        await until(lambda: node_condition(cluster, "hollow")["status"] == "True")


async def test_controllers_that_stand_still_catch_up_afterwards(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=HOLLOW, timing=FAST) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=2))
        await until(cluster.rolled_out)
        cluster.running.stop_clock()
        cluster.scale("house", 5)
        cluster.create("pods", a_pod(spec={"nodeName": "hollow"}))
        await until(lambda: cluster.container().get("ready"))
        assert cluster.deployment()["status"]["observedGeneration"] == 1
        assert len(cluster.pods()) == 3
        cluster.running.start_clock()
        await until(lambda: cluster.rolled_out() and len(cluster.pods()) == 6)


async def test_a_frozen_pod_fails_its_readiness_probe(tmp_path: Path) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 5001}, "periodSeconds": 1, "failureThreshold": 1}
    async with machinery(tmp_path, timing=FAST) as cluster:
        cluster.create("pods", a_pod(readinessProbe=probe))
        await until(lambda: cluster.container().get("ready"))
        cluster.running.kubelet.freeze_pod(cluster.pod(), frozen=True)
        await until(lambda: not cluster.container()["ready"])
        cluster.running.kubelet.freeze_pod(cluster.pod(), frozen=False)
        await until(lambda: cluster.container()["ready"])

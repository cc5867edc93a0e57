"""metrics.k8s.io: measured, late, and read-only."""

from __future__ import annotations

import json
import re
from pathlib import Path

from k8s.local.controllers import NodeSpec
from k8s.local.kubelet.usage import HOLLOW_CPU, HOLLOW_MEMORY
from tests.k8s.local.api_kit import PODS
from tests.k8s.local.kit import a_pod, until
from tests.k8s.local.whole_kit import Whole, whole_cluster

METRICS = "/apis/metrics.k8s.io/v1beta1"
POD_METRICS = f"{METRICS}/namespaces/default/pods"
SAMPLE = Path(__file__).parent / "samples" / "metrics_not_yet.json"
HOLLOW = (NodeSpec("hollow", cpu="4", memory="8Gi", hollow=True),)


def measured(cluster: Whole, name: str = "p") -> bool:
    pod = cluster.cluster.store.get("pods", "default", name)
    return cluster.running.usage.of_pod(pod) is not None


async def test_a_running_pod_is_measured_after_a_while(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path) as cluster:
        await cluster.create(PODS, a_pod(image="local/house:1.0"))
        await until(lambda: measured(cluster))
        found = await cluster.get(f"{POD_METRICS}/p")
        assert (found["kind"], found["apiVersion"]) == ("PodMetrics", "metrics.k8s.io/v1beta1")
        assert found["metadata"]["labels"] == {"app": "p"}
        usage = found["containers"][0]["usage"]
        assert re.fullmatch(r"0|\d+n", usage["cpu"])
        assert int(usage["memory"].removesuffix("Ki")) > 1000
        assert re.fullmatch(r"\d+\.\d{3}s", found["window"])
        assert [one["metadata"]["name"] for one in (await cluster.get(POD_METRICS))["items"]] == ["p"]
        assert (await cluster.get(f"{METRICS}/pods", labelSelector="app=other"))["items"] == []


async def test_kubectl_top_shows_pods_and_nodes(tmp_path: Path) -> None:
    pod = a_pod()
    pod["metadata"]["annotations"] = {HOLLOW_CPU: "250m", HOLLOW_MEMORY: "64Mi"}
    async with whole_cluster(tmp_path, nodes=HOLLOW) as cluster:
        await cluster.create(PODS, pod)
        await until(lambda: measured(cluster))
        name, cpu, memory = (await cluster.kubectl("top", "pods")).splitlines()[1].split()
        assert (name, memory) == ("p", "64Mi")
        assert 240 <= int(cpu.removesuffix("m")) <= 260
        assert (await cluster.kubectl("top", "nodes")).splitlines()[1].split()[0] == "hollow"


async def test_what_is_not_measured_yet_is_not_found_with_the_real_text(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path) as cluster:
        sample = json.loads(SAMPLE.read_text())
        answer = await cluster.http.get(sample["request"][1])
        assert (answer.status_code, answer.json()) == (sample["status"], sample["body"])
        missing = await cluster.http.get(f"{METRICS}/nodes/gone")
        assert missing.json()["message"] == 'nodemetrics.metrics.k8s.io "gone" not found'


async def test_metrics_cannot_be_watched_or_written(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path) as cluster:
        assert (await cluster.http.get(POD_METRICS, params={"watch": "1"})).status_code == 405
        assert (await cluster.http.delete(f"{POD_METRICS}/p")).status_code == 405
        resources = (await cluster.get(METRICS))["resources"]
        assert [(one["name"], one["verbs"]) for one in resources] == [
            ("nodes", ["get", "list"]),
            ("pods", ["get", "list"]),
        ]

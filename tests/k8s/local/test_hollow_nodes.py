"""Hollow nodes: pods that are Ready without a process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from k8s.local.controllers import NodeSpec, load_nodes
from k8s.local.store import Object, Store
from tests.k8s.local.kit import Machinery, a_deployment, a_pod, a_service, machinery, until
from tests.k8s.local.whole_kit import whole_cluster

HOLLOW = (NodeSpec("hollow", cpu="4000", memory="16Ti", pods=5000, hollow=True),)
EXAMPLE = Path(__file__).parents[3] / "k8s" / "local" / "nodes.example.yaml"


def endpoints(cluster: Machinery) -> list[Object]:
    slices = cluster.store.list("endpointslices.discovery.k8s.io", "default")
    return [endpoint for one in slices for endpoint in one["endpoints"]]


async def test_a_deployment_on_a_hollow_node_rolls_out_without_a_process(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=HOLLOW) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=60, image="example.org/any:1"))
        cluster.create("services", a_service())
        await until(cluster.rolled_out)
        pods = cluster.pods()
        assert {pod["status"]["phase"] for pod in pods} == {"Running"}
        assert len({pod["status"]["podIP"] for pod in pods}) == 60
        assert all(cluster.running.kubelet.process_of(pod, "server") is None for pod in pods)
        assert await cluster.log(pods[0]["metadata"]["name"]) != ""
        await until(lambda: len(endpoints(cluster)) == 60)

        cluster.set_image("house", "example.org/any:2")
        await until(lambda: cluster.rolled_out() and len(cluster.pods()) == 60)
        cluster.scale("house", 0)
        await until(lambda: not cluster.pods())


async def test_a_deleted_hollow_pod_does_not_wait_for_its_grace(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=HOLLOW) as cluster:
        cluster.create("pods", a_pod(spec={"terminationGracePeriodSeconds": 3600}))
        await until(lambda: cluster.container().get("ready"))
        cluster.registry.delete("pods", "default", "p")
        await until(lambda: not cluster.pods(), seconds=10)


async def test_hollow_pods_are_as_they_were_after_a_restart(tmp_path: Path) -> None:
    store = Store()
    async with machinery(tmp_path, nodes=HOLLOW, store=store) as cluster:
        cluster.create("pods", a_pod())
        before = await until(lambda: cluster.container().get("ready") and cluster.pod())
    async with machinery(tmp_path, nodes=HOLLOW, store=store) as cluster:
        cluster.create("pods", a_pod("later"))
        await until(lambda: cluster.container("later").get("ready"))
        assert cluster.pod()["status"] == before["status"]
        assert cluster.pod("later")["status"]["podIP"] != before["status"]["podIP"]


def test_the_example_of_a_node_configuration_can_be_loaded() -> None:
    assert [(spec.name, spec.hollow) for spec in load_nodes(EXAMPLE)] == [
        ("local-1", False),
        ("local-gpu-1", False),
        ("hollow-1", True),
    ]


async def test_the_service_of_hollow_pods_answers_in_their_stead(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path, nodes=HOLLOW) as cluster:
        path = "/api/v1/namespaces/default/services"
        await cluster.http.post(path, json=a_service())
        asked = f"{path}/house:5001/proxy/any/path"
        assert (await cluster.http.get(asked)).status_code == 503
        made = a_deployment(replicas=2, image="example.org/any:1")
        await cluster.http.post("/apis/apps/v1/namespaces/default/deployments", json=made)
        deadline = time.monotonic() + 20
        while (answer := await cluster.http.get(asked)).status_code != 200:
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.05)

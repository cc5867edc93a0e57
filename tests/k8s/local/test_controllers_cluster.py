"""Scheduler, services, endpoints, namespaces, ownership, nodes and events."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from k8s.local.controllers import NodeSpec, load_nodes
from k8s.local.events import Events
from k8s.local.store import Object
from tests.k8s.local.kit import Machinery, a_deployment, a_pod, a_service, machinery, until

THREE = (
    NodeSpec("a", cpu="2", memory="4Gi"),
    NodeSpec("b", cpu="2", memory="4Gi"),
    NodeSpec("gpu", cpu="2", memory="4Gi", extended={"nvidia.com/gpu": "2"}),
)


def asking(name: str, **amounts: str) -> Object:
    named = {key.replace("gpu", "nvidia.com/gpu"): value for key, value in amounts.items()}
    spec = {"terminationGracePeriodSeconds": 0}
    pod = a_pod(name, command=["sleep", "60"], resources={"requests": named, "limits": named}, spec=spec)
    del pod["spec"]["containers"][0]["readinessProbe"]
    return pod


def scheduled(cluster: Machinery, name: str) -> Object:
    conditions = cluster.pod(name).get("status", {}).get("conditions") or ()
    return next((entry for entry in conditions if entry["type"] == "PodScheduled"), {})


async def test_pods_go_to_the_emptiest_node_and_leave_gpus_to_those_who_need_them(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=THREE) as cluster:
        for number in range(4):
            cluster.create("pods", asking(f"p{number}", cpu="500m"))
        cluster.create("pods", asking("g", cpu="100m", gpu="1"))
        await until(lambda: all(pod["spec"].get("nodeName") for pod in cluster.pods()))
        where = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in cluster.pods()}
        # Real clusters bind beside the spec: scheduled pods are of their first generation.
        assert {pod["metadata"]["generation"] for pod in cluster.pods()} == {1}
        assert where.pop("g") == "gpu"
        assert sorted(where.values()) == ["a", "a", "b", "b"]


async def test_a_pod_that_fits_nowhere_says_why_and_is_placed_once_there_is_room(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=THREE) as cluster:
        cluster.create("pods", asking("first", gpu="2"))
        await until(lambda: scheduled(cluster, "first").get("status") == "True")
        cluster.create("pods", asking("second", gpu="1"))
        await until(lambda: scheduled(cluster, "second").get("status") == "False")
        told = scheduled(cluster, "second")
        assert told["reason"] == "Unschedulable"
        assert told["message"] == (
            "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. no new claims to deallocate, "
            "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
            "2 Preemption is not helpful for scheduling."
        )
        event = cluster.events("FailedScheduling")[0]
        assert (event["type"], event["lastTimestamp"], "count" in event) == ("Warning", None, False)
        cluster.store.delete("pods", "default", "first")
        await until(lambda: scheduled(cluster, "second").get("status") == "True")


async def test_a_pod_waits_for_the_claim_that_its_volume_names(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=THREE) as cluster:
        needy = asking("needy")
        needy["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "nope"}}]
        cluster.create("pods", needy)
        await until(lambda: scheduled(cluster, "needy").get("status") == "False")
        told = scheduled(cluster, "needy")["message"]
        assert told == '0/3 nodes are available: persistentvolumeclaim "nope" not found. not found'
        claim = {"metadata": {"name": "nope", "namespace": "default"}, "spec": {}}
        cluster.store.create("persistentvolumeclaims", claim, manager="test")
        await until(lambda: scheduled(cluster, "needy").get("status") == "True")


async def test_selectors_taints_and_cordons_are_respected(tmp_path: Path) -> None:
    taint = {"key": "team", "value": "vision", "effect": "NoSchedule"}
    nodes = (NodeSpec("plain", labels={"disk": "ssd"}), NodeSpec("tainted", taints=(taint,)))
    async with machinery(tmp_path, nodes=nodes) as cluster:
        tolerant = asking("tolerant")
        tolerant["spec"]["tolerations"] = [{"key": "team", "operator": "Exists"}]
        tolerant["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "tainted"}
        cluster.create("pods", tolerant)
        await until(lambda: cluster.pod("tolerant")["spec"].get("nodeName") == "tainted")
        picky = asking("picky")
        picky["spec"]["nodeSelector"] = {"disk": "tape"}
        cluster.create("pods", picky)
        await until(lambda: scheduled(cluster, "picky"))
        assert scheduled(cluster, "picky")["message"].startswith(
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
            "1 node(s) had untolerated taint(s)."
        )
        cluster.store.update("nodes", "", "plain", lambda node: node["spec"].update(unschedulable=True))
        cluster.create("pods", asking("late"))
        await until(lambda: "1 node(s) were unschedulable" in scheduled(cluster, "late").get("message", ""))
        cluster.store.update("nodes", "", "plain", lambda node: node["spec"].pop("unschedulable"))
        await until(lambda: cluster.pod("late")["spec"].get("nodeName") == "plain")


def address(service: Object) -> str:
    return f"http://127.0.0.1:{service['spec']['ports'][0]['nodePort']}"


async def test_a_service_answers_on_both_addresses_and_balances_over_ready_pods(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=2))
        service = cluster.create("services", a_service())
        await until(cluster.rolled_out)
        cluster_ip = f"http://{service['spec']['clusterIP']}:5001"
        async with httpx.AsyncClient(headers={"Connection": "close"}) as client:
            for _ in range(10):
                for url in (address(service), cluster_ip):
                    answer = await client.post(
                        f"{url}/v1/models/house:predict", json={"instances": [[1, 1, 1, 1]]}
                    )
                    assert answer.status_code == 200
        served = [await cluster.log(pod["metadata"]["name"]) for pod in cluster.pods()]
        assert [text.count("POST") for text in served] == [10, 10]
        slices = cluster.store.list("endpointslices.discovery.k8s.io", "default")
        conditions = [endpoint["conditions"] for endpoint in slices[0]["endpoints"]]
        assert conditions == [{"ready": True, "serving": True, "terminating": False}] * 2
        addresses = cluster.store.get("endpoints", "default", "house")["subsets"][0]["addresses"]
        assert {entry["ip"] for entry in addresses} == {pod["status"]["podIP"] for pod in cluster.pods()}
        assert cluster.running.proxies.endpoint_for("default", "house", 5001) is not None
        cluster.store.delete("services", "default", "house")
        await until(lambda: not cluster.store.list("endpointslices.discovery.k8s.io", "default"))
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(address(service))


async def test_a_service_without_ready_pods_resets_and_a_pod_that_goes_keeps_its_open_connections(
    tmp_path: Path,
) -> None:
    async with machinery(tmp_path) as cluster:
        service = cluster.create("services", a_service())
        url = address(service)
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.TransportError):
                await until(lambda: cluster.store.list("endpointslices.discovery.k8s.io", "default"))
                await client.get(url)
            hook = {"preStop": {"sleep": {"seconds": 2}}}
            cluster.create("pods", a_pod("house", lifecycle=hook, spec={"terminationGracePeriodSeconds": 10}))
            await until(lambda: cluster.container("house").get("ready"))
            await until(lambda: cluster.running.proxies.endpoint_for("default", "house", 5001))
            assert (await client.get(url)).status_code == 200
            cluster.store.delete("pods", "default", "house")

            def condition() -> Object:
                found = cluster.store.list("endpointslices.discovery.k8s.io", "default")[0]["endpoints"]
                conditions: Object = found[0]["conditions"] if found else {}
                return conditions

            await until(lambda: condition() == {"ready": False, "serving": True, "terminating": True})
            assert (await client.get(url)).status_code == 200


async def test_a_node_port_that_is_busy_is_told_and_opened_when_it_is_free(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = 30000 + other.getsockname()[1] % 2768
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            async with machinery(tmp_path) as cluster:
                cluster.create("pods", a_pod("house"))
                ports = [{"port": 5001, "targetPort": "http", "nodePort": port}]
                cluster.create("services", a_service(ports=ports))
                event = (await until(lambda: cluster.events("FailedToBind")))[0]
                assert event["type"] == "Warning"
                assert f"node port 127.0.0.1:{port} is used by another program" in event["message"]
                taken.close()
                await until(lambda: cluster.container("house").get("ready"))

                async def answers() -> bool:
                    async with httpx.AsyncClient() as client:
                        try:
                            return (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
                        except httpx.TransportError:
                            return False

                deadline = asyncio.get_running_loop().time() + 12
                while not await answers():
                    assert asyncio.get_running_loop().time() < deadline
                    await asyncio.sleep(0.1)


async def test_deleting_a_deployment_takes_everything_with_it(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment())
        await until(cluster.rolled_out)
        cluster.store.delete("deployments.apps", "default", "house")
        assert cluster.store.find("deployments.apps", "default", "house") is None
        await until(lambda: not cluster.pods() and not cluster.store.list("replicasets.apps"))


async def test_in_the_foreground_the_owner_goes_last(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment())
        await until(cluster.rolled_out)
        seen = cluster.store.subscribe(["deployments.apps", "replicasets.apps", "pods"])
        cluster.store.delete("deployments.apps", "default", "house", propagation="Foreground")
        await until(lambda: not cluster.store.list("deployments.apps"))
        gone = [change.key[0] for change in seen.take() if change.type == "DELETED"]
        assert gone == ["pods", "pods", "replicasets.apps", "deployments.apps"]


async def test_an_orphaned_replica_set_stays_with_its_pods(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=1))
        await until(cluster.rolled_out)
        cluster.store.delete("deployments.apps", "default", "house", propagation="Orphan")
        await until(lambda: not cluster.store.list("deployments.apps"))
        left = cluster.store.list("replicasets.apps")
        assert len(left) == 1
        assert "ownerReferences" not in left[0]["metadata"]
        assert len(cluster.pods()) == 1


async def test_a_namespace_is_completed_and_when_deleted_emptied(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("namespaces", {"metadata": {"name": "vision"}})
        await until(lambda: cluster.store.find("serviceaccounts", "vision", "default"))
        made = a_deployment()
        made["metadata"]["namespace"] = "vision"
        cluster.create("deployments.apps", made)
        cluster.create("configmaps", {"metadata": {"name": "c", "namespace": "vision"}})
        await until(lambda: len(cluster.store.list("pods", "vision")) == 2)
        cluster.store.delete("namespaces", "", "vision")
        await until(lambda: cluster.store.find("namespaces", "", "vision") is None)
        assert not any(cluster.store.list(kind, "vision") for kind in ("pods", "configmaps", "events"))


async def test_a_namespace_waits_for_a_finalizer_and_says_so(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("namespaces", {"metadata": {"name": "vision"}})
        meta = {"name": "c", "namespace": "vision", "finalizers": ["example.com/wait"]}
        cluster.create("configmaps", {"metadata": meta})
        cluster.store.delete("namespaces", "", "vision")

        def remaining() -> str:
            status = cluster.store.get("namespaces", "", "vision")["status"]
            conditions = {entry["type"]: entry["message"] for entry in status.get("conditions") or ()}
            message: str = conditions.get("NamespaceFinalizersRemaining", "")
            return message

        await until(lambda: "example.com/wait in 1 resource instances" in remaining())
        cluster.store.update("configmaps", "vision", "c", lambda obj: obj["metadata"].pop("finalizers"))
        await until(lambda: cluster.store.find("namespaces", "", "vision") is None)


async def test_nodes_are_ready_with_what_they_were_declared_to_have(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=THREE) as cluster:
        node = cluster.store.get("nodes", "", "gpu")
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == "2"
        ready = next(entry for entry in node["status"]["conditions"] if entry["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "KubeletReady")
        await until(lambda: len(cluster.store.list("leases.coordination.k8s.io", "kube-node-lease")) == 3)


def test_nodes_can_be_declared_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text("- {name: big, cpu: 64, memory: 256Gi, extended: {nvidia.com/gpu: 8}}\n")
    assert load_nodes(path) == [NodeSpec("big", cpu="64", memory="256Gi", extended={"nvidia.com/gpu": "8"})]
    path.write_text("- {name: big, colour: blue}\n")
    with pytest.raises(ValueError, match="colour"):
        load_nodes(path)
    assert [spec.name for spec in load_nodes(None)] == ["local-1", "local-2", "local-gpu-1"]


async def test_repeated_events_are_counted_and_old_ones_forgotten(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        pod = cluster.create("pods", asking("p"))
        events = Events(cluster.store)
        for _ in range(3):
            events.emit(pod, "Warning", "Odd", "it happened", by="kubelet", field="spec.containers{server}")
        events.emit(pod, "Warning", "Odd", "something else happened", by="kubelet")
        assert sorted(event["count"] for event in cluster.events("Odd")) == [1, 3]
        name = cluster.events("Odd")[0]["metadata"]["name"]
        old = "2020-01-01T00:00:00Z"
        cluster.change("events", name, lambda event: event.update(lastTimestamp=old))
        events.forget_old()
        assert len(cluster.events("Odd")) == 1

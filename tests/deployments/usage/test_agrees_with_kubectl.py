"""What is said of a node is what kubectl says of it, on a real cluster with pods of ours and of others."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import intent
from deployments.models import Cluster, Deployment, MinuteSample, Pod, PodUsage
from deployments.selectors.usage.clusters import cluster_usage
from deployments.selectors.usage.shapes import NodeUsage
from k8s.quantities import bytes_, millicores
from teams.models import Team
from tests.deployments.installed import wait_for
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db(transaction=True)

SPACE = "other-people"
Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(local_cluster: ClusterServer) -> Kubectl:
    program = (str(Path(sys.executable).with_name("kubectl")), f"--kubeconfig={local_cluster.kubeconfig}")

    def run(*arguments: str, text: str = "") -> str:
        ended = subprocess.run(
            (*program, *arguments), input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def container(name: str, *command: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "local/house:1.0", "command": command, **more}


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    whole = {"containers": list(containers), "terminationGracePeriodSeconds": 0, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


def asked(cpu: str, memory: str, **more: str) -> dict[str, Any]:
    amounts = {"cpu": cpu, "memory": memory}
    return {"resources": {"requests": {**amounts, **more}, "limits": {**amounts, **more}}}


@pytest.fixture
def others(kubectl: Kubectl) -> Iterator[str]:
    """Pods that nobody here asked for: one computes, one prepares, one holds a GPU, one has ended."""
    # About a tenth of a CPU, so that five percent of it can be told.
    busy = {"name": "main", "image": "local/noisy:1.0", **asked("150m", "100Mi")}
    busy["env"] = [{"name": "LOG_LINES_PER_SECOND", "value": "1500"}]
    first = container("first", "true", **asked("300m", "20Mi"))
    waits = container("main", "sleep", "600", **asked("50m", "64Mi"))
    pods = [
        pod("busy", busy),
        pod("prepared", waits, initContainers=[first]),
        pod("gpu", container("main", "sleep", "600", **asked("10m", "64Mi", **{"nvidia.com/gpu": "1"}))),
        pod("ended", container("main", "true", **asked("200m", "64Mi")), restartPolicy="Never"),
    ]
    items = {"apiVersion": "v1", "kind": "List", "items": pods}
    kubectl("create", "namespace", SPACE)
    kubectl("apply", "-n", SPACE, "-f", "-", text=json.dumps(items))
    yield SPACE
    kubectl("delete", "namespace", SPACE, "--wait=false")


def requested_by_kubectl(kubectl: Kubectl, node: str) -> tuple[int, int, int, int]:
    """Pods, millicores, bytes and GPUs of `kubectl describe node`."""
    told = kubectl("describe", "node", node)
    pods = int(told.partition("Non-terminated Pods:")[2].partition("(")[2].partition(" ")[0])
    lines = told.partition("Allocated resources:")[2].splitlines()
    found = {words[0]: words[1] for line in lines if len(words := line.split()) > 1}
    gpus = int(found.get("nvidia.com/gpu", "0"))
    return pods, millicores(found["cpu"]), bytes_(found["memory"]), gpus


def used_by_kubectl(kubectl: Kubectl, *arguments: str) -> dict[str, tuple[int, int]]:
    """Millicores and whole MiB of each line of `kubectl top`."""
    lines = (line.split() for line in kubectl("top", *arguments, "--no-headers").splitlines())
    # Of nodes, percents stand between.
    return {
        words[0]: (
            millicores(words[1]),
            bytes_(next(word for word in words[2:] if word.endswith("Mi"))) >> 20,
        )
        for words in lines
    }


def agrees(ours: tuple[int, int], theirs: tuple[int, int]) -> bool:
    """CPU within five percent, and what rounding to a millicore leaves; memory to the MiB."""
    return abs(ours[0] - theirs[0]) <= max(1, theirs[0] * 0.05) and ours[1] == theirs[1]


def nodes_seen() -> dict[str, NodeUsage]:
    (cluster,) = cluster_usage(User.objects.get(username="auditor"))
    return {node.name: node for node in cluster.nodes}


@pytest.mark.timeout(240)
def test_requests_and_use_are_those_that_kubectl_tells(
    installed: Team, observer: None, others: str, kubectl: Kubectl
) -> None:
    User.objects.create_superuser("auditor")
    deployer = User.objects.get(username="deployer")
    payload = {"name": "agrees", "image": "local/house:1.0", "replicas": 2}
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    wait_for(lambda: Deployment.objects.get(pk=row.pk).state == "running")
    wait_for(lambda: Pod.objects.filter(namespace=others, phase="Running").count() == 3)
    wait_for(
        lambda: "Succeeded" in kubectl("get", "pod", "ended", "-n", others, "-o", "jsonpath={.status.phase}")
    )
    wait_for(lambda: not Pod.objects.filter(namespace=others, name="ended").exists())

    def requests_agree() -> bool:
        return all(
            (node.pods, node.requested.cpu, node.requested.memory, node.requested.gpu)
            == requested_by_kubectl(kubectl, name)
            for name, node in nodes_seen().items()
        )

    wait_for(requests_agree)
    assert sum(node.foreign.gpu for node in nodes_seen().values()) >= 1
    assert sum(node.foreign.cpu for node in nodes_seen().values()) >= 150 + 300 + 10
    wait_for(lambda: PodUsage.objects.filter(pod__namespace=others, pod__name="busy").exists(), seconds=75)

    def use_agrees() -> bool:
        theirs, ours = used_by_kubectl(kubectl, "nodes"), nodes_seen()
        busiest = max(cpu for cpu, _ in theirs.values())
        return busiest > 20 and all(
            node.used is not None and agrees((node.used.cpu, node.used.memory >> 20), theirs[name])
            for name, node in ours.items()
        )

    until(use_agrees, seconds=45)

    def pods_agree() -> bool:
        used = {one.pod.name: (one.cpu, one.memory >> 20) for one in measured_pods(others)}
        theirs = used_by_kubectl(kubectl, "pods", "-n", others)
        return (
            "busy" in used and used.keys() == theirs.keys() and all(agrees(used[k], theirs[k]) for k in used)
        )

    until(pods_agree, seconds=45)
    # The minute that is now, or the next, has a sample of every node that says the same of requests.
    held = {name: node.requested.cpu for name, node in nodes_seen().items()}
    until(lambda: sampled_requests() == held, seconds=75)
    assert Cluster.objects.get().metrics_message == ""


def measured_pods(namespace: str) -> list[PodUsage]:
    return list(PodUsage.objects.filter(pod__namespace=namespace).select_related("pod"))


def sampled_requests() -> dict[str, int]:
    """CPU requested on each node, of the newest sample there is of it."""
    rows = MinuteSample.objects.filter(series__kind="node").order_by("at")
    return dict(rows.values_list("series__key", "cpu_requested"))


def until(what: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.5)

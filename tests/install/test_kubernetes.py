"""k8s/install: every overlay builds, is taken by an API server, and keeps its promises."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings
from django.urls import reverse

from tests.install import compose, dockerfile
from tests.install.test_compose import TOLD
from tests.processes import ClusterServer

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "k8s" / "install"
OVERLAYS = sorted(path.name for path in (INSTALL / "overlays").iterdir())
# What the local cluster does not serve, and so cannot look at. Of a CronJob it is shown the Job.
NOT_SERVED = {"CronJob", "Ingress", "PrometheusRule", "ServiceMonitor"}
OURS = {"web", "live", "worker", "answers", "chores", "beat", "observer", "migrate"}
# In a cluster each kind of worker has a name before its host's; elsewhere only those that are not the first.
UNLIKE = {"--hostname", "worker@%h"}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}

Manifest = dict[str, Any]


def kubectl(*arguments: str, text: str = "") -> str:
    """What the kubectl of the wheel printed."""
    command = [str(Path(sys.executable).with_name("kubectl")), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def built(folder: str) -> list[Manifest]:
    """The objects of a kustomization below k8s/install."""
    return list(yaml.safe_load_all(kubectl("kustomize", str(INSTALL / folder))))


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    return [one for one in objects if one["kind"] in kinds]


def pod_of(workload: Manifest) -> Manifest:
    """The pod that a workload makes."""
    spec = workload["spec"]
    template: Manifest = (
        spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    )
    return template


def workloads(folder: str) -> dict[str, Manifest]:
    """Pod templates by the workload's name."""
    found = of_kind(built(folder), "Deployment", "Job", "CronJob")
    return {one["metadata"]["name"]: pod_of(one) for one in found}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_builds_with_all_processes(overlay: str) -> None:
    assert workloads(f"overlays/{overlay}").keys() >= OURS


@pytest.fixture(scope="module")
def namespace(local_cluster: ClusterServer) -> Iterator[tuple[str, str]]:
    """The product's own namespace on the local cluster, and how kubectl is led there."""
    where = f"--kubeconfig={local_cluster.kubeconfig}"
    (found,) = of_kind(built("base"), "Namespace")
    kubectl(where, "apply", "-f", "-", text=yaml.safe_dump(found))
    yield where, found["metadata"]["name"]
    kubectl(where, "delete", "namespace", found["metadata"]["name"])


@pytest.mark.parametrize("folder", [*(f"overlays/{overlay}" for overlay in OVERLAYS), "rbac/team"])
def test_an_api_server_takes_all_that_it_knows(namespace: tuple[str, str], folder: str) -> None:
    where, name = namespace
    objects = built(folder)
    taken = [one for one in objects if one["kind"] not in NOT_SERVED]
    taken += [
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": one["metadata"], **one["spec"]["jobTemplate"]}
        for one in of_kind(objects, "CronJob")
    ]
    said = kubectl(where, "-n", name, "apply", "--dry-run=server", "-f", "-", text=yaml.safe_dump_all(taken))
    assert len(said.splitlines()) == len(taken)


def test_what_an_api_server_is_not_shown_is_what_ours_does_not_serve(namespace: tuple[str, str]) -> None:
    where, _ = namespace
    served = {line.split()[-1] for line in kubectl(where, "api-resources", "--no-headers").splitlines()}
    used = {
        one["kind"]
        for folder in (*(f"overlays/{overlay}" for overlay in OVERLAYS), "rbac/team")
        for one in built(folder)
    }
    assert used - served == NOT_SERVED


@pytest.mark.parametrize("overlay", ["production", "namespaced"])
def test_the_alerts_come_along(overlay: str) -> None:
    """The very file that tests/dev/test_alerts.py has Prometheus look at."""
    (rules,) = of_kind(built(f"overlays/{overlay}"), "PrometheusRule")
    written = yaml.safe_load((INSTALL / "prometheus" / "alerts.yaml").read_text())
    assert rules["spec"] == written["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_restricted_namespace_lets_every_pod_in(namespace: tuple[str, str], overlay: str) -> None:
    where, name = namespace
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": workload, "namespace": name},
            "spec": pod["spec"],
        }
        for workload, pod in workloads(f"overlays/{overlay}").items()
    ]
    (space,) = of_kind(built(f"overlays/{overlay}"), "Namespace")
    assert space["metadata"]["labels"].items() >= RESTRICTED.items()
    said = kubectl(where, "apply", "--dry-run=server", "-f", "-", text=yaml.safe_dump_all(pods))
    assert len(said.splitlines()) == len(pods)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_has_a_read_only_root_requests_and_a_limit_of_memory(overlay: str) -> None:
    for name, pod in workloads(f"overlays/{overlay}").items():
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert container["resources"]["limits"].keys() == {"memory"}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_process_that_stays_is_probed(overlay: str) -> None:
    (told,) = [
        one for one in of_kind(built(f"overlays/{overlay}"), "ConfigMap") if "ALIVE_FILE" in one["data"]
    ]
    for name in OURS - {"migrate"}:
        container = workloads(f"overlays/{overlay}")[name]["spec"]["containers"][0]
        probe = container["livenessProbe"]
        if name in ("web", "live"):
            assert probe["httpGet"]["path"] == "/healthz"
        else:
            asks = ["python", "-m", "deployments.alive", told["data"]["ALIVE_FILE"]]
            assert probe["exec"]["command"] == container["startupProbe"]["exec"]["command"] == asks


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_ours_or_pinned_by_digest(overlay: str) -> None:
    for name, pod in workloads(f"overlays/{overlay}").items():
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            own = r"(registry\.example\.com/)?timoneiro:\d+\.\d+\.\d+"
            assert re.fullmatch(rf"{own}|.+@sha256:[0-9a-f]{{64}}", container["image"]), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_keys_and_the_clusters_token_are_where_they_are_needed_and_nowhere_else(overlay: str) -> None:
    pods = {name: pod["spec"] for name, pod in workloads(f"overlays/{overlay}").items()}
    with_token = {name for name, spec in pods.items() if spec["automountServiceAccountToken"]}
    with_key = {name for name, spec in pods.items() if "timoneiro-cluster-side" in str(spec)}
    assert with_token == {"worker", "answers", "chores", "observer"}
    assert with_key == {*with_token, "migrate"}
    for name in with_token:
        who = "observer" if name == "observer" else "worker"
        assert pods[name]["serviceAccountName"] == f"timoneiro-{who}", name
    assert not of_kind(built(f"overlays/{overlay}"), "Secret")


def test_every_queue_has_a_worker() -> None:
    commands = [str(pod["spec"]["containers"][0]["command"]) for pod in workloads("base").values()]
    worked = {queue for command in commands for queue in re.findall(r"--queues=(\w+)", command)}
    routes = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert worked == {settings.CELERY_TASK_DEFAULT_QUEUE, *routes}


def test_what_streams_goes_to_the_streaming_server() -> None:
    paths = [
        (path["path"], path["backend"]["service"]["name"])
        for ingress in of_kind(built("base"), "Ingress")
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]
    one = {"team": "pricing", "name": "house"}

    def served_by(address: str) -> str:
        """As ingress-nginx chooses: the longest pattern that the address begins with."""
        longest_first: list[tuple[str, str]] = sorted(paths, key=lambda pair: -len(pair[0]))
        return next(to for path, to in longest_first if re.match(path, address))

    streams = [reverse("live"), reverse("api:watch"), reverse("api:logs", kwargs=one)]
    assert {served_by(path) for path in streams} == {"live"}
    assert served_by(reverse("deployment-logs-follow", kwargs=one)) == "live"
    for path in (reverse("deployment-logs", kwargs=one), reverse("api:captured-logs", kwargs=one), "/"):
        assert served_by(path) == "web", path


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_open_that_is_not_named(overlay: str) -> None:
    policies = of_kind(built(f"overlays/{overlay}"), "NetworkPolicy")
    closed = [
        one for one in policies if one["spec"]["podSelector"] == {} and len(one["spec"]["policyTypes"]) == 2
    ]
    assert [one["metadata"]["name"] for one in closed] == ["nothing-else"]
    outside = [one for one in policies if "0.0.0.0/0" in str(one)]
    assert outside and all("169.254.0.0/16" in str(one) for one in outside)


def test_traces_are_told_where_to_go_and_may_go_there(tmp_path: Path) -> None:
    """As a person's own overlay has it: that of production, and the component."""
    taken = {"resources": ["overlays/production"], "components": ["components/tracing"]}
    own = {kind: [os.path.relpath(INSTALL / folder, tmp_path) for folder in taken[kind]] for kind in taken}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own))
    objects = list(yaml.safe_load_all(kubectl("kustomize", str(tmp_path))))
    (told,) = [one for one in of_kind(objects, "ConfigMap") if "KUBECONFIG_PATH" in one["data"]]
    collector = urlsplit(told["data"]["OTEL_EXPORTER_OTLP_ENDPOINT"])
    (way,) = [one for one in of_kind(objects, "NetworkPolicy") if one["metadata"]["name"] == "to-collector"]
    (out,) = way["spec"]["egress"]
    assert [port["port"] for port in out["ports"]] == [collector.port]
    assert str(collector.hostname).endswith(
        out["to"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    )


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_process_is_started_as_compose_and_the_image_start_it(name: str) -> None:
    """Names of queues, servers and applications; how many of what may differ."""

    def essence(command: list[str]) -> set[str]:
        words = " ".join(command).replace("=", " ").split()
        return {word for word in words if not word.isdigit() and word not in UNLIKE}

    (container,) = workloads("base")[name]["spec"]["containers"]
    composed = compose.services(TOLD)[name]["command"]
    assert essence(container["command"]) == essence([word for word in composed if word])
    if name == "web":
        (command,) = dockerfile.read()[1][1].of("CMD")
        assert essence(json.loads(command)) == essence(composed)

"""The guide's own manifests, applied with a real kubectl to the local cluster."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.stack import Stack, free_node_port, until

GUIDE = Path(__file__).with_name("guide.yaml")


@pytest.fixture
def namespace(stack: Stack) -> Iterator[str]:
    name = f"guide-{uuid.uuid4().hex[:6]}"
    stack.kubectl("create", "namespace", name)
    yield name
    stack.kubectl("delete", "namespace", name, "--wait=true", timeout=60)


def test_the_guides_manifests_run_answer_and_behave_under_kubectl(
    stack: Stack, namespace: str, tmp_path: Path
) -> None:
    def kubectl(*arguments: str) -> str:
        return stack.kubectl("-n", namespace, *arguments).stdout

    guide, port = at_a_free_port(tmp_path)
    assert "created" in kubectl("apply", "-f", str(guide))
    assert "successfully rolled out" in kubectl(
        "rollout", "status", "deployment/house-deployment", "--timeout=30s"
    )
    kubectl("wait", "--for=condition=Available", "deployment/house-deployment", "--timeout=10s")
    # The guide's pods have no readiness probe: they count as ready before they listen.
    answer = until(
        "the house model answers",
        lambda: ask(
            "POST",
            f"http://127.0.0.1:{port}/v1/models/house:predict",
            {"instances": [sample_instance(stack)]},
        ),
    )
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["predictions"][0], float)

    assert "2/2" in kubectl("get", "deployment", "house-deployment")
    assert str(port) in kubectl("get", "service", "house-service")
    described = kubectl("describe", "deployment", "house-deployment")
    assert "local/house:1.0" in described and "ScalingReplicaSet" in described

    assert "unchanged" in kubectl("apply", "-f", str(guide))
    kubectl("scale", "deployment", "house-deployment", "--replicas=3")
    kubectl("rollout", "status", "deployment/house-deployment", "--timeout=30s")
    pods = kubectl("get", "pods", "-l", "app=house", "-o", "name").split()
    assert len(pods) == 3
    assert "Started" in kubectl("describe", pods[0])

    kubectl("set", "image", "deployment/house-deployment", "house-container=local/house:2.0")
    kubectl("rollout", "status", "deployment/house-deployment", "--timeout=60s")
    assert "2.0" in image_of(stack, namespace)
    kubectl("rollout", "undo", "deployment/house-deployment")
    kubectl("rollout", "status", "deployment/house-deployment", "--timeout=60s")
    assert "1.0" in image_of(stack, namespace)
    assert "REVISION" in kubectl("rollout", "history", "deployment/house-deployment")

    assert "deployments" in kubectl("api-resources")
    assert "replicas" in kubectl("explain", "deployment.spec.replicas")

    kubectl("delete", "deployment", "house-deployment")
    kubectl("delete", "service", "house-service")
    kubectl("wait", "--for=delete", "pod", "-l", "app=house", "--timeout=45s")


def at_a_free_port(folder: Path) -> tuple[Path, int]:
    """The guide with another node port than its own, which somebody on this machine may be using."""
    port = free_node_port()
    guide = folder / "guide.yaml"
    guide.write_text(GUIDE.read_text().replace("nodePort: 30001", f"nodePort: {port}"))
    return guide, port


def test_kubectl_logs_follow_shows_a_request_as_it_comes(
    stack: Stack, namespace: str, tmp_path: Path
) -> None:
    guide, port = at_a_free_port(tmp_path)
    stack.kubectl("-n", namespace, "apply", "-f", str(guide))
    stack.kubectl("-n", namespace, "rollout", "status", "deployment/house-deployment", "--timeout=30s")
    command = [*stack.kubectl_command]
    command += ["-n", namespace, "logs", "-f", "-l", "app=house", "--prefix"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        try:
            lines: list[str] = []
            marker = f"/marker-{uuid.uuid4().hex}"
            assert following.stdout is not None
            until("a pod answers", lambda: ask("GET", f"http://127.0.0.1:{port}{marker}"))
            for line in following.stdout:
                lines.append(line)
                if marker in line:
                    break
            assert marker in lines[-1]
        finally:
            following.kill()


def ask(method: str, url: str, body: object = None) -> httpx.Response | None:
    """The answer, or None while nobody listens."""
    try:
        return httpx.request(method, url, json=body, trust_env=False)
    except httpx.TransportError:
        return None


def sample_instance(stack: Stack) -> object:
    with stack.client() as api:
        versions = api.get("/teams/pricing/models/house/versions/").json()["results"]
    return next(v for v in versions if v["version"] == "1.0")["sample_request"]["body"]["instances"][0]


def image_of(stack: Stack, namespace: str) -> str:
    return until(
        "an image",
        lambda: (
            stack.kubectl(
                "-n",
                namespace,
                "get",
                "pods",
                "-l",
                "app=house",
                "-o",
                "jsonpath={.items[*].spec.containers[0].image}",
            ).stdout
        ),
    )

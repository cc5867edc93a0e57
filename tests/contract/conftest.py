"""The cluster that the contract is held against: a local one, or that of `--kubeconfig`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s import errors
from k8s.client import KubernetesCluster
from k8s.connect import load_kubeconfig
from tests.contract.target import Target, pod
from tests.processes import ClusterServer

LOCAL_IMAGE = "local/house:1.0"
IMAGE_TROUBLE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The cluster under test. For what needs running pods, ask for `runner`."""
    path, context = request.config.getoption("--kubeconfig"), request.config.getoption("--context")
    if path is None:
        server: ClusterServer = request.getfixturevalue("local_cluster")
        path = server.kubeconfig
    access = load_kubeconfig(Path(path).read_text(), context=context or "")
    client = KubernetesCluster(access)
    image = request.config.getoption("--image") or LOCAL_IMAGE
    foreign = request.config.getoption("--kubeconfig") is not None
    kubectl = (
        str(Path(sys.executable).with_name("kubectl")),
        f"--kubeconfig={path}",
        f"--context={context or ''}",
    )
    yield Target(access, client, image, foreign, kubectl)
    client.close()


@pytest.fixture(scope="session")
def runner(target: Target) -> Target:
    """The same cluster, known to run the image."""
    with target.space() as space:
        target.cluster.apply(pod(space, "probe", target.image, "sleep", "60"))

        def settled() -> str:
            found = target.pod(space, "probe")
            trouble = {each.reason for each in found.containers} & IMAGE_TROUBLE
            return "running" if found.phase == "Running" else " ".join(trouble)

        told = target.until("a pod runs or says why not", settled)
    if told != "running" and target.foreign:
        pytest.skip(f"this cluster cannot run the image {target.image} ({told}): name one with --image")
    assert told == "running"
    return target


@pytest.fixture
def space(target: Target) -> Iterator[str]:
    """A namespace of the test's own, as the product makes them."""
    with target.space() as name:
        yield name


@pytest.fixture
def measured(target: Target) -> Target:
    """A cluster that measures its pods."""
    try:
        target.cluster.list("NodeMetrics")
    except (errors.NotFound, errors.ClusterUnavailable):
        if not target.foreign:
            raise
        pytest.skip("this cluster has no metrics-server")
    return target

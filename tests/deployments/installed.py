"""The product on a real local cluster: an observer in a thread, and a worker's work in the test's own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from deployments import clients, intent
from deployments.endpoint_check import check_endpoint
from deployments.first_data import ensure_first_data
from deployments.models import Cluster, Deployment, Namespace
from deployments.observe.process import observe
from deployments.reconcile import delete_pod, find_unsettled, reconcile_deployment, reconcile_quota
from k8s.cluster import Ref
from teams.models import Team
from tests.processes import ClusterServer


def wait_for(what: Callable[[], bool], *, seconds: float = 30) -> None:
    """Works as worker and sweep would until `what` holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, list(Deployment.objects.values())
        found = find_unsettled()
        for deployment_id in found.deployments:
            reconcile_deployment(deployment_id)
        for operation_id in found.pod_deletes:
            delete_pod(operation_id)
        for deployment_id in found.stuck:
            intent.automatic_rollback(deployment_id)
        for deployment_id in found.unanswered:
            check_endpoint(deployment_id)
        for quota_id in found.quotas:
            reconcile_quota(quota_id)
        threading.Event().wait(0.05)


@pytest.fixture
def observer(redis_url: str) -> Iterator[None]:
    """The observer, as its own process runs it, in a thread."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(observe())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    loop.call_soon_threadsafe(task.cancel)
    # A write of a database that a test keeps busy is waited for: SQLite's lock may take 20 s.
    thread.join(30)
    assert not thread.is_alive(), "the observer does not stop"
    loop.close()
    connections.close_all()


@pytest.fixture
def installed(
    local_cluster: ClusterServer, data_dir: object, settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    """First data with the real cluster in it, whose pods are asked whether they answer; emptied after use."""
    settings.ENDPOINT_CHECK = True
    ensure_first_data(
        kubeconfig=local_cluster.kubeconfig, context="", data_dir=tmp_path_factory.mktemp("installed")
    )
    yield Team.objects.get(name="pricing")
    for cluster in Cluster.objects.all():
        take_away(cluster)


def take_away(cluster: Cluster) -> None:
    """Empties a cluster that other tests share: what is left would fill its nodes, and go on crashing."""
    client = clients.client_of(cluster)
    homes = [Ref("Namespace", "", found.name) for found in Namespace.objects.filter(cluster=cluster)]
    for home in homes:
        client.delete(home)
    for home in homes:
        deadline = time.monotonic() + 30
        while client.delete(home):
            for pod in client.list("Pod", home.name):
                # Nobody waits for its last words.
                client.delete(Ref("Pod", home.name, pod["metadata"]["name"]), grace_seconds=0)
            assert time.monotonic() < deadline, client.get(home)
            threading.Event().wait(0.05)

"""A cluster that does not tell what is used: people read why, and requests are known all the same."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async

from deployments.models import Cluster, Deployment, MinuteSample, Node, PodUsage
from deployments.observe.database import Database
from deployments.observe.hints import Hints
from deployments.observe.measuring import EVERY_SECONDS, LONGEST_PAUSE_SECONDS, Measuring, pause_seconds
from deployments.usage import measured
from deployments.usage.sampling import sample
from k8s.client_async import AsyncCluster
from k8s.metrics import Measured
from tests.deployments.usage.conftest import NOW, MakePod
from tests.k8s.scripted import Answer, Asked, serving


def refused(code: int, reason: str) -> Callable[[Asked], Answer]:
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason}
    return lambda _: Answer(code, json.dumps(body).encode())


async def ask_until_told(cluster: Cluster, script: Callable[[Asked], Answer]) -> str:
    """What people are told after a first answer of the cluster."""
    database = Database()

    def message() -> str:
        return Cluster.objects.values_list("metrics_message", flat=True).get(pk=cluster.pk)

    with serving(script) as server:
        async with AsyncCluster(server.access) as client:
            measuring = Measuring(cluster.pk, cluster.name, client, database, Hints(), is_there=lambda: True)
            task = asyncio.create_task(measuring.run())
            try:
                async with asyncio.timeout(10):
                    while not (told := await database.run(message)):
                        await asyncio.sleep(0.02)
            finally:
                task.cancel()
                await asyncio.wait([task])
                await asyncio.to_thread(database.close)
    return told


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (404, "NotFound", "has no metrics-server, so only requests are known"),
        (403, "Forbidden", "Allow its account to get and list pods and nodes of metrics.k8s.io"),
        (503, "ServiceUnavailable", "metrics-server does not answer"),
    ],
)
async def test_what_is_missing_is_said_in_plain_words(code: int, reason: str, said: str) -> None:
    cluster = await sync_to_async(Cluster.objects.create)(name="local", node_address="127.0.0.1")
    assert said in await ask_until_told(cluster, refused(code, reason))


def test_without_measurements_requests_are_sampled_and_use_is_a_gap(
    deployment: Deployment, make_pod: MakePod
) -> None:
    make_pod(deployment, cpu=100, used=None)
    Node.objects.update(used_at=None, cpu_used=None, memory_used=None)
    assert sample(deployment.cluster_id, now=NOW)
    for found in MinuteSample.objects.all():
        assert (found.minutes, found.used_minutes, found.cpu_requested) == (1, 0, 100)
        assert (found.cpu_peak, found.memory_peak) == (None, None)


def test_a_measurement_of_an_earlier_pod_of_that_name_or_an_older_one_changes_nothing(
    deployment: Deployment, make_pod: MakePod
) -> None:
    row = make_pod(deployment, used=None, age=60)

    def told(cpu: int, *, ago: float) -> None:
        at = NOW - timedelta(seconds=ago)
        one = Measured(namespace=row.namespace, name=row.name, cpu=cpu, memory=1, at=at, window_seconds=15)
        measured.record_pods(row.cluster_id, [one])

    told(1, ago=50)
    assert not PodUsage.objects.exists()
    told(2, ago=20)
    told(3, ago=30)
    assert PodUsage.objects.get().cpu == 2


def test_it_is_asked_less_and_less_often_and_never_sooner_than_it_wants() -> None:
    for _ in range(20):
        assert EVERY_SECONDS * 0.95 <= pause_seconds(0, None) <= EVERY_SECONDS * 1.05
        assert pause_seconds(2, None) >= EVERY_SECONDS * 4 * 0.95
        assert pause_seconds(1, 60) >= 60 * 0.95
        assert pause_seconds(50, 10**6) <= LONGEST_PAUSE_SECONDS * 1.05


def test_a_cluster_that_answers_again_has_no_trouble(seen: Cluster) -> None:
    Cluster.objects.update(metrics_message="gone")
    at = datetime.now(UTC)
    node = Measured(namespace="", name="node-1", cpu=7, memory=8, at=at, window_seconds=15)
    measured.record_nodes(seen.pk, [node])
    row = Node.objects.get()
    assert (row.cpu_used, row.memory_used, row.used_at) == (7, 8, at)
    assert Cluster.objects.get().metrics_message == ""
    measured.record_nodes(seen.pk, [])
    assert "has not measured any node yet" in Cluster.objects.get().metrics_message

"""A cluster with pods of known size and use, and a minute to sample it in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from deployments.models import Cluster, Deployment, Node, Pod, PodUsage
from deployments.usage.minutes import minute_of

NOW = datetime(2026, 3, 1, 12, 30, 20, tzinfo=UTC)
MINUTE = minute_of(NOW)

MakePod = Callable[..., Pod]


@pytest.fixture
def seen(cluster: Cluster) -> Cluster:
    """Heard of just now, with a node of 4 cores and 8 GiB that was measured 30 seconds ago."""
    Cluster.objects.filter(pk=cluster.pk).update(seen_at=NOW - timedelta(seconds=3))
    Node.objects.create(
        cluster=cluster,
        uid="n",
        name="node-1",
        ready=True,
        cpu_allocatable=4000,
        memory_allocatable=2**33,
        cpu_used=1500,
        memory_used=2**32,
        used_at=NOW - timedelta(seconds=30),
        facts={},
    )
    return cluster


@pytest.fixture
def make_pod(seen: Cluster) -> MakePod:
    """A pod that has been ready for ten minutes; `used` None where it was not measured."""

    def make(
        deployment: Deployment | None,
        *,
        cpu: int = 100,
        used: int | None = 50,
        measured_ago: float = 30,
        age: float = 600,
        **columns: object,
    ) -> Pod:
        number = Pod.objects.count()
        base = {"node": "node-1", "phase": "Running", "ready": True, "memory_request": cpu * 1000}
        row = Pod.objects.create(
            cluster=seen,
            deployment=deployment,
            uid=f"pod-{number}",
            namespace="pricing",
            name=f"pod-{number}",
            created_at=NOW - timedelta(seconds=age),
            cpu_request=cpu,
            facts={},
            **(base | columns),
        )
        if used is not None:
            PodUsage.objects.create(
                pod=row, cpu=used, memory=used * 1000, at=NOW - timedelta(seconds=measured_ago)
            )
        return row

    return make

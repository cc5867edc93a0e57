"""The main job without the web: wishes, a worker's work and the observer, on a real local cluster."""

import asyncio
import contextlib
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import answering, clients, intent, selectors
from deployments.errors import NotFound
from deployments.following.reader import LogLine, follow_logs
from deployments.models import Cluster, Deployment, Operation
from deployments.reconcile import delete_pod
from k8s.cluster import Ref
from teams.models import Team
from tests.deployments.installed import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def state_of(row: Deployment) -> str:
    return str(selectors.present_status(Deployment.objects.select_related("cluster").get(pk=row.pk))["state"])


def test_a_model_from_wish_to_history(installed: Team, observer: None) -> None:
    deployer = User.objects.get(username="deployer")
    payload = {"name": "journey", "image": "local/house:1.0", "replicas": 2}
    create = intent.create_deployment(installed, payload, by=deployer)
    row = create.deployment
    wait_for(lambda: state_of(row) == "running")
    create.refresh_from_db()
    assert create.state == "succeeded"
    assert Cluster.objects.get().version.startswith("v")
    assert not Cluster.objects.get().has_real_gpus
    wait_for(lambda: selectors.events_of(row).filter(reason="Started").exists())

    assert len(lines_of(row, 4)) == 4  # two replicas, two lines each
    sample: dict[str, Any] = row.version.sample_request or {}
    answer = answering.predict(row.pk, **sample, timeout_seconds=5)
    assert (answer["status"], len(answer["body"]["predictions"])) == (200, 1)
    assert_logs_are_merged(row)

    intent.update_deployment(row, {"version": "2.0", "replicas": 3}, by=deployer)
    wait_for(lambda: state_of(row) == "running")
    assert {pod.facts["containers"][0]["image"] for pod in selectors.pods_of(row)} >= {"local/house:2.0"}

    victim = selectors.pods_of(row)[0].name
    gone = intent.delete_pod(row, victim, by=deployer)
    delete_pod(gone.pk)
    wait_for(lambda: Operation.objects.get(pk=gone.pk).state == "succeeded")
    assert not selectors.pods_of(row).filter(name=victim).exists()

    # Another hand on the cluster: put back.
    cluster = clients.client_of(row.cluster)
    cluster.delete(Ref("Deployment", "pricing", "journey"))
    wait_for(lambda: row.timeline.filter(kind="drift").exists())
    wait_for(lambda: state_of(row) == "running")

    end = intent.delete(row, by=deployer)
    wait_for(lambda: Operation.objects.get(pk=end.pk).state == "succeeded", seconds=45)
    assert cluster.list("Pod", "pricing", labels="app.kubernetes.io/instance=journey") == []
    row.refresh_from_db()
    assert (row.state, row.revisions.count()) == ("deleted", 2)


def assert_logs_are_merged(row: Deployment) -> None:
    """All replicas in the order of time; and only pods of this deployment."""
    options: dict[str, Any] = {"container": None, "tail": 3, "previous": False, "since_seconds": None}
    lines = answering.read_logs(row.pk, pod=None, **options).splitlines()
    names = [pod.name for pod in selectors.pods_of(row)]
    assert len(lines) == 3
    assert all(line.startswith(tuple(f"[{name}] " for name in names)) for line in lines)
    assert "starting house 1.0" in answering.read_logs(row.pk, pod=names[0], **{**options, "tail": 50})
    with pytest.raises(NotFound):
        answering.read_logs(row.pk, pod="coredns", **options)


def lines_of(row: Deployment, count: int) -> list[LogLine]:
    """The first lines of a followed log."""

    async def read() -> list[LogLine]:
        lines: list[LogLine] = []
        async with asyncio.timeout(15), contextlib.aclosing(follow_logs(row.pk)) as told:
            async for portion in told:
                lines += [line for line in portion if isinstance(line, LogLine)]
                if len(lines) >= count:
                    break
        return lines[:count]

    return asyncio.run(read())

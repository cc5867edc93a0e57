"""Wishes about the count, secrets and stuck rollouts, all the way to a real local cluster and back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection

from deployments import clients, intent, selectors
from deployments.access import access_of
from deployments.models import Deployment, Operation, SecretValue
from deployments.reconcile import reconcile_deployment
from k8s.client import KubernetesCluster
from k8s.cluster import Ref
from k8s.errors import ClusterError, NotFound
from k8s.labels import INSTANCE
from teams.models import Team
from tests.deployments.installed import wait_for
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a-value-that-nobody-may-read"


@pytest.fixture
def deployer(installed: Team) -> User:
    return User.objects.get(username="deployer")


def state_of(row: Deployment) -> str:
    row.refresh_from_db()
    return row.state


def wanted_of(row: Deployment) -> object:
    """The count that people see."""
    row.refresh_from_db()
    return selectors.present_status(row)["wanted_replicas"]


def cluster_of(row: Deployment) -> KubernetesCluster:
    return clients.client_of(row.cluster)


def count_of(row: Deployment) -> int:
    found = cluster_of(row).get(Ref("Deployment", row.namespace, row.name))
    return int(found["spec"]["replicas"])


def exists(row: Deployment, kind: str, name: str = "") -> bool:
    try:
        cluster_of(row).get(Ref(kind, row.namespace, name or row.name))
    except NotFound:
        return False
    return True


def ended(operation: Operation) -> bool:
    operation.refresh_from_db()
    return operation.state == "succeeded"


def drifts(row: Deployment) -> list[str]:
    return list(row.timeline.filter(kind="drift").values_list("text", flat=True))


@contextmanager
def load_on(row: Deployment) -> Iterator[None]:
    """Three callers who ask as fast as they are answered."""
    stop = threading.Event()
    cluster = KubernetesCluster(access_of(row.cluster))
    body = b'{"instances": [{"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}]}'

    def call() -> None:
        while not stop.is_set():
            try:
                cluster.service_proxy(
                    *(row.namespace, row.name, 5001),
                    method="POST",
                    path="/v1/models/busy:predict",
                    body=body,
                    content_type="application/json",
                    timeout_seconds=10,
                    max_bytes=1000,
                )
            except ClusterError:
                stop.wait(0.1)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        stop.set()
        for caller in callers:
            caller.join(20)
        cluster.close()


@pytest.mark.timeout(300)
def test_an_autoscaler_follows_the_load_and_no_apply_of_ours_resets_it(
    installed: Team, observer: None, deployer: User
) -> None:
    payload = {
        "name": "busy-1",
        "image": "local/busy:1.0",
        "port": 5001,
        "resources": {"cpu": "100m", "cpu_limit": "300m"},
        "env": [{"name": "MODEL_NAME", "value": "busy"}, {"name": "BUSY_MILLISECONDS", "value": "50"}],
        "autoscaling": {
            "min_replicas": 1,
            "max_replicas": 3,
            "target_cpu_percent": 50,
            "scale_down_seconds": 0,
        },
    }
    create = intent.create_deployment(installed, payload, by=deployer)
    row = create.deployment
    wait_for(lambda: state_of(row) == "running", seconds=60)
    assert ended(create)
    with load_on(row):
        wait_for(lambda: count_of(row) == 3, seconds=120)
        # Wishes that have nothing to do with the count, while the autoscaler needs three.
        restart = intent.restart(row, by=deployer)
        reconcile_deployment(row.pk)
        assert count_of(row) == 3
        update = intent.update_deployment(row, {"resources": {"cpu_limit": "400m"}}, by=deployer)
        reconcile_deployment(row.pk)
        assert count_of(row) == 3
        assert restart.generation < update.generation
        wait_for(lambda: wanted_of(row) == 3)
    wait_for(lambda: count_of(row) == 1, seconds=120)
    wait_for(lambda: state_of(row) == "running" and wanted_of(row) == 1, seconds=60)
    assert ended(update)
    assert drifts(row) == []


def test_an_autoscaler_is_put_back_and_gives_the_count_back(
    installed: Team, observer: None, deployer: User
) -> None:
    payload = {"name": "scaled", "image": "local/house:1.0", "replicas": 2}
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    wait_for(lambda: state_of(row) == "running")
    bounds = {"min_replicas": 2, "max_replicas": 4, "target_cpu_percent": 50}
    hand_over = intent.autoscale(row, bounds, by=deployer)
    reconcile_deployment(row.pk)
    assert (count_of(row), exists(row, "HorizontalPodAutoscaler")) == (2, True)
    wait_for(lambda: ended(hand_over))
    wait_for(lambda: Deployment.objects.get(pk=row.pk).autoscaler is not None)

    cluster_of(row).delete(Ref("HorizontalPodAutoscaler", row.namespace, row.name))
    wait_for(lambda: drifts(row) != [])
    wait_for(lambda: exists(row, "HorizontalPodAutoscaler"))
    assert count_of(row) == 2

    take_back = intent.autoscale(row, None, by=deployer)
    reconcile_deployment(row.pk)
    assert (count_of(row), exists(row, "HorizontalPodAutoscaler")) == (2, False)
    wait_for(lambda: ended(take_back))
    scaled = intent.scale(row, 1, by=deployer)
    wait_for(lambda: ended(scaled) and state_of(row) == "running")
    row.refresh_from_db()
    assert (count_of(row), row.autoscaler, exists(row, "PodDisruptionBudget")) == (1, None, False)
    assert len(drifts(row)) == 1


@pytest.mark.parametrize("autoscaled", [False, True])
def test_a_pause_keeps_the_address_and_a_resume_brings_the_count_back(
    installed: Team, observer: None, deployer: User, autoscaled: bool
) -> None:
    payload: dict[str, Any] = {
        "name": f"paused-{autoscaled}".lower(),
        "image": "local/house:1.0",
        "replicas": 2,
        "service": {"type": "NodePort"},
    }
    if autoscaled:
        payload["autoscaling"] = {"min_replicas": 2, "max_replicas": 3, "target_cpu_percent": 80}
        del payload["replicas"]
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    wait_for(lambda: state_of(row) == "running")
    address = row.node_port
    assert address is not None
    pause = intent.pause(row, by=deployer)
    wait_for(lambda: state_of(row) == "paused")
    assert row.message == "Paused; 2 replicas come back on resume"
    assert ended(pause)
    pods = cluster_of(row).list("Pod", row.namespace, labels=f"{INSTANCE}={row.name}")
    assert all("deletionTimestamp" in pod["metadata"] for pod in pods)
    assert not exists(row, "HorizontalPodAutoscaler")
    service = cluster_of(row).get(Ref("Service", row.namespace, row.name))
    assert (service["spec"]["ports"][0]["nodePort"], row.node_port) == (address, address)

    resume = intent.resume(row, by=deployer)
    wait_for(lambda: state_of(row) == "running")
    assert ended(resume)
    assert (count_of(row), row.node_port) == (2, address)
    assert exists(row, "HorizontalPodAutoscaler") is autoscaled
    assert drifts(row) == []


def values_of_processes(server: ClusterServer, name: str) -> set[str]:
    """What a variable is in the processes that a cluster runs."""
    found = set()
    for process in psutil.Process(server.pid).children(recursive=True):
        try:
            value = process.environ().get(name)
        except psutil.Error:
            continue
        if value is not None:
            found.add(value)
    return found


def everything_stored() -> str:
    """Every column of every row of the database, as text."""
    parts: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            parts += [str(row) for row in cursor.fetchall()]
    return "\n".join(parts)


def everything_queued(url: str) -> str:
    with redis.Redis.from_url(url, protocol=2) as client:
        return str([client.dump(key) for key in client.scan_iter()])


def test_a_secret_reaches_the_process_and_nothing_else(
    installed: Team,
    observer: None,
    deployer: User,
    local_cluster: ClusterServer,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    payload = {
        "name": "guarded",
        "image": "local/house:1.0",
        "env": [{"name": "GUARDED_KEY", "secret": True, "value": SECRET}],
    }
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    wait_for(lambda: state_of(row) == "running")
    wait_for(lambda: values_of_processes(local_cluster, "GUARDED_KEY") == {SECRET})
    # A new value is a new template: pods are replaced.
    changed = {"env": [{"name": "GUARDED_KEY", "secret": True, "value": f"{SECRET}-2"}]}
    update = intent.update_deployment(row, changed, by=deployer)
    wait_for(lambda: ended(update))
    wait_for(lambda: values_of_processes(local_cluster, "GUARDED_KEY") == {f"{SECRET}-2"})
    back = intent.rollback(row, 1, by=deployer)
    wait_for(lambda: ended(back))
    wait_for(lambda: values_of_processes(local_cluster, "GUARDED_KEY") == {SECRET})

    assert SECRET not in everything_stored()
    assert SECRET not in everything_queued(redis_url)
    assert SECRET not in caplog.text
    assert SECRET not in str(selectors.manifests_of(row))

    end = intent.delete(row, by=deployer)
    wait_for(lambda: ended(end))
    assert not exists(row, "Secret", "guarded-env")
    assert not SecretValue.objects.filter(deployment=row).exists()


def test_a_stuck_rollout_rolls_itself_back_while_the_old_pods_serve(
    installed: Team, observer: None, deployer: User
) -> None:
    rollout = {"deadline_seconds": 10, "auto_rollback": True}
    payload = {"name": "careful", "image": "local/house:1.0", "start_seconds": 5, "rollout": rollout}
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    wait_for(lambda: state_of(row) == "running")
    assert row.revisions.get(number=1).served_at is not None
    before = selectors.pods_of(row).get()

    intent.update_deployment(row, {"env": [{"name": "PORT", "value": "1"}]}, by=deployer)
    wait_for(lambda: Deployment.objects.get(pk=row.pk).revision == 3, seconds=60)
    wait_for(lambda: state_of(row) == "running", seconds=60)
    newest = row.revisions.get(number=3)
    assert (newest.restores, newest.spec["env"]) == (1, [])
    assert row.revisions.get(number=2).served_at is None
    assert row.operations.get(action="rollback").created_by == "automatic rollback"
    # The pod that could not serve takes its time to go.
    wait_for(lambda: selectors.pods_of(row).count() == 1)
    after = selectors.pods_of(row).get()
    assert (after.uid, after.restarts) == (before.uid, 0)
    assert row.revisions.count() == 3

"""What `bench.usage` measures on: a cluster of 5,000 deployments, 10,000 pods and 30 days of samples.

Rows as the observer writes them, facts included, so that they are as wide as in life; samples are
made by the database itself, which takes a minute where Python would take an hour.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from deployments.models import (
    Cluster,
    DaySample,
    Deployment,
    MinuteSample,
    Model,
    ModelVersion,
    Namespace,
    Node,
    Pod,
    PodUsage,
    QuarterSample,
    Revision,
    Sample,
    Series,
    SeriesKind,
    State,
)
from k8s.facts import Condition, ContainerFacts, DeploymentFacts, NodeFacts, PodFacts
from k8s.spec import Spec
from teams.models import Membership, Team

DEPLOYMENTS, PODS_EACH, TEAMS, NODES, FOREIGN = 5_000, 2, 20, 100, 1_000
MODELS_PER_TEAM = 25
DAYS = 30
MIB = 2**20
# table, minutes of a step, how many of them
HISTORY: tuple[tuple[type[Sample], int, int], ...] = (
    (MinuteSample, 1, 24 * 60),
    (QuarterSample, 15, DAYS * 96),
    (DaySample, 1440, DAYS),
)
SPEC = msgspec.to_builtins(Spec(model="house", version="1.0", image="local/house:1.0", port=5001))


def grow() -> User:
    """All of it but the samples; answers a lead of the first team."""
    now = timezone.now()
    cluster = Cluster.objects.create(
        name="local",
        state="connected",
        node_address="127.0.0.1",
        seen_at=now,
        metrics_at=now,
        price_cpu_hour="0.04",
        price_memory_gib_hour="0.005",
        price_gpu_hour="1.2",
    )
    nodes = [_node(cluster, number) for number in range(NODES)]
    Node.objects.bulk_create(nodes)
    user = get_user_model().objects.create_user("bench")
    for number in range(TEAMS):
        team = Team.objects.create(name=f"team-{number:02}", title=f"Team {number:02}")
        Namespace.objects.create(cluster=cluster, team=team, name=team.name)
        if number == 0:
            Membership.objects.create(team=team, user=user, role="lead")
        _deploy(cluster, team, DEPLOYMENTS // TEAMS)
    _add_foreign(cluster)
    for pods in _batches(list(Pod.objects.values_list("pk", flat=True))):
        PodUsage.objects.bulk_create(
            PodUsage(pod_id=pk, cpu=20 + pk % 170, memory=(40 + pk % 150) * MIB, at=now) for pk in pods
        )
    _add_series(cluster)
    return user


def fill(table: type[Sample], step_minutes: int, count: int) -> None:
    """`count` samples of every series, up to now, of figures that differ from step to step."""
    name = f"deployments_{table.__name__.lower()}"
    last = int(timezone.now().timestamp()) // 60 // step_minutes
    first = last - count
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE step(n) AS (SELECT {first} UNION ALL"  # noqa: S608  our own numbers and names
            f" SELECT n + 1 FROM step WHERE n + 1 < {last})"
            f" INSERT INTO {name} (series_id, at, minutes, used_minutes, pods, cpu_requested, cpu_used,"
            " cpu_charged, memory_requested, memory_used, memory_charged, gpu_requested, cpu_peak,"
            " memory_peak, pod_cpu_peak, pod_memory_peak)"
            f" SELECT id, n * {step_minutes}, m, m, 2 * m, 200 * m, (60 + (id * 7 + n * 13) % 140) * m,"
            f" 200 * m, {256 * MIB} * m, ({96 * MIB} + (id * 31 + n * 17) % 97 * {MIB}) * m, {256 * MIB} * m,"
            f" 0, 60 + (id * 7 + n * 13) % 190, {96 * MIB} + (id * 31 + n * 17) % 140 * {MIB},"
            f" 30 + (id * 7 + n * 13) % 95, {48 * MIB} + (id * 31 + n * 17) % 70 * {MIB}"
            f" FROM deployments_series, step, (SELECT {step_minutes} AS m) AS size ORDER BY id, n"
        )


def _node(cluster: Cluster, number: int) -> Node:
    name = f"node-{number:03}"
    facts = NodeFacts(
        uid=name,
        name=name,
        ready=True,
        address=f"10.0.0.{number}",
        kubelet_version="v1.34.0",
        labels={"kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64"},
        cpu_capacity=32_000,
        cpu_allocatable=31_500,
        memory_capacity=64 * 2**30,
        memory_allocatable=62 * 2**30,
        pods_allocatable=250,
    )
    return Node(
        cluster=cluster,
        uid=name,
        name=name,
        ready=True,
        cpu_allocatable=facts.cpu_allocatable,
        memory_allocatable=facts.memory_allocatable,
        cpu_used=9_000 + number * 37,
        memory_used=(20 + number % 9) * 2**30,
        used_at=timezone.now(),
        facts=msgspec.to_builtins(facts),
    )


def _deploy(cluster: Cluster, team: Team, count: int) -> None:
    now = timezone.now()
    versions = []
    for number in range(MODELS_PER_TEAM):
        model = Model.objects.create(team=team, name=f"model-{number:02}")
        versions.append(ModelVersion.objects.create(model=model, version="1.0", image="local/house:1.0"))
    rows = Deployment.objects.bulk_create(
        Deployment(
            team=team,
            cluster=cluster,
            namespace=team.name,
            name=f"house-{number:04}",
            version=versions[number % MODELS_PER_TEAM],
            replicas=PODS_EACH,
            revision=1,
            spec=SPEC,
            generation=1,
            applied_generation=1,
            state=State.RUNNING,
            message="2 of 2 replicas ready",
            wanted_replicas=PODS_EACH,
            ready_replicas=PODS_EACH,
            updated_replicas=PODS_EACH,
            observed_at=now,
            facts=msgspec.to_builtins(_deployment_facts(team, f"house-{number:04}")),
        )
        for number in range(count)
    )
    Revision.objects.bulk_create(
        Revision(deployment=row, number=1, version=row.version, author="bench", summary="created", spec=SPEC)
        for row in rows
    )
    pods = [_pod(row, number) for row in rows for number in range(PODS_EACH)]
    Pod.objects.bulk_create(pods, batch_size=500)


def _deployment_facts(team: Team, name: str) -> DeploymentFacts:
    condition = Condition(type="Available", status="True", reason="MinimumReplicasAvailable", message="ok")
    return DeploymentFacts(
        uid=f"{team.name}-{name}",
        name=name,
        namespace=team.name,
        wanted_replicas=PODS_EACH,
        replicas=PODS_EACH,
        ready_replicas=PODS_EACH,
        conditions=(condition, condition),
        images=("local/house:1.0",),
        labels={"app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "timoneiro"},
    )


def _pod(row: Deployment, number: int) -> Pod:
    uid = f"{row.pk}-{number}"
    name = f"{row.name}-5d8f7c9b4-{number:05}"
    node = f"node-{(row.pk * PODS_EACH + number) % NODES:03}"
    condition = Condition(type="Ready", status="True", since=timezone.now())
    container = ContainerFacts(
        name="model", image="local/house:1.0", ready=True, started=True, state="running"
    )
    facts = PodFacts(
        uid=uid,
        name=name,
        namespace=row.namespace,
        phase="Running",
        node=node,
        owner=f"{row.name}-5d8f7c9b4",
        conditions=(condition, condition, condition),
        containers=(container,),
        labels={"app.kubernetes.io/instance": row.name, "pod-template-hash": "5d8f7c9b4"},
    )
    return Pod(
        cluster=row.cluster,
        deployment=row,
        uid=uid,
        namespace=row.namespace,
        name=name,
        phase="Running",
        ready=True,
        node=node,
        revision=1,
        created_at=timezone.now() - timedelta(hours=row.pk % 700),
        cpu_request=100,
        memory_request=128 * MIB,
        cpu_limit=500,
        memory_limit=256 * MIB,
        facts=msgspec.to_builtins(facts),
    )


def _add_foreign(cluster: Cluster) -> None:
    pods = [
        Pod(
            cluster=cluster,
            uid=f"system-{number}",
            namespace="kube-system",
            name=f"system-{number}",
            phase="Running",
            ready=True,
            node=f"node-{number % NODES:03}",
            cpu_request=50,
            memory_request=32 * MIB,
            facts={},
        )
        for number in range(FOREIGN)
    ]
    Pod.objects.bulk_create(pods, batch_size=500)


def _add_series(cluster: Cluster) -> None:
    series = [Series(cluster=cluster, kind=SeriesKind.CLUSTER, key="")]
    series += [
        Series(cluster=cluster, kind=SeriesKind.NODE, key=f"node-{number:03}") for number in range(NODES)
    ]
    series += [
        Series(cluster=cluster, kind=SeriesKind.TEAM, key=str(team.pk), team=team)
        for team in Team.objects.all()
    ]
    series += [
        Series(cluster=cluster, kind=SeriesKind.DEPLOYMENT, key=str(pk), team_id=team, deployment_id=pk)
        for pk, team in Deployment.objects.values_list("pk", "team_id")
    ]
    Series.objects.bulk_create(series, batch_size=500)


def _batches(keys: Sequence[int], size: int = 500) -> list[Sequence[int]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]

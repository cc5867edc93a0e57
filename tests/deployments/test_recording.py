"""The observer's side: what was seen becomes rows and a judgement."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import diagnosing, intent, settling
from deployments.models import CapturedLog, Cluster, Deployment, Event, Node, Operation, Pod
from deployments.observe import around, liveness, recording
from deployments.observe.batches import Word
from deployments.reconcile import reconcile_deployment
from k8s.facts import ContainerFacts, EventFacts, NodeFacts, PodFacts
from k8s.watch import Changed, Gone, Listed
from tests.deployments import sights
from tests.deployments.fake_cluster import FakeCluster


@pytest.fixture
def applied(deployment: Deployment, fake_cluster: FakeCluster) -> Deployment:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    return deployment


def everything_ready(row: Deployment) -> list[Word]:
    return [
        ("Deployment", Listed([sights.workload(row)], "1")),
        ("Pod", Listed([sights.pod(row, number) for number in range(row.replicas)], "1")),
    ]


@pytest.fixture
def running(applied: Deployment) -> Deployment:
    recording.record(applied.cluster_id, everything_ready(applied))
    applied.refresh_from_db()
    return applied


def test_ready_pods_make_it_running_and_end_the_operation(applied: Deployment) -> None:
    recorded = recording.record(applied.cluster_id, everything_ready(applied))
    applied.refresh_from_db()
    assert (applied.state, applied.message) == ("running", "2 of 2 replicas ready")
    assert (applied.ready_replicas, Pod.objects.filter(deployment=applied, ready=True).count()) == (2, 2)
    operation = Operation.objects.get()
    assert (operation.state, [step["name"] for step in operation.steps]) == (
        "succeeded",
        ["queued", "applying", "waiting", "succeeded"],
    )
    assert [nudge.deployment for nudge in recorded.nudges.values()] == [applied.name]
    assert applied.timeline.filter(kind="state", text__startswith="running").exists()


def test_the_timeline_tells_a_wish_once(
    running: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    intent.restart(running, by=deployer)
    reconcile_deployment(running.pk, connect=fake_cluster)
    recording.record(running.cluster_id, everything_ready(running))
    running.refresh_from_db()
    assert running.state == "deploying"
    told = list(running.timeline.filter(kind="state").values_list("text", flat=True))
    assert told == ["running: 2 of 2 replicas ready"]


def test_a_batch_may_be_recorded_twice(running: Deployment) -> None:
    entries = running.timeline.count()
    recording.record(running.cluster_id, everything_ready(running))
    assert (Pod.objects.count(), running.timeline.count()) == (2, entries)


def test_what_was_seen_before_the_newest_wish_does_not_settle_it(
    running: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    operation = intent.restart(running, by=deployer)
    reconcile_deployment(running.pk, connect=fake_cluster)
    recording.record(running.cluster_id, everything_ready(running))
    running.refresh_from_db()
    operation.refresh_from_db()
    assert (running.state, operation.state) == ("deploying", "waiting")


def test_pods_say_which_revision_they_run(
    running: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    assert set(Pod.objects.values_list("revision", flat=True)) == {1}
    row = intent.update_deployment(running, {"version": "2.0"}, by=deployer).deployment
    reconcile_deployment(row.pk, connect=fake_cluster)
    # The first new pod may be heard of before the Deployment that it is made for.
    recording.record(row.cluster_id, [("Pod", Changed(sights.pod(row, 7)))])
    recording.record(row.cluster_id, [("Deployment", Changed(sights.workload(row, generation=2)))])
    numbers = dict(Pod.objects.values_list("name", "revision"))
    assert numbers == {"house-prices-abc-0": 1, "house-prices-abc-1": 1, "house-prices-abc-7": 2}
    # A change that leaves the pods alone is theirs, too.
    row = intent.update_deployment(row, {"service": {"type": "NodePort"}}, by=deployer).deployment
    recording.record(row.cluster_id, [("Deployment", Changed(sights.workload(row, generation=2)))])
    assert sorted(Pod.objects.values_list("revision", flat=True)) == [1, 1, 3]


def test_a_pod_that_goes_and_one_that_comes(running: Deployment) -> None:
    gone = Gone("house-prices-0", "pricing", "house-prices-abc-0")
    recording.record(running.cluster_id, [("Pod", gone)])
    running.refresh_from_db()
    assert (running.state, running.ready_replicas) == ("deploying", 1)
    recording.record(running.cluster_id, [("Pod", Changed(sights.pod(running, 7)))])
    running.refresh_from_db()
    assert running.state == "running"


def test_a_new_list_removes_ghosts(running: Deployment) -> None:
    recording.record(running.cluster_id, [("Pod", Listed([sights.pod(running, 0)], "9"))])
    running.refresh_from_db()
    assert list(Pod.objects.values_list("uid", flat=True)) == ["house-prices-0"]
    assert running.ready_replicas == 1


def test_a_change_by_another_hand_is_drift_and_put_back(
    running: Deployment, fake_cluster: FakeCluster
) -> None:
    theirs = sights.workload(running, generation=2, replicas=1)
    recorded = recording.record(running.cluster_id, [("Deployment", Changed(theirs))])
    running.refresh_from_db()
    assert recorded.to_reconcile == {running.pk}
    assert (running.drifted, running.state) == (True, "deploying")
    assert running.timeline.filter(kind="drift").count() == 1
    fake_cluster.objects["Deployment", "pricing", "house-prices"]["metadata"]["generation"] = 2
    fake_cluster.objects["Deployment", "pricing", "house-prices"]["spec"]["replicas"] = 1
    assert reconcile_deployment(running.pk, connect=fake_cluster).word == "applied"
    running.refresh_from_db()
    assert (running.drifted, running.cluster_generation) == (False, 3)


def test_our_own_change_is_no_drift(running: Deployment, deployer: User, fake_cluster: FakeCluster) -> None:
    intent.scale(running, 3, by=deployer)
    # Seen before the worker has stored what the cluster answered.
    running.refresh_from_db()
    recording.record(running.cluster_id, [("Deployment", Changed(sights.workload(running, generation=2)))])
    reconcile_deployment(running.pk, connect=fake_cluster)
    running.refresh_from_db()
    assert running.drifted is False
    assert not running.timeline.filter(kind="drift").exists()


def test_an_object_deleted_by_another_hand_is_made_again(running: Deployment) -> None:
    older = recording.record(running.cluster_id, [("Deployment", Gone("older", "pricing", running.name))])
    assert older.to_reconcile == set()
    newest = recording.record(running.cluster_id, [("Deployment", Gone("d", "pricing", running.name))])
    assert newest.to_reconcile == {running.pk}
    running.refresh_from_db()
    assert (running.facts, running.drifted) == (None, True)


def test_a_deployment_missing_from_a_list_is_gone(running: Deployment) -> None:
    recorded = recording.record(running.cluster_id, [("Deployment", Listed([], "9"))])
    assert recorded.to_reconcile == {running.pk}


def test_the_last_pod_of_a_deleted_deployment_calls_the_worker(
    running: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    operation = intent.delete(running, by=deployer)
    recorded = recording.record(
        running.cluster_id, [("Deployment", Listed([], "9")), ("Pod", Listed([], "9"))]
    )
    assert recorded.to_reconcile == {running.pk}
    assert reconcile_deployment(running.pk, connect=fake_cluster).word == "deleted"
    operation.refresh_from_db()
    assert operation.state == "succeeded"


def test_a_crash_that_lasts_fails_the_operation(applied: Deployment) -> None:
    crashing = [sights.pod(applied, number, ready=False, crashes=3) for number in range(2)]
    words: list[Word] = [
        ("Deployment", Listed([sights.workload(applied)], "1")),
        ("Pod", Listed(list(crashing), "1")),
    ]
    recording.record(applied.cluster_id, words)
    applied.refresh_from_db()
    assert (applied.state, Operation.objects.get().state) == ("failed", "waiting")
    Deployment.objects.update(state_since=timezone.now() - settling.FAILED_FOR)
    liveness.recheck(applied.cluster_id)
    operation = Operation.objects.get()
    assert operation.state == "failed"
    assert operation.error is not None
    assert operation.error["code"] == "rollout_failed"
    assert "exit code 1" in operation.error["detail"]


def test_of_a_line_without_end_the_diagnosis_shows_the_beginning(applied: Deployment) -> None:
    crashed = sights.pod(applied, 0, ready=False, crashes=1)
    CapturedLog.objects.create(
        deployment=applied, pod=crashed.name, pod_uid=crashed.uid, container="server", text="x" * 60_000
    )
    words: list[Word] = [
        ("Deployment", Listed([sights.workload(applied)], "1")),
        ("Pod", Listed([crashed], "1")),
    ]
    recording.record(applied.cluster_id, words)
    diagnosing.rediagnose([applied.pk])
    applied.refresh_from_db()
    assert applied.diagnosis is not None
    (text,) = [each["text"] for each in applied.diagnosis["evidence"] if each["kind"] == "log"]
    assert text == "x" * 1_000


def test_the_port_of_a_service_is_kept(applied: Deployment) -> None:
    recording.record(applied.cluster_id, [("Service", Changed(sights.service(applied, node_port=30007)))])
    applied.refresh_from_db()
    assert applied.node_port == 30007


def test_a_pod_of_nobody_we_know_is_kept_for_what_it_holds_alone(running: Deployment) -> None:
    other = Deployment(
        name="other", namespace="elsewhere", spec=running.spec, team=running.team, pk=running.pk
    )
    seen = msgspec.structs.replace(sights.pod(other, 1), cpu_request=250, node="n")
    recording.record(running.cluster_id, [("Pod", Changed(seen))])
    kept = Pod.objects.get(deployment=None)
    assert (kept.cpu_request, kept.node, kept.facts) == (250, "n", {})
    recording.record(running.cluster_id, [("Pod", Changed(msgspec.structs.replace(seen, phase="Succeeded")))])
    assert not Pod.objects.filter(deployment=None).exists()


def test_pods_hold_what_they_request_until_they_have_ended(running: Deployment) -> None:
    seen = msgspec.structs.replace(sights.pod(running, 0), cpu_request=250, memory_limit=9)
    recording.record(running.cluster_id, [("Pod", Changed(seen))])
    held = Pod.objects.filter(uid=seen.uid).values_list("cpu_request", "memory_limit")
    assert held.get() == (250, 9)
    recording.record(running.cluster_id, [("Pod", Changed(msgspec.structs.replace(seen, phase="Failed")))])
    assert held.get() == (0, 0)


def test_a_new_list_forgets_pods_of_others_that_are_gone(running: Deployment) -> None:
    ours = [sights.pod(running, number) for number in range(2)]
    others = [PodFacts(uid=uid, name=uid, namespace="kube-system", phase="Running") for uid in "ab"]
    recording.record(running.cluster_id, [("Pod", Listed([*ours, *others], "1"))])
    recording.record(running.cluster_id, [("Pod", Listed([*ours, others[1]], "2"))])
    assert list(Pod.objects.filter(deployment=None).values_list("uid", flat=True)) == ["b"]
    assert Pod.objects.filter(deployment=running).count() == 2


def event(name: str, kind: str, *, uid: str = "e", at: datetime | None = None, count: int = 1) -> EventFacts:
    return EventFacts(
        uid=uid,
        name=uid,
        namespace="pricing",
        type="Warning",
        reason="BackOff",
        message="Back-off restarting",
        object_kind=kind,
        object_name=name,
        count=count,
        last_at=at or datetime.now(UTC),
    )


@pytest.mark.parametrize(
    ("kind", "name", "owner"),
    [
        ("Pod", "house-prices-6d4cf56db6-x8abc", ["house-prices"]),
        ("ReplicaSet", "house-prices-6d4cf56db6", ["house-prices"]),
        ("Deployment", "house-prices", ["house-prices"]),
        ("Service", "house-prices", ["house-prices"]),
        ("Pod", "bare", []),
        ("Node", "house-prices-1-2", []),
    ],
)
def test_events_find_their_deployment_by_name(kind: str, name: str, owner: list[str]) -> None:
    assert around.names_of_owner(event(name, kind)) == owner


def test_events_are_kept_folded_and_outlive_the_cluster(running: Deployment) -> None:
    pod_name = "house-prices-6d4cf56db6-x8abc"
    recording.record(running.cluster_id, [("Event", Listed([event(pod_name, "Pod")], "1"))])
    recording.record(running.cluster_id, [("Event", Changed(event(pod_name, "Pod", count=4)))])
    recording.record(running.cluster_id, [("Event", Listed([], "9"))])
    assert Event.objects.get(deployment=running).count == 4


def test_events_of_an_earlier_deployment_are_not_the_new_ones(running: Deployment) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    recording.record(
        running.cluster_id, [("Event", Changed(event("house-prices", "Deployment", at=yesterday)))]
    )
    assert not Event.objects.exists()


def test_nodes_come_and_go(cluster: Cluster) -> None:
    nodes = [
        NodeFacts(uid=name, name=name, ready=True, gpu_allocatable={"nvidia.com/gpu": 2}) for name in "ab"
    ]
    recording.record(cluster.pk, [("Node", Listed(list(nodes), "1"))])
    recording.record(cluster.pk, [("Node", Gone("a", "", "a"))])
    assert list(Node.objects.values_list("name", "gpu_allocatable")) == [("b", 2)]
    recording.record(cluster.pk, [("Node", Listed([], "2"))])
    assert not Node.objects.exists()


def test_a_lost_cluster_and_its_return(running: Deployment, cluster: Cluster) -> None:
    assert [nudge.team for nudge in liveness.mark_lost(cluster.pk, "refused")] == ["pricing"]
    assert liveness.mark_lost(cluster.pk, "still refused") == []
    cluster.refresh_from_db()
    assert (cluster.state, cluster.unreachable_since) == ("unreachable", cluster.seen_at)
    Deployment.objects.update(drifted=True, retry_at=timezone.now() + timedelta(hours=1))
    assert liveness.mark_seen(cluster.pk, timezone.now(), version="v1", message="") != []
    assert liveness.due_after_return(cluster.pk) == [running.pk]
    cluster.refresh_from_db()
    assert (cluster.state, cluster.unreachable_since, cluster.version) == ("connected", None, "v1")


MUCH = 2**70


def test_one_odd_row_keeps_nothing_else_from_being_stored(
    running: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    strange_pod = msgspec.structs.replace(
        sights.pod(running, 7), containers=(ContainerFacts(name="server", restarts=MUCH),)
    )
    foreign = [PodFacts(uid=name, name=name, namespace="x", phase="Running") for name in ("good", "odd")]
    foreign[1] = msgspec.structs.replace(foreign[1], containers=strange_pod.containers)
    recording.record(
        running.cluster_id,
        [
            ("Pod", Changed(strange_pod)),
            ("Pod", Changed(sights.pod(running, 8))),
            *(("Pod", Changed(one)) for one in foreign),
            ("Event", Changed(event(running.name, "Deployment", uid="odd", count=MUCH))),
            ("Event", Changed(event(running.name, "Deployment", uid="good"))),
            ("Node", Changed(NodeFacts(uid="odd", name="odd", ready=True, memory_allocatable=MUCH))),
            ("Node", Changed(NodeFacts(uid="good", name="good", ready=True))),
        ],
    )
    assert set(Pod.objects.filter(deployment=running).values_list("uid", flat=True)) == {
        f"{running.name}-{number}" for number in (0, 1, 8)
    }
    for rows in (Pod.objects.filter(deployment=None), Event.objects.all(), Node.objects.all()):
        assert list(rows.values_list("uid", flat=True)) == ["good"]
    assert caplog.text.count("is left out") == 4


def test_an_odd_deployment_keeps_no_other_from_being_judged(applied: Deployment, deployer: User) -> None:
    payload = {"name": "second", "model": "house", "version": "1.0"}
    second = intent.create_deployment(applied.team, payload, by=deployer).deployment
    Deployment.objects.filter(pk=second.pk).update(applied_generation=1)
    second.refresh_from_db()
    port = sights.service(second, node_port=MUCH)
    recording.record(applied.cluster_id, [*everything_ready(applied), ("Service", Changed(port))])
    applied.refresh_from_db()
    assert applied.state == "running"

"""The worker's side, against a cluster of our own Protocol."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, Deployment, Operation, Pod
from deployments.observe import recording
from deployments.reconcile import delete_pod, find_unsettled, leases, reconcile_deployment
from k8s.cluster import Manifest
from k8s.errors import Cause, ClusterUnavailable, Forbidden, Invalid, ObjectConflict
from k8s.watch import Changed, Gone
from teams.models import Team
from tests.deployments import sights
from tests.deployments.fake_cluster import FakeCluster


def workload(cluster: FakeCluster) -> Manifest:
    return cluster.objects["Deployment", "pricing", "house-prices"]


def test_a_wish_is_written_and_remembered(deployment: Deployment, fake_cluster: FakeCluster) -> None:
    outcome = reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    assert (outcome.word, outcome.again_in_seconds) == ("applied", None)
    assert fake_cluster.applied == [
        "Service/house-prices",
        "Deployment/house-prices",
        "PodDisruptionBudget/house-prices",
    ]
    assert workload(fake_cluster)["spec"]["replicas"] == 2
    assert (deployment.applied_generation, deployment.cluster_generation) == (1, 1)
    assert (deployment.lease_until, deployment.state) == (None, "deploying")
    assert Operation.objects.get().state == "waiting"


def test_a_second_run_writes_nothing(deployment: Deployment, fake_cluster: FakeCluster) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "settled"
    assert len(fake_cluster.applied) == 3


def test_a_wish_changed_while_applying_is_applied_next(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    def somebody_scales(manifest: Manifest) -> None:
        if manifest["kind"] == "Deployment" and manifest["spec"]["replicas"] == 2:
            intent.scale(deployment, 5, by=deployer)

    fake_cluster.before_apply = somebody_scales
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "applied"
    deployment.refresh_from_db()
    assert (deployment.generation, deployment.applied_generation) == (2, 2)
    assert workload(fake_cluster)["spec"]["replicas"] == 5


@pytest.mark.parametrize("error", [ClusterUnavailable("gone"), ObjectConflict("changed", status=409)])
def test_passing_trouble_keeps_the_wish_and_says_so(
    deployment: Deployment, fake_cluster: FakeCluster, error: ClusterUnavailable
) -> None:
    fake_cluster.failures = [error]
    outcome = reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    assert outcome.word == "postponed"
    assert outcome.again_in_seconds is not None
    assert "trying again" in deployment.message
    assert (deployment.state, deployment.applied_generation) == ("pending", 0)
    assert Operation.objects.get().state == "applying"
    assert find_unsettled().deployments == []  # not before its time
    Deployment.objects.update(retry_at=timezone.now())
    assert find_unsettled().deployments == [deployment.pk]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "applied"
    deployment.refresh_from_db()
    assert (deployment.apply_error, deployment.apply_attempts) == ("", 0)


def test_a_refusal_ends_the_operation_and_is_not_repeated(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    fake_cluster.failures = [
        Invalid(
            "port is taken",
            status=422,
            causes=(Cause("spec.ports[0].nodePort", "taken", "FieldValueInvalid"),),
        )
    ]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "refused"
    deployment.refresh_from_db()
    operation = Operation.objects.get()
    assert operation.state == "failed"
    assert operation.error is not None
    assert operation.error["errors"][0]["field"] == "spec.ports[0].nodePort"
    assert (deployment.state, "port is taken" in deployment.message) == ("failed", True)
    assert find_unsettled().deployments == []
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "settled"
    # A new wish is a new try.
    intent.scale(deployment, 1, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "applied"


def test_a_refused_delete_can_be_asked_again(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    intent.delete(deployment, by=deployer)
    fake_cluster.failures = [Forbidden("no", status=403)]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "refused"
    intent.delete(deployment, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "deleted"


def test_one_worker_at_a_time(deployment: Deployment, fake_cluster: FakeCluster) -> None:
    assert leases.take(deployment.pk, uuid.uuid4()) is not None
    outcome = reconcile_deployment(deployment.pk, connect=fake_cluster)
    assert outcome.word == "busy"
    assert outcome.again_in_seconds is not None
    assert fake_cluster.applied == []
    assert find_unsettled().deployments == []


def test_a_killed_workers_lease_runs_out(deployment: Deployment, fake_cluster: FakeCluster) -> None:
    leases.take(deployment.pk, uuid.uuid4())
    Deployment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert find_unsettled().deployments == [deployment.pk]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "applied"


def test_a_worker_that_outlived_its_lease_stores_nothing(
    deployment: Deployment, fake_cluster: FakeCluster
) -> None:
    thief = uuid.uuid4()

    def somebody_takes_over(manifest: Manifest) -> None:
        if manifest["kind"] == "Deployment":
            Deployment.objects.update(lease_holder=thief)

    fake_cluster.before_apply = somebody_takes_over
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "superseded"
    deployment.refresh_from_db()
    assert (deployment.applied_generation, deployment.lease_holder) == (0, thief)


def test_an_object_removed_while_a_worker_writes_is_written_again(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    recording.record(deployment.cluster_id, [("Deployment", Changed(sights.workload(deployment)))])

    def somebody_deletes_it(manifest: Manifest) -> None:
        if manifest["kind"] == "Deployment":
            gone = Gone("d", "pricing", "house-prices")
            recording.record(deployment.cluster_id, [("Deployment", gone)])

    fake_cluster.before_apply = somebody_deletes_it
    intent.scale(deployment, 3, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).again_in_seconds is not None
    assert find_unsettled().deployments == [deployment.pk]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).again_in_seconds is None
    assert find_unsettled().deployments == []


def test_what_others_put_there_is_not_taken_over(deployment: Deployment, fake_cluster: FakeCluster) -> None:
    foreign: Manifest = {
        "kind": "Deployment",
        "metadata": {"name": "house-prices", "generation": 1},
        "spec": {},
    }
    fake_cluster.objects["Deployment", "pricing", "house-prices"] = foreign
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "refused"
    assert fake_cluster.applied == []
    deployment.refresh_from_db()
    assert "not managed by Timoneiro" in deployment.message


def test_a_missing_namespace_is_made(deployment: Deployment, fake_cluster: FakeCluster) -> None:
    fake_cluster.namespaces_must_exist = True
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    assert fake_cluster.applied[0] == "Namespace/pricing"
    assert workload(fake_cluster)["spec"]["replicas"] == 2


def test_a_chosen_node_port_stays(
    team: Team, cluster: Cluster, deployer: User, fake_cluster: FakeCluster
) -> None:
    payload = {"name": "house-prices", "image": "local/house:1.0", "service": {"type": "NodePort"}}
    row = intent.create_deployment(team, payload, by=deployer).deployment
    reconcile_deployment(row.pk, connect=fake_cluster)
    row.refresh_from_db()
    assert row.node_port == 30123
    fake_cluster.objects.clear()
    intent.restart(row, by=deployer)
    reconcile_deployment(row.pk, connect=fake_cluster)
    service = fake_cluster.objects["Service", "pricing", "house-prices"]
    assert service["spec"]["ports"][0]["nodePort"] == 30123


def test_a_delete_ends_when_its_pods_are_gone(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    labels = workload(fake_cluster)["metadata"]["labels"]
    fake_cluster.objects["Pod", "pricing", "p"] = {"metadata": {"name": "p", "labels": labels}}
    operation = intent.delete(deployment, by=deployer)
    outcome = reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    assert (outcome.word, deployment.state, deployment.deleted_at) == ("removing", "deleting", None)
    assert fake_cluster.deleted == [
        "PodDisruptionBudget/house-prices",
        "Deployment/house-prices",
        "Service/house-prices",
    ]
    del fake_cluster.objects["Pod", "pricing", "p"]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "deleted"
    deployment.refresh_from_db()
    operation.refresh_from_db()
    assert (deployment.state, operation.state) == ("deleted", "succeeded")
    assert deployment.revisions.exists()
    assert deployment.timeline.exists()


def test_what_never_reached_the_cluster_is_deleted_too(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    intent.delete(deployment, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "deleted"
    assert fake_cluster.deleted == []


def test_deleting_a_pod_is_asked_until_it_is_heard(
    deployment: Deployment, cluster: Cluster, deployer: User, fake_cluster: FakeCluster
) -> None:
    Pod.objects.create(
        cluster=cluster,
        deployment=deployment,
        uid="u",
        namespace="pricing",
        name="p",
        phase="Running",
        facts={"uid": "u", "name": "p"},
    )
    operation = intent.delete_pod(deployment, "p", by=deployer)
    fake_cluster.failures = [ClusterUnavailable("gone")]
    delete_pod(operation.pk, connect=fake_cluster)
    operation.refresh_from_db()
    assert operation.state == "queued"
    Operation.objects.filter(pk=operation.pk).update(created_at=timezone.now() - timedelta(seconds=30))
    assert find_unsettled().pod_deletes == [operation.pk]
    delete_pod(operation.pk, connect=fake_cluster)
    delete_pod(operation.pk, connect=fake_cluster)
    operation.refresh_from_db()
    assert (operation.state, fake_cluster.deleted) == ("waiting", ["Pod/p"])

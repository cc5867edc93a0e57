"""Whose hand changed a count: the autoscaler's is no drift, any other is. And what is written around it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from deployments import intent, settling
from deployments.models import Deployment, Operation
from deployments.observe import recording
from deployments.reconcile import find_unsettled, leases, reconcile_deployment
from k8s.cluster import Manifest
from k8s.errors import ClusterUnavailable, Invalid
from k8s.facts import AutoscalerFacts, Condition, DeploymentFacts
from k8s.watch import Changed, Gone, Listed
from tests.deployments import sights
from tests.deployments.fake_cluster import FakeCluster

BOUNDS = {"min_replicas": 2, "max_replicas": 6, "target_cpu_percent": 60}
AUTOSCALER = ("HorizontalPodAutoscaler", "pricing", "house-prices")


def see(row: Deployment, *facts: DeploymentFacts | AutoscalerFacts) -> None:
    kinds = {DeploymentFacts: "Deployment", AutoscalerFacts: "HorizontalPodAutoscaler"}
    recording.record(row.cluster_id, [(kinds[type(one)], Changed(one)) for one in facts])
    row.refresh_from_db()


def scaler(row: Deployment, *, uid: str = "h", desired: int = 2) -> AutoscalerFacts:
    return AutoscalerFacts(
        uid=uid,
        name=row.name,
        namespace=row.namespace,
        target=row.name,
        min_replicas=2,
        max_replicas=6,
        desired_replicas=desired,
    )


@pytest.fixture
def scaled(deployment: Deployment, deployer: User, fake_cluster: FakeCluster) -> Deployment:
    """Written with an autoscaler, and seen with the two replicas it had."""
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    intent.autoscale(deployment, BOUNDS, by=deployer)
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    see(deployment, sights.workload(deployment), scaler(deployment))
    return deployment


def drifts(row: Deployment) -> list[str]:
    return list(row.timeline.filter(kind="drift").values_list("text", flat=True))


def test_another_count_is_the_autoscalers_doing(scaled: Deployment) -> None:
    see(scaled, sights.workload(scaled, generation=2, replicas=5))
    assert (scaled.drifted, scaled.cluster_generation, scaled.wanted_replicas) == (False, 2, 5)
    assert drifts(scaled) == []
    see(scaled, sights.workload(scaled, generation=3, replicas=4))
    assert (scaled.drifted, scaled.wanted_replicas, find_unsettled().deployments) == (False, 4, [])


def test_an_autoscaler_that_acted_before_we_first_looked_is_no_drift(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    intent.autoscale(deployment, BOUNDS, by=deployer)
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    see(deployment, sights.workload(deployment, generation=2, replicas=4))
    assert (deployment.drifted, deployment.wanted_replicas) == (False, 4)


@pytest.mark.parametrize("replicas", [2, 0])
def test_a_change_that_is_not_the_autoscalers_is_put_back(scaled: Deployment, replicas: int) -> None:
    """The same count again is another field's change; none at all is what no autoscaler wants."""
    see(scaled, sights.workload(scaled, generation=2, replicas=replicas))
    assert (scaled.drifted, drifts(scaled)) == (True, ["Changed outside Timoneiro; being put back"])


def test_without_an_autoscaler_another_count_is_drift(
    deployment: Deployment, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    see(deployment, sights.workload(deployment))
    see(deployment, sights.workload(deployment, generation=2, replicas=5))
    assert deployment.drifted


def test_an_autoscaler_that_acts_while_a_worker_writes_is_no_drift(
    scaled: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    def it_scales(manifest: Manifest) -> None:
        if manifest["kind"] == "HorizontalPodAutoscaler":
            after = sights.workload(scaled, generation=2, replicas=4)
            recording.record(scaled.cluster_id, [("Deployment", Changed(after))])

    fake_cluster.before_apply = it_scales
    intent.autoscale(scaled, {**BOUNDS, "max_replicas": 8}, by=deployer)
    assert reconcile_deployment(scaled.pk, connect=fake_cluster).again_in_seconds is None
    scaled.refresh_from_db()
    assert (scaled.drifted, scaled.cluster_generation, drifts(scaled)) == (False, 2, [])


@pytest.mark.parametrize(
    "told",
    [
        lambda row: Gone("h", row.namespace, row.name),
        lambda _row: Listed([], "1"),
    ],
)
def test_an_autoscaler_removed_by_another_hand_is_put_back(
    scaled: Deployment, fake_cluster: FakeCluster, told: Callable[[Deployment], Gone | Listed]
) -> None:
    del fake_cluster.objects[AUTOSCALER]
    recording.record(scaled.cluster_id, [("HorizontalPodAutoscaler", told(scaled))])
    scaled.refresh_from_db()
    assert drifts(scaled) == [
        "The HorizontalPodAutoscaler was deleted outside Timoneiro; being created again"
    ]
    reconcile_deployment(scaled.pk, connect=fake_cluster)
    assert AUTOSCALER in fake_cluster.objects


def test_an_autoscaler_that_we_took_away_is_not_missed(
    scaled: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    intent.pause(scaled, by=deployer)
    reconcile_deployment(scaled.pk, connect=fake_cluster)
    assert AUTOSCALER not in fake_cluster.objects
    # Before the Deployment is told to have none: it would otherwise still look after it.
    assert fake_cluster.deleted[0] == "HorizontalPodAutoscaler/house-prices"
    gone = Gone("h", scaled.namespace, scaled.name)
    recording.record(scaled.cluster_id, [("HorizontalPodAutoscaler", gone)])
    scaled.refresh_from_db()
    assert (scaled.drifted, scaled.autoscaler, scaled.wanted_replicas) == (False, None, 0)


def test_a_worker_that_dies_in_between_leaves_no_autoscaler_that_nobody_knows(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    intent.autoscale(deployment, BOUNDS, by=deployer)
    thief = uuid.uuid4()

    def lease_lost(manifest: Manifest) -> None:
        if manifest["kind"] == "HorizontalPodAutoscaler":
            Deployment.objects.update(lease_holder=thief)

    fake_cluster.before_apply = lease_lost
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "superseded"
    fake_cluster.before_apply = lambda _manifest: None
    leases.release(deployment.pk, thief)
    assert AUTOSCALER in fake_cluster.objects
    intent.autoscale(deployment, None, by=deployer)
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    assert AUTOSCALER not in fake_cluster.objects


def test_an_autoscaler_of_somebody_else_is_neither_taken_over_nor_removed(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    fake_cluster.objects[AUTOSCALER] = {"kind": AUTOSCALER[0], "metadata": {"name": "house-prices"}}
    intent.autoscale(deployment, BOUNDS, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "refused"
    intent.autoscale(deployment, None, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "applied"
    assert AUTOSCALER in fake_cluster.objects


def test_an_operation_waits_until_the_autoscaler_keeps_its_bounds(
    scaled: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    operation = intent.autoscale(scaled, {**BOUNDS, "min_replicas": 3}, by=deployer)
    reconcile_deployment(scaled.pk, connect=fake_cluster)

    def ready(count: int, generation: int) -> None:
        shown = sights.workload(scaled, generation=generation, replicas=count)
        pods = Listed([sights.pod(scaled, number) for number in range(count)], "1")
        recording.record(scaled.cluster_id, [("Deployment", Changed(shown)), ("Pod", pods)])
        operation.refresh_from_db()

    ready(2, 1)
    assert operation.state == "waiting"
    ready(3, 2)
    assert operation.state == "succeeded"


def test_a_refusal_that_repeats_a_secret_is_stored_without_it(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    value = "s3cret-in-clear"
    env = [{"name": "API_KEY", "secret": True, "value": value}]
    intent.update_deployment(deployment, {"env": env}, by=deployer)
    fake_cluster.failures = [Invalid(f"webhook says no to {value}", status=422)]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "refused"
    deployment.refresh_from_db()
    assert "webhook says no to ***" in deployment.apply_error
    stored = str([*Operation.objects.values(), *deployment.timeline.values(), *Deployment.objects.values()])
    assert value not in stored
    fake_cluster.failures = [ClusterUnavailable(f"lost {value}")]
    intent.restart(deployment, by=deployer)
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "postponed"
    deployment.refresh_from_db()
    assert deployment.apply_error.endswith("lost ***")


def overdue(row: Deployment) -> DeploymentFacts:
    """The row's Deployment, past its deadline."""
    condition = Condition(type="Progressing", status="False", reason="ProgressDeadlineExceeded")
    seen = sights.workload(row, generation=row.cluster_generation)
    return DeploymentFacts(
        **{
            **{name: getattr(seen, name) for name in seen.__struct_fields__},
            "conditions": (condition,),
            "created_at": datetime.now(UTC),
        }
    )


def test_a_stuck_rollout_is_asked_to_go_back_only_where_that_is_wished_for(
    deployment: Deployment, deployer: User, fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    deployment.refresh_from_db()
    deployment.revisions.update(served_at=datetime.now(UTC))
    env = [{"name": "LOG_LEVEL", "value": "DEBUG"}]

    def roll_out(auto_rollback: bool) -> set[int]:
        rollout = {"auto_rollback": auto_rollback}
        intent.update_deployment(deployment, {"env": env, "rollout": rollout}, by=deployer)
        reconcile_deployment(deployment.pk, connect=fake_cluster)
        deployment.refresh_from_db()
        words = [("Deployment", Changed(overdue(deployment)))]
        return recording.record(deployment.cluster_id, words).to_roll_back

    assert roll_out(False) == set()
    assert find_unsettled().stuck == []
    assert roll_out(True) == {deployment.pk}
    assert find_unsettled().stuck == [deployment.pk]
    operation = intent.automatic_rollback(deployment.pk)
    assert operation is not None
    deployment.refresh_from_db()
    assert (deployment.revision, settling.is_stuck(deployment), find_unsettled().stuck) == (4, False, [])
    assert intent.automatic_rollback(deployment.pk) is None

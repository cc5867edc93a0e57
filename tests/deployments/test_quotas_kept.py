"""A worker keeps a team's quota in its namespace, and never in the way of an accepted wish."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, Deployment, Quota
from deployments.reconcile import find_unsettled, reconcile_deployment, reconcile_quota
from deployments.reconcile.postponing import REPEAT_AFTER
from k8s.cluster import Manifest
from k8s.errors import ClusterUnavailable, Forbidden
from tests.deployments.fake_cluster import FakeCluster

QUOTA = ("ResourceQuota", "pricing", "timoneiro")
RANGE = ("LimitRange", "pricing", "timoneiro")


def hard(cluster: FakeCluster) -> dict[str, str]:
    found: dict[str, str] = cluster.objects[QUOTA]["spec"]["hard"]
    return found


def keep(quota: Quota, cluster: FakeCluster) -> Quota:
    """As a worker does; the quota anew."""
    assert reconcile_quota(quota.pk, connect=cluster) is None
    quota.refresh_from_db()
    return quota


def at_rest(**columns: Any) -> None:
    """All deployments are applied and run."""
    for row in Deployment.objects.all():
        Deployment.objects.filter(pk=row.pk).update(
            applied_generation=row.generation, state="running", **columns
        )


def test_limits_become_a_resource_quota_and_a_limit_range(
    limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    quota = limit(cpu="1500m", memory="4Gi", gpu=2, replicas=10, deployments=3)
    assert find_unsettled().quotas == [quota.pk]
    quota = keep(quota, fake_cluster)
    assert hard(fake_cluster) == {
        "requests.cpu": "1500m",
        "requests.memory": "4Gi",
        "requests.nvidia.com/gpu": "2",
        "pods": "10",
        "count/deployments.apps": "3",
    }
    labels = {"app.kubernetes.io/managed-by": "timoneiro", "timoneiro.dev/team": "pricing"}
    assert fake_cluster.objects[QUOTA]["metadata"]["labels"] == labels
    (item,) = fake_cluster.objects[RANGE]["spec"]["limits"]
    assert item == {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "128Mi"}}
    assert (quota.applied_generation, quota.applied_hard, quota.apply_error) == (1, hard(fake_cluster), "")
    assert find_unsettled().quotas == []
    written = list(fake_cluster.applied)
    keep(quota, fake_cluster)
    assert fake_cluster.applied == written


def test_gpus_are_called_as_the_cluster_calls_them(
    limit: Callable[..., Quota], cluster: Cluster, fake_cluster: FakeCluster
) -> None:
    Cluster.objects.update(gpu_resource="amd.com/gpu")
    keep(limit(gpu=1), fake_cluster)
    assert hard(fake_cluster) == {"requests.amd.com/gpu": "1"}


def test_without_a_limit_both_are_taken_away(limit: Callable[..., Quota], fake_cluster: FakeCluster) -> None:
    keep(limit(replicas=3), fake_cluster)
    quota = limit(replicas=None)
    assert find_unsettled().quotas == [quota.pk]
    keep(quota, fake_cluster)
    assert fake_cluster.objects == {}
    assert find_unsettled().quotas == []


def test_the_namespace_is_made_where_it_is_missing(
    limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    fake_cluster.namespaces_must_exist = True
    keep(limit(replicas=3), fake_cluster)
    assert ("Namespace", "", "pricing") in fake_cluster.objects


def test_somebody_elses_quota_of_that_name_is_left_alone(
    limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    theirs: Manifest = {"kind": "ResourceQuota", "metadata": {"name": "timoneiro"}, "spec": {"hard": {}}}
    fake_cluster.objects[QUOTA] = theirs
    quota = limit(replicas=3)
    assert reconcile_quota(quota.pk, connect=fake_cluster) == REPEAT_AFTER.total_seconds()
    quota.refresh_from_db()
    assert "is not managed by Timoneiro" in quota.apply_error
    keep(limit(replicas=None), fake_cluster)
    assert fake_cluster.objects == {QUOTA: theirs}


def test_trouble_is_told_and_tried_again_later_each_time(
    limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    quota = limit(replicas=3)
    waits = []
    for _ in range(4):
        Quota.objects.update(retry_at=timezone.now())
        fake_cluster.failures = [ClusterUnavailable("connection refused")]
        wait = reconcile_quota(quota.pk, connect=fake_cluster)
        assert wait is not None
        waits.append(wait)
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits))
    quota.refresh_from_db()
    assert "connection refused" in quota.apply_error
    # Not before its time, by whoever comes.
    assert find_unsettled().quotas == []
    assert reconcile_quota(quota.pk, connect=fake_cluster) is None
    assert fake_cluster.applied == []
    Quota.objects.update(retry_at=timezone.now())
    assert find_unsettled().quotas == [quota.pk]
    # A new wish deserves a new try.
    assert limit(replicas=4).retry_at is None
    assert keep(quota, fake_cluster).apply_error == ""


def test_what_the_cluster_refuses_is_told_and_asked_again_late(
    limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    quota = limit(replicas=3)
    fake_cluster.failures = [Forbidden("resourcequotas is forbidden", status=403)]
    assert reconcile_quota(quota.pk, connect=fake_cluster) == REPEAT_AFTER.total_seconds()
    quota.refresh_from_db()
    assert quota.apply_error.startswith("The cluster refused it: ")
    assert "resourcequotas is forbidden" in quota.apply_error


def test_a_quota_changed_while_it_is_written_is_written_next(
    limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    def somebody_raises_it(manifest: Manifest) -> None:
        if manifest["kind"] == "ResourceQuota" and manifest["spec"]["hard"] == {"pods": "3"}:
            limit(replicas=5)

    quota = limit(replicas=3)
    fake_cluster.before_apply = somebody_raises_it
    quota = keep(quota, fake_cluster)
    assert (hard(fake_cluster), quota.generation, quota.applied_generation) == ({"pods": "5"}, 2, 2)


def test_what_somebody_removed_is_put_back(limit: Callable[..., Quota], fake_cluster: FakeCluster) -> None:
    quota = keep(limit(replicas=3), fake_cluster)
    fake_cluster.objects.clear()
    assert find_unsettled().quotas == []
    Quota.objects.update(applied_at=timezone.now() - REPEAT_AFTER)
    assert find_unsettled().quotas == [quota.pk]
    keep(quota, fake_cluster)
    assert {QUOTA, RANGE} == set(fake_cluster.objects)


def test_a_rollout_at_the_limit_has_room_before_it_begins_and_none_after_it(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    at_rest()
    quota = keep(limit(replicas=2, cpu="1"), fake_cluster)
    assert hard(fake_cluster) == {"pods": "2", "requests.cpu": "1"}
    intent.update_deployment(deployment, {"version": "2.0"}, by=deployer)
    seen: list[dict[str, str]] = []

    def look(manifest: Manifest) -> None:
        if manifest["kind"] == "Deployment":
            seen.append(dict(hard(fake_cluster)))

    fake_cluster.before_apply = look
    reconcile_deployment(deployment.pk, connect=fake_cluster)
    # Old pods and new ones are both counted; of CPU there was enough for both.
    assert seen == [{"pods": "4", "requests.cpu": "1"}]
    at_rest()
    assert find_unsettled().quotas == [quota.pk]
    keep(quota, fake_cluster)
    assert hard(fake_cluster) == {"pods": "2", "requests.cpu": "1"}


def test_a_quota_lowered_below_what_runs_takes_nothing_away_and_lets_nothing_in(
    deployment: Deployment, limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    at_rest()
    keep(limit(replicas=1, deployments=0), fake_cluster)
    assert hard(fake_cluster) == {"pods": "2", "count/deployments.apps": "1"}


@pytest.mark.parametrize(
    ("act", "gone"),
    [
        (intent.pause, {"state": "paused", "applied_generation": 2}),
        (intent.delete, {"state": "deleted", "deleted_at": timezone.now()}),
    ],
    ids=["pause", "delete"],
)
def test_pods_on_their_way_out_are_counted_until_they_are_gone(
    deployment: Deployment,
    deployer: User,
    limit: Callable[..., Quota],
    fake_cluster: FakeCluster,
    act: Callable[..., object],
    gone: dict[str, Any],
) -> None:
    quota = limit(replicas=1)
    act(deployment, by=deployer)
    keep(quota, fake_cluster)
    assert hard(fake_cluster) == {"pods": "2"}
    Deployment.objects.update(**gone)
    keep(quota, fake_cluster)
    assert hard(fake_cluster) == {"pods": "1"}


def test_a_deployment_does_not_wait_for_a_quota_that_cannot_be_written(
    deployment: Deployment, limit: Callable[..., Quota], fake_cluster: FakeCluster
) -> None:
    quota = limit(replicas=2)
    fake_cluster.failures = [Forbidden("resourcequotas is forbidden", status=403)]
    assert reconcile_deployment(deployment.pk, connect=fake_cluster).word == "applied"
    quota.refresh_from_db()
    assert "resourcequotas is forbidden" in quota.apply_error
    assert quota.applied_generation == 0

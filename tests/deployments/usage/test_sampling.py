"""A minute of a cluster: who is sampled, what counts, and what is a gap."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.models import Cluster, Deployment, MinuteSample, Node, Series
from deployments.usage.sampling import RECENT, YOUNG, sample
from teams.models import Team
from tests.deployments.usage.conftest import MINUTE, NOW, MakePod


def taken(kind: str, key: object = "") -> MinuteSample:
    return MinuteSample.objects.get(series__kind=kind, series__key=str(key), at=MINUTE)


def test_each_deployment_team_node_and_the_cluster_get_a_sample(
    deployment: Deployment, make_pod: MakePod
) -> None:
    make_pod(deployment, cpu=100, used=30, gpu_request=1)
    make_pod(deployment, cpu=100, used=90)
    make_pod(None, cpu=700, used=400)
    assert sample(deployment.cluster_id, now=NOW)
    for found in (taken("deployment", deployment.pk), taken("team", deployment.team_id)):
        assert (found.minutes, found.used_minutes, found.pods) == (1, 1, 2)
        assert (found.cpu_requested, found.cpu_used, found.cpu_charged) == (200, 120, 200)
        assert (found.memory_requested, found.memory_used) == (200_000, 120_000)
        assert (found.gpu_requested, found.cpu_peak, found.pod_cpu_peak) == (1, 120, 90)
    for found in (taken("node", "node-1"), taken("cluster")):
        # What others hold counts, and so does what the node uses besides its pods.
        assert (found.pods, found.cpu_requested, found.cpu_used) == (3, 900, 1500)
        assert (found.cpu_charged, found.pod_cpu_peak) == (1500, 400)
    series = Series.objects.get(kind="team")
    assert (series.team_id, series.deployment_id) == (deployment.team_id, None)


def test_the_same_minute_again_changes_nothing(deployment: Deployment, make_pod: MakePod) -> None:
    make_pod(deployment)
    sample(deployment.cluster_id, now=NOW)
    before = list(MinuteSample.objects.order_by("series_id").values())
    make_pod(deployment)
    assert sample(deployment.cluster_id, now=NOW + timedelta(seconds=10))
    assert list(MinuteSample.objects.order_by("series_id").values()) == before


def test_a_cluster_that_was_not_heard_of_is_a_gap(seen: Cluster, deployment: Deployment) -> None:
    assert not sample(seen.pk, now=NOW + timedelta(seconds=13))
    Cluster.objects.filter(pk=seen.pk).update(state="unreachable")
    assert not sample(seen.pk, now=NOW)
    assert not MinuteSample.objects.exists()


def test_a_deployment_without_pods_uses_nothing_and_that_is_known(
    seen: Cluster, deployment: Deployment
) -> None:
    sample(seen.pk, now=NOW)
    found = taken("deployment", deployment.pk)
    assert (found.used_minutes, found.pods, found.cpu_requested, found.cpu_used) == (1, 0, 0, 0)
    assert (taken("team", deployment.team_id).used_minutes, found.pod_cpu_peak) == (1, None)


def test_a_team_that_has_only_a_namespace_is_sampled_and_one_without_is_not(
    seen: Cluster, team: Team
) -> None:
    Team.objects.create(name="elsewhere")
    sample(seen.pk, now=NOW)
    assert list(Series.objects.filter(kind="team").values_list("team__name", flat=True)) == ["pricing"]


@pytest.mark.parametrize("columns", [{"node": ""}, {"phase": "Succeeded"}, {"phase": "Failed"}])
def test_pods_that_are_on_no_node_or_have_ended_hold_nothing(
    deployment: Deployment, make_pod: MakePod, columns: dict[str, str]
) -> None:
    make_pod(deployment, **columns)
    sample(deployment.cluster_id, now=NOW)
    for found in (taken("deployment", deployment.pk), taken("cluster")):
        assert (found.pods, found.cpu_requested) == (0, 0)


def test_use_is_unknown_where_a_ready_pod_is_not_measured(deployment: Deployment, make_pod: MakePod) -> None:
    make_pod(deployment, cpu=100, used=500)
    make_pod(deployment, cpu=100, used=500, measured_ago=RECENT.total_seconds() + 1)
    sample(deployment.cluster_id, now=NOW)
    for found in (taken("deployment", deployment.pk), taken("team", deployment.team_id)):
        assert (found.minutes, found.used_minutes, found.cpu_used, found.cpu_peak) == (1, 0, 0, None)
        # Charged is what was requested; what a single pod used is known all the same.
        assert (found.cpu_charged, found.pod_cpu_peak) == (200, 500)


def test_a_new_pod_may_be_without_a_measurement_for_a_while(
    deployment: Deployment, make_pod: MakePod
) -> None:
    make_pod(deployment, used=50)
    make_pod(deployment, used=None, age=YOUNG.total_seconds() - 1)
    sample(deployment.cluster_id, now=NOW)
    found = taken("deployment", deployment.pk)
    assert (found.used_minutes, found.cpu_used) == (1, 50)


def test_new_pods_alone_are_not_taken_for_idle_ones(deployment: Deployment, make_pod: MakePod) -> None:
    make_pod(deployment, used=None, age=10)
    sample(deployment.cluster_id, now=NOW)
    assert taken("deployment", deployment.pk).used_minutes == 0


def test_a_pod_that_keeps_crashing_does_not_hide_what_the_others_use(
    deployment: Deployment, make_pod: MakePod
) -> None:
    make_pod(deployment, used=50)
    make_pod(deployment, used=None, ready=False)
    sample(deployment.cluster_id, now=NOW)
    assert taken("deployment", deployment.pk).used_minutes == 1


def test_a_team_is_charged_for_each_of_its_deployments(
    deployment: Deployment, make_pod: MakePod, deployer: object
) -> None:
    other = Deployment.objects.get(pk=deployment.pk)
    other.pk, other.name = None, "other"
    other.save()
    make_pod(deployment, cpu=100, used=300)
    make_pod(other, cpu=400, used=10)
    sample(deployment.cluster_id, now=NOW)
    charged = [taken("deployment", row.pk).cpu_charged for row in (deployment, other)]
    found = taken("team", deployment.team_id)
    # The one's spare request does not pay for what the other used beyond its own.
    assert (charged, found.cpu_charged, found.cpu_used) == ([300, 400], 700, 310)


def test_what_a_cluster_uses_is_unknown_where_a_ready_node_is_not_measured(
    seen: Cluster, deployment: Deployment
) -> None:
    second = Node.objects.create(cluster=seen, uid="m", name="node-2", ready=False, facts={})
    sample(seen.pk, now=NOW)
    assert (taken("cluster").used_minutes, taken("cluster").cpu_used) == (1, 1500)
    assert (taken("node", "node-2").minutes, taken("node", "node-2").used_minutes) == (1, 0)
    Node.objects.filter(pk=second.pk).update(ready=True)
    MinuteSample.objects.all().delete()
    sample(seen.pk, now=NOW)
    assert (taken("cluster").used_minutes, taken("cluster").cpu_used) == (0, 0)


def test_a_deleted_deployment_is_sampled_no_more_and_its_team_is(
    seen: Cluster, deployment: Deployment
) -> None:
    sample(seen.pk, now=NOW)
    Deployment.objects.update(deleted_at=NOW)
    sample(seen.pk, now=NOW + timedelta(seconds=10))
    MinuteSample.objects.all().delete()
    sample(seen.pk, now=NOW)
    assert set(MinuteSample.objects.values_list("series__kind", flat=True)) == {"team", "node", "cluster"}


def test_the_number_of_queries_does_not_grow(deployment: Deployment, make_pod: MakePod) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as told:
            sample(deployment.cluster_id, now=NOW)
        return len(told)

    few = queries()
    for number in range(30):
        deployment.pk, deployment.name = None, f"copy-{number}"
        deployment.save()
        make_pod(deployment)
    assert queries() == few <= 6

"""The status word people see, and that lists filter by."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent, selectors
from deployments.models import Cluster, ClusterState, Deployment

NOW = timezone.now()


def show(row: Deployment, **columns: object) -> dict[str, object]:
    Deployment.objects.filter(pk=row.pk).update(**columns)
    fresh = Deployment.objects.select_related("cluster", "team").get(pk=row.pk)
    status = selectors.present_status(fresh)
    found = selectors.with_shown_state(Deployment.objects.filter(pk=row.pk)).get()
    assert found.shown_state == status["state"]  # the list's word is the page's word
    [listed] = selectors.rows_of(Deployment.objects.filter(pk=row.pk))
    assert selectors.judge(listed) == selectors.judge(fresh)
    assert selectors.endpoint_of(listed) == selectors.endpoint_of(fresh)
    return status


def test_a_cluster_that_is_there_shows_what_was_judged(deployment: Deployment) -> None:
    status = show(deployment, state="running", applied_generation=1, message="2 of 2 replicas ready")
    assert (status["state"], status["stale"]) == ("running", False)


@pytest.mark.parametrize(
    "cluster_columns",
    [
        {"state": ClusterState.UNREACHABLE, "unreachable_since": NOW},
        {"seen_at": NOW - timedelta(seconds=60)},
        {"seen_at": None, "created_at": NOW - timedelta(seconds=60)},
    ],
)
def test_a_silent_cluster_makes_it_unknown(
    deployment: Deployment, cluster: Cluster, cluster_columns: dict[str, object]
) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(**cluster_columns)
    status = show(deployment, state="running", applied_generation=1)
    assert (status["state"], status["stale"]) == ("unknown", True)
    assert "last seen" in str(status["message"])


def test_what_never_got_there_waits(deployment: Deployment) -> None:
    Cluster.objects.update(state=ClusterState.UNREACHABLE, unreachable_since=NOW)
    status = show(deployment)
    assert (status["state"], status["stale"]) == ("pending", True)
    assert "Waiting for cluster local" in str(status["message"])


def test_history_is_never_stale(deployment: Deployment) -> None:
    Cluster.objects.update(state=ClusterState.UNREACHABLE, unreachable_since=NOW)
    assert show(deployment, state="deleted", deleted_at=NOW, applied_generation=1)["state"] == "deleted"


def test_the_address_is_the_node_port_of_the_cluster(deployment: Deployment) -> None:
    assert selectors.endpoint_of(deployment) is None
    deployment.node_port = 30001
    assert selectors.endpoint_of(deployment) == "http://127.0.0.1:30001"
    assert selectors.address_in_cluster(deployment) == "http://house-prices.pricing.svc:5001"


def test_rows_are_read_in_two_queries_however_many_there_are(
    deployment: Deployment, deployer: User, django_assert_num_queries: Any
) -> None:
    team, payload = deployment.team, {"model": "house", "version": "1.0"}
    for name in ("a", "b"):
        intent.create_deployment(team, {"name": name, **payload}, by=deployer)
    Deployment.objects.filter(name="b").update(created_by=None)
    with django_assert_num_queries(2):
        rows = selectors.rows_of(Deployment.objects.order_by("name")[:2])
        assert {row.cluster.name for row in rows} == {"local"}
    said = [(row.team_name, row.team_title, row.name, row.model, row.version) for row in rows]
    assert said == [(team.name, team.title, name, "house", "1.0") for name in ("a", "b")]
    assert [row.created_by for row in rows] == [deployer.username, ""]
    assert [selectors.judge(row)[0] for row in rows] == ["pending", "pending"]


def test_the_overview_asks_the_same_number_of_queries(
    deployment: Deployment, deployer: User, django_assert_max_num_queries: object
) -> None:
    for number in range(20):
        intent.create_deployment(
            deployment.team, {"name": f"d{number}", "model": "house", "version": "1.0"}, by=deployer
        )
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        found = selectors.overview(deployer)
    assert (found.total, found.counts["pending"], len(found.moving)) == (21, 21, 12)
    # Added up by the database: 2 of the fixture and 1 of each of the others.
    assert (found.ready_replicas, found.wanted_replicas) == (0, 22)


def test_the_overview_of_nothing_counts_nothing(deployer: User) -> None:
    found = selectors.overview(deployer)
    assert (found.total, found.ready_replicas, found.wanted_replicas) == (0, 0, 0)

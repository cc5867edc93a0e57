"""What clusters, nodes and teams hold, use and have free, and who sees whose names."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, Deployment, Namespace, Node, PodUsage
from deployments.selectors.usage.clusters import cluster_totals, cluster_usage
from deployments.selectors.usage.deployments import deployments_by_usage, usage_by_id
from deployments.selectors.usage.shapes import Amounts, ClusterUsage
from deployments.selectors.usage.shares import MOST_PIECES, shares_of
from k8s.quantities import bytes_
from teams.models import Membership, Team
from tests.deployments.held import a_node, a_pod

GIB = bytes_("1Gi")


@pytest.fixture
def make_house(team: Team, cluster: Cluster, deployer: User) -> Any:
    """Makes a deployment of the team."""

    def make(name: str) -> Deployment:
        payload = {"name": name, "image": "local/house:1.0"}
        return intent.create_deployment(team, payload, by=deployer).deployment

    return make


@pytest.fixture
def served(make_house: Any) -> Deployment:
    made: Deployment = make_house("house-prices")
    return made


@pytest.fixture
def fraud(cluster: Cluster) -> Team:
    """Another team in the same cluster."""
    team = Team.objects.create(name="fraud", title="Fraud")
    Namespace.objects.create(cluster=cluster, team=team, name="fraud")
    return team


@pytest.fixture
def theirs(fraud: Team) -> Deployment:
    lead = User.objects.create_user("their-lead")
    Membership.objects.create(team=fraud, user=lead, role="lead")
    payload = {"name": "card-risk", "image": "local/iris:1.0"}
    return intent.create_deployment(fraud, payload, by=lead).deployment


def seen_by(user: User) -> ClusterUsage:
    [seen] = cluster_usage(user)
    return seen


def test_requests_of_all_pods_on_nodes_count_whoever_owns_them(
    served: Deployment, theirs: Deployment, deployer: User
) -> None:
    a_node(served.cluster, "one", cpu="4", memory="8Gi", used=("1500m", "3Gi"))
    a_pod(served, "one", cpu="500m")
    a_pod(theirs, "one", cpu="1")
    a_pod(served.cluster, "one", cpu="100m", memory="64Mi")
    a_pod(served, "", cpu="2")
    a_pod(served, "one", cpu="2", phase="Succeeded")
    seen = seen_by(deployer)
    node = seen.nodes[0]
    assert (node.requested, node.pods) == (Amounts(1600, 2 * GIB + bytes_("64Mi")), 3)
    assert node.used == Amounts(1500, 3 * GIB)
    assert node.free == Amounts(2400, 6 * GIB - bytes_("64Mi"))
    assert node.capacity == Amounts(4500, 9 * GIB)
    assert seen.foreign == Amounts(100, bytes_("64Mi"))
    assert (seen.requested, seen.free, seen.used) == (node.requested, node.free, node.used)


def test_other_teams_are_one_total_without_a_name(
    served: Deployment, theirs: Deployment, deployer: User, admin: User
) -> None:
    a_node(served.cluster, "one")
    a_pod(served, "one", cpu="500m", used=("100m", "64Mi"))
    a_pod(theirs, "one", cpu="1", used=("700m", "64Mi"))
    own, others = seen_by(deployer).teams
    assert (own.name, own.requested.cpu, own.used and own.used.cpu) == ("pricing", 500, 100)
    assert (others.name, others.title, others.deployments) == ("", "", 1)
    assert (others.requested.cpu, others.used and others.used.cpu) == (1000, 700)
    assert {team.name for team in seen_by(admin).teams} == {"pricing", "fraud"}


def test_a_node_tells_whose_pods_fill_it_and_names_only_my_own(
    served: Deployment, theirs: Deployment, deployer: User, team: Team
) -> None:
    a_node(served.cluster, "one")
    a_pod(served, "one", cpu="500m")
    a_pod(theirs, "one", cpu="1")
    a_pod(served.cluster, "one", cpu="100m")
    seen = seen_by(deployer)
    shares = shares_of(seen.cluster, seen.nodes, [team])["one"]
    assert [(share.kind, share.deployment, share.requested.cpu) for share in shares] == [
        ("deployment", served.name, 500),
        ("others", "", 1000),
        ("foreign", "", 100),
    ]
    assert "card-risk" not in repr(shares) + repr(seen.teams)


def test_many_small_deployments_on_a_node_are_one_piece(
    make_house: Any, cluster: Cluster, deployer: User, team: Team
) -> None:
    a_node(cluster, "one", cpu="64", memory="512Gi")
    for number in range(MOST_PIECES + 3):
        a_pod(make_house(f"house-{number}"), "one", cpu="2" if number == 7 else "1")
    seen = seen_by(deployer)
    shares = shares_of(seen.cluster, seen.nodes, [team])["one"]
    assert shares[0].deployment == "house-7"
    assert (shares[-1].kind, shares[-1].pods) == ("rest", 3)
    assert sum(share.requested.cpu for share in shares) == seen.nodes[0].requested.cpu


def test_the_largest_slot_is_on_a_node_that_takes_pods(served: Deployment, deployer: User) -> None:
    a_node(served.cluster, "cordoned", cpu="64", unschedulable=True)
    a_node(served.cluster, "lost", cpu="64", ready=False)
    a_node(served.cluster, "small", cpu="2", memory="32Gi")
    a_node(served.cluster, "wide", cpu="8", memory="4Gi", gpu=2)
    a_pod(served, "wide", cpu="3", gpu=1)
    slot = seen_by(deployer).largest_free
    assert slot is not None
    assert (slot.cpu, slot.cpu_node, slot.memory_node, slot.gpu) == (5000, "wide", "small", 1)


def test_what_was_measured_long_ago_is_not_known_now(served: Deployment, deployer: User) -> None:
    a_node(served.cluster, "one", used=("1", "1Gi"))
    a_pod(served, "one", used=("1", "1Gi"))
    before = timezone.now() - timedelta(hours=1)
    Node.objects.update(used_at=before)
    PodUsage.objects.update(at=before)
    Cluster.objects.update(metrics_at=before)
    seen = seen_by(deployer)
    assert (seen.used, seen.nodes[0].used, seen.teams[0].used) == (None, None, None)
    assert seen.metrics_message == "Nothing was measured lately."


def test_without_a_metrics_server_it_says_so_and_shows_requests(served: Deployment, deployer: User) -> None:
    a_node(served.cluster, "one")
    a_pod(served, "one")
    Cluster.objects.update(metrics_message="This cluster has no metrics-server.")
    seen = seen_by(deployer)
    assert seen.metrics_message == "This cluster has no metrics-server."
    assert (seen.requested.cpu, seen.used) == (1000, None)


def test_a_stranger_sees_no_cluster(served: Deployment, stranger: User) -> None:
    assert cluster_usage(stranger) == []


def test_more_of_everything_costs_no_more_queries(
    make_house: Any, theirs: Deployment, cluster: Cluster, deployer: User, django_assert_num_queries: Any
) -> None:
    for number in range(6):
        a_node(cluster, f"node-{number}")
        a_pod(make_house(f"house-{number}"), f"node-{number}")
        a_pod(theirs, f"node-{number}")
    other = Cluster.objects.create(name="other", seen_at=timezone.now())
    a_node(other, "far")
    with django_assert_num_queries(2):
        assert len(cluster_totals([cluster, other])) == 2


def test_deployments_are_sorted_by_what_they_use(make_house: Any, cluster: Cluster, deployer: User) -> None:
    for name, cpu in (("little", "100m"), ("much", "900m"), ("nothing", None)):
        a_pod(make_house(name), "one", used=(cpu, "64Mi") if cpu else None, limit=("2", "1Gi"))
    ids = deployments_by_usage(deployer, "-cpu", cluster=cluster)
    rows = usage_by_id(ids)
    assert [row.deployment.name for row in rows] == ["much", "little", "nothing"]
    assert [row.used and row.used.cpu for row in rows] == [900, 100, None]
    assert rows[0].limits == Amounts(2000, GIB)
    assert deployments_by_usage(deployer, "cpu", cluster=cluster) == ids[::-1]


def test_nobody_sorts_others_deployments(
    served: Deployment, theirs: Deployment, deployer: User, stranger: User
) -> None:
    assert deployments_by_usage(deployer, "name") == [served.pk]
    assert deployments_by_usage(stranger, "-cost") == []

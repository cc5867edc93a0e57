"""A team's namespace is closed to others by a NetworkPolicy, and opened again."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import clients, intent
from deployments.errors import InvalidInput, PermissionDenied
from deployments.models import Cluster, Namespace
from deployments.reconcile import find_unsettled, reconcile_isolation
from deployments.sealing import ensure_sealing_key
from k8s.cluster import Ref
from k8s.errors import NotFound
from teams.models import AuditEntry, Team
from tests.deployments.fake_cluster import FakeCluster
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db
POLICY = ("NetworkPolicy", "pricing", "timoneiro")


@pytest.fixture
def space(team: Team, cluster: Cluster) -> Namespace:
    Cluster.objects.update(credentials="sealed")
    return Namespace.objects.get(team=team)


def isolate(space: Namespace, by: User, **payload: Any) -> Namespace:
    return intent.isolate_namespace(space, payload, by=by)


def test_it_is_closed_changed_and_opened_again(
    space: Namespace, admin: User, fake_cluster: FakeCluster
) -> None:
    isolate(space, admin, isolated=True, ingress_from=["ingress-nginx", "team=platform", "10.0.0.0/24"])
    assert find_unsettled().isolations == [space.pk]
    assert reconcile_isolation(space.pk, connect=fake_cluster) is None
    spec = fake_cluster.objects[POLICY]["spec"]
    assert (spec["podSelector"], spec["policyTypes"]) == ({}, ["Ingress"])
    assert spec["ingress"][0]["from"] == [
        {"podSelector": {}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}},
        {"namespaceSelector": {"matchLabels": {"team": "platform"}}},
        {"ipBlock": {"cidr": "10.0.0.0/24"}},
    ]
    assert find_unsettled().isolations == []
    isolate(space, admin, ingress_from=[])
    assert reconcile_isolation(space.pk, connect=fake_cluster) is None
    assert fake_cluster.objects[POLICY]["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    isolate(space, admin, isolated=False)
    assert reconcile_isolation(space.pk, connect=fake_cluster) is None
    assert POLICY not in fake_cluster.objects
    assert find_unsettled().isolations == []
    entries = AuditEntry.objects.filter(action="isolate namespace").order_by("id")
    assert [(entry.target, entry.team) for entry in entries] == [("local/pricing", "pricing")] * 3
    assert (entries[2].before, entries[2].after) == ({"isolated": True}, {"isolated": False})


def test_what_others_changed_is_put_back_after_a_while(
    space: Namespace, admin: User, fake_cluster: FakeCluster
) -> None:
    isolate(space, admin, isolated=True)
    reconcile_isolation(space.pk, connect=fake_cluster)
    fake_cluster.objects.pop(POLICY)
    Namespace.objects.update(applied_at=timezone.now() - timedelta(minutes=6))
    assert find_unsettled().isolations == [space.pk]
    reconcile_isolation(space.pk, connect=fake_cluster)
    assert POLICY in fake_cluster.objects


def test_a_policy_of_others_is_not_taken_over(
    space: Namespace, admin: User, fake_cluster: FakeCluster
) -> None:
    theirs = {"metadata": {"name": "timoneiro", "namespace": "pricing"}, "spec": {"theirs": True}}
    fake_cluster.objects[POLICY] = theirs
    isolate(space, admin, isolated=True)
    wait = reconcile_isolation(space.pk, connect=fake_cluster)
    space.refresh_from_db()
    assert wait is not None
    assert "not managed by Timoneiro" in space.apply_error
    assert find_unsettled().isolations == []
    isolate(space, admin, isolated=False)
    reconcile_isolation(space.pk, connect=fake_cluster)
    space.refresh_from_db()
    assert (fake_cluster.objects[POLICY], space.apply_error) == (theirs, "")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"isolated": "yes"}, "isolated"),
        ({"ingress_from": "monitoring"}, "ingress_from"),
        ({"ingress_from": ["a"] * 21}, "ingress_from"),
        ({"ingress_from": ["monitoring", "Not_A_Name"]}, "ingress_from[1]"),
        ({"ingress_from": ["10.0.0.0/99"]}, "ingress_from[0]"),
        ({"ingress_from": ["10.0.0.1/8"]}, "ingress_from[0]"),
        ({"ingress_from": ["a b=c"]}, "ingress_from[0]"),
        ({"ingress_from": ["team=a b"]}, "ingress_from[0]"),
        ({"ingress_from": [7]}, "ingress_from[0]"),
        ({"namespace": "kube-system"}, "namespace"),
        ({"pods": {}}, "pods"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    space: Namespace, admin: User, payload: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        isolate(space, admin, **payload)
    assert [error.field for error in refused.value.errors] == [field]


def test_leads_do_not_decide_it(space: Namespace, lead: User) -> None:
    with pytest.raises(PermissionDenied):
        isolate(space, lead, isolated=True)
    assert AuditEntry.objects.get(allowed=False).action == "isolate namespace"


def test_a_real_server_takes_it_into_a_namespace_that_is_made_for_it(
    team: Team, admin: User, local_cluster: ClusterServer
) -> None:
    ensure_sealing_key()
    text = local_cluster.kubeconfig.read_text()
    cluster = intent.connect_cluster({"name": "real", "kubeconfig": text}, by=admin)
    space = intent.give_namespace(cluster, {"team": team.name, "namespace": "closed"}, by=admin)
    isolate(space, admin, isolated=True, ingress_from=["10.0.0.0/24"])
    assert reconcile_isolation(space.pk) is None
    real, where = clients.client_of(cluster), Ref("NetworkPolicy", "closed", "timoneiro")
    assert real.get(where)["spec"]["ingress"][0]["from"][1] == {"ipBlock": {"cidr": "10.0.0.0/24"}}
    made = real.get(Ref("Namespace", "", "closed"))
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    isolate(space, admin, isolated=False)
    assert reconcile_isolation(space.pk) is None
    with pytest.raises(NotFound):
        real.get(where)
    real.delete(Ref("Namespace", "", "closed"))

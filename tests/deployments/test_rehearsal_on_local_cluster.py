"""A rehearsal on a real cluster: what it would refuse is told, and nothing of it is there afterwards."""

import msgspec
import pytest
from django.contrib.auth.models import User

from deployments import clients, intent, rehearsing
from deployments.models import Cluster
from deployments.rehearsal import Quota, Rehearsal
from k8s import manifests
from k8s.cluster import Manifest, Ref
from teams.models import Team
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "rehearsed"


def rehearsed(draft: intent.Draft) -> Rehearsal:
    wish = msgspec.to_builtins(draft.wish)
    found = rehearsing.rehearse(draft.row.cluster_id, wish=wish, is_new=True)
    return msgspec.convert(found, Rehearsal)


def space_of(team: Team) -> str:
    return str(team.namespaces.get().name)


def apply(manifest: Manifest) -> None:
    clients.client_of(Cluster.objects.get()).apply(manifest)


def test_the_cluster_is_asked_and_left_as_it_was(installed: Team, local_cluster: ClusterServer) -> None:
    cluster, space = clients.client_of(Cluster.objects.get()), space_of(installed)
    cluster.apply(manifests.namespace(space, installed.name))
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": NAME, "namespace": space}}
    apply({**quota, "spec": {"hard": {"requests.cpu": "900"}}})
    taken = {"name": "taken", "namespace": space}
    ports = [{"name": "http", "port": 80, "nodePort": 31987}]
    apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": taken,
            "spec": {"type": "NodePort", "ports": ports, "selector": {"app": "taken"}},
        }
    )
    try:
        by = User.objects.get(username="deployer")
        payload = {
            "name": NAME,
            "model": "house",
            "version": "1.0",
            "env": [{"name": "API_KEY", "secret": True, "value": "correct-horse-battery"}],
            "autoscaling": {"min_replicas": 2, "max_replicas": 3, "target_cpu_percent": 70},
        }
        good = rehearsed(intent.draft(installed, payload, by=by))
        assert good.refusals == ()
        kinds = {"Secret", "Service", "Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
        assert set(good.tried) == kinds
        assert [(one.name, one.hard) for one in good.quotas or ()] == [(NAME, {"requests.cpu": "900"})]
        assert isinstance((good.quotas or ())[0], Quota)

        service = {"type": "NodePort", "node_port": 31987}
        bad = rehearsed(intent.draft(installed, {**payload, "service": service}, by=by))
        assert [refusal.kind for refusal in bad.refusals] == ["Service"]
        assert "31987" in bad.refusals[0].message
        left = [
            found["metadata"]["name"]
            for kind in kinds
            for found in cluster.list(kind, space)
            if found["metadata"]["name"].startswith(NAME)
        ]
        assert left == []
    finally:
        cluster.delete(Ref("Service", space, "taken"))
        cluster.delete(Ref("ResourceQuota", space, NAME))

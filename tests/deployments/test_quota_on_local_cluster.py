"""A team at its limit, on a real cluster: refused here, refused there, and still able to roll out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments import clients, intent, selectors
from deployments.models import Deployment, Namespace, Operation, Quota
from k8s.cluster import Ref
from teams.models import Team
from teams.roles import Scope
from teams.tokens import create_token
from tests.deployments.installed import wait_for
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db(transaction=True)

SPACE = "at-the-limit"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# As people write one who know nothing of quotas: it states no requests.
BY_HAND: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "by-hand"},
    "spec": {"containers": [{"name": "c", "image": "local/house:1.0", "securityContext": RESTRICTED}]},
}


class Kubectl:
    """The kubectl of the wheel, in the team's namespace, as somebody with the cluster's own rights."""

    def __init__(self, kubeconfig: Path) -> None:
        kubectl = str(Path(sys.executable).with_name("kubectl"))
        self._command = (kubectl, "--kubeconfig", str(kubeconfig), "--namespace", SPACE)

    def __call__(self, *arguments: str, text: str = "", fails: bool = False) -> str:
        done = subprocess.run(
            [*self._command, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout


@pytest.fixture
def kubectl(installed: Team, local_cluster: ClusterServer) -> Iterator[Kubectl]:
    """Also gives the team a namespace of this test's own."""
    Namespace.objects.filter(team=installed).update(name=SPACE)
    run = Kubectl(local_cluster.kubeconfig)
    yield run
    run("delete", "namespace", SPACE, "--wait=false", "--ignore-not-found")


def hard(row: Deployment) -> dict[str, str]:
    found = clients.client_of(row.cluster).get(Ref("ResourceQuota", SPACE, "timoneiro"))
    limits: dict[str, str] = found["spec"]["hard"]
    return limits


def running(row: Deployment) -> bool:
    row.refresh_from_db()
    return row.state == "running"


def settled(row: Deployment) -> bool:
    quota = Quota.objects.get()
    return running(row) and quota.applied_hard == {"pods": "2", "requests.cpu": "200m"}


@pytest.mark.timeout(180)
def test_over_quota_is_refused_here_before_kubernetes_and_by_kubernetes_from_whoever_comes_past_us(
    installed: Team, observer: None, kubectl: Kubectl
) -> None:
    deployer, lead = (User.objects.get(username=name) for name in ("deployer", "lead"))
    payload = {"name": "full", "image": "local/house:1.0", "replicas": 2}
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    intent.set_quota(installed, row.cluster, {"replicas": {"limit": 2}, "cpu": {"limit": "200m"}}, by=lead)
    wait_for(lambda: settled(row))
    assert hard(row) == {"pods": "2", "requests.cpu": "200m"}
    generation = row.generation

    refused_by_page_and_rest(row, deployer)
    row.refresh_from_db()
    assert (row.replicas, row.generation) == (2, generation)
    assert kubectl("get", "deployment", "full", "-o", "jsonpath={.spec.replicas}") == "2"

    told = kubectl("create", "-f", "-", text=json.dumps(BY_HAND), fails=True)
    assert "(Forbidden)" in told
    assert "exceeded quota: timoneiro, requested: pods=1,requests.cpu=100m" in told
    assert "limited: pods=2,requests.cpu=200m" in told

    # Two old pods and two new ones have to be there together: nothing is unavailable meanwhile.
    rollout = intent.update_deployment(row, {"version": "2.0"}, by=deployer)
    wait_for(lambda: Operation.objects.get(pk=rollout.pk).state == "succeeded", seconds=60)
    images = kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}").split()
    assert "local/house:2.0" in images
    # Kubernetes never had to refuse a pod of ours on the way.
    assert not selectors.events_of(row).filter(reason="FailedCreate").exists()
    wait_for(lambda: settled(row))
    assert "exceeded quota" in kubectl("create", "-f", "-", text=json.dumps(BY_HAND), fails=True)

    # Within the quota, a pod made by hand gets the requests that it leaves out.
    intent.scale(row, 1, by=deployer)
    wait_for(lambda: settled(row) and row.ready_replicas == 1 and selectors.pods_of(row).count() == 1)
    kubectl("create", "-f", "-", text=json.dumps(BY_HAND))
    requests = "jsonpath={.spec.containers[0].resources.requests.cpu}"
    assert kubectl("get", "pod", "by-hand", "-o", requests) == "100m"


def refused_by_page_and_rest(row: Deployment, deployer: User) -> None:
    browser = Client()
    browser.force_login(deployer)
    page = browser.post(reverse("deployment-scale", args=["pricing", row.name]), {"replicas": "3"})
    assert page.status_code == 422
    assert "0 replicas left, and this needs 1 replica more" in page.content.decode()
    token, _ = create_token(deployer, "test", [Scope.DEPLOY])
    program = Client(headers={"Authorization": f"Bearer {token}"})
    answer = program.post(
        f"/api/v1/teams/pricing/deployments/{row.name}/scale/", {"replicas": 3}, "application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "quota_exceeded")
    assert {error["field"] for error in answer.json()["errors"]} == {"replicas"}

"""What guards a namespace, with controllers at work: quotas, pod security, disruption budgets, deletion."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from k8s.local.controllers import NodeSpec
from k8s.local.store import Object
from tests.k8s.local.api_kit import DEPLOYMENTS, MERGE, PODS
from tests.k8s.local.kit import a_deployment, until
from tests.k8s.local.whole_kit import Whole, whole_cluster

NAMESPACES = "/api/v1/namespaces"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
#: Pods here run without a process.
HOLLOW = (NodeSpec("hollow", cpu="64", memory="64Gi", hollow=True),)


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole_cluster(tmp_path, nodes=HOLLOW) as running:
        yield running


def status(whole: Whole, kind: str, name: str, namespace: str = "default") -> Object:
    found: Object = whole.cluster.store.get(kind, namespace, name).get("status", {})
    return found


async def evict(whole: Whole, name: str) -> int:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return (await whole.http.post(f"{PODS}/{name}/eviction", json=body)).status_code


def budget(**spec: object) -> Object:
    return {"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"app": "house"}}, **spec}}


# Quotas and levels


async def test_a_quota_tells_what_is_used_as_pods_come_and_go(whole: Whole) -> None:
    hard = {"pods": "3", "limits.memory": "3Gi", "count/deployments.apps": "1"}
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard}}
    await whole.create(f"{NAMESPACES}/default/resourcequotas", quota)
    await whole.create(DEPLOYMENTS, a_deployment(resources={"limits": {"memory": "1Gi"}}))
    await until(lambda: status(whole, "resourcequotas", "q").get("used", {}).get("pods") == "2")
    assert status(whole, "resourcequotas", "q") == {
        "hard": hard,
        "used": {"pods": "2", "limits.memory": "2Gi", "count/deployments.apps": "1"},
    }
    told = await whole.kubectl("describe", "quota", "q")
    assert "limits.memory           2Gi   3Gi" in told
    await whole.kubectl("scale", "deploy/house", "--replicas=0")
    await until(lambda: status(whole, "resourcequotas", "q")["used"]["pods"] == "0")
    assert status(whole, "resourcequotas", "q")["used"]["limits.memory"] == "0"


async def test_a_deployment_that_reaches_the_quota_says_so_and_grows_when_it_may(whole: Whole) -> None:
    quotas = f"{NAMESPACES}/default/resourcequotas"
    await whole.create(quotas, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}})
    await whole.create(DEPLOYMENTS, a_deployment(replicas=3))

    def refusal() -> str:
        conditions = status(whole, "deployments.apps", "house").get("conditions", ())
        return next((each["message"] for each in conditions if each["type"] == "ReplicaFailure"), "")

    told = await until(refusal)
    assert "is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" in told
    await whole.http.patch(f"{quotas}/q", content='{"spec":{"hard":{"pods":"9"}}}', headers=MERGE)
    await until(lambda: status(whole, "deployments.apps", "house").get("readyReplicas") == 3)
    assert refusal() == ""


async def test_kubectl_shows_what_pod_security_warns_of_and_refuses(whole: Whole) -> None:
    await whole.kubectl("create", "namespace", "safe")
    enforce = "pod-security.kubernetes.io/enforce=restricted"
    await whole.kubectl("label", "namespace", "safe", enforce)
    obj = {**a_deployment(replicas=1), "kind": "Deployment", "apiVersion": "apps/v1"}
    del obj["metadata"]["namespace"]
    await whole.kubectl("-n", "safe", "apply", "-f-", text=json.dumps(obj))

    def refusals() -> list[str]:
        events = whole.cluster.store.list("events", "safe")
        return [event["message"] for event in events if event["reason"] == "FailedCreate"]

    (told, *_) = await until(refusals)
    assert 'is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation' in told
    said = await whole.kubectl("-n", "safe", "run", "p", "--image=local/house:1.0", fails=True)
    assert said.startswith('Error from server (Forbidden): pods "p" is forbidden: violates PodSecurity')


# Disruption budgets


async def test_a_budget_lets_a_pod_go_when_enough_others_are_healthy(whole: Whole) -> None:
    await whole.create(DEPLOYMENTS, a_deployment(replicas=3))
    await whole.create(BUDGETS, budget(minAvailable=3))
    await until(lambda: status(whole, "poddisruptionbudgets.policy", "b")["currentHealthy"] == 3)
    found = status(whole, "poddisruptionbudgets.policy", "b")
    (condition,) = found.pop("conditions")
    assert found == {
        "observedGeneration": 1,
        "disruptionsAllowed": 0,
        "currentHealthy": 3,
        "desiredHealthy": 3,
        "expectedPods": 3,
    }
    assert (condition["type"], condition["reason"]) == ("DisruptionAllowed", "InsufficientPods")
    name = whole.cluster.store.list("pods", "default")[0]["metadata"]["name"]
    assert await evict(whole, name) == 429
    await whole.kubectl("scale", "deploy/house", "--replicas=4")
    await until(lambda: status(whole, "poddisruptionbudgets.policy", "b")["disruptionsAllowed"] == 1)
    (condition,) = status(whole, "poddisruptionbudgets.policy", "b")["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "SufficientPods")
    assert await evict(whole, name) == 201
    await until(lambda: whole.cluster.store.find("pods", "default", name) is None)


@pytest.mark.parametrize(
    ("spec", "needed"),
    [({"maxUnavailable": 1}, 3), ({"maxUnavailable": "50%"}, 2), ({"minAvailable": "60%"}, 3)],
)
async def test_a_budget_counts_by_what_the_deployment_wants(whole: Whole, spec: Object, needed: int) -> None:
    await whole.create(DEPLOYMENTS, a_deployment(replicas=4))
    await whole.create(BUDGETS, budget(**spec))
    await until(lambda: status(whole, "poddisruptionbudgets.policy", "b")["currentHealthy"] == 4)
    found = status(whole, "poddisruptionbudgets.policy", "b")
    assert (found["expectedPods"], found["desiredHealthy"]) == (4, needed)
    assert found["disruptionsAllowed"] == 4 - needed


async def test_kubectl_drains_a_node_within_the_budget(tmp_path: Path) -> None:
    two = [NodeSpec(name, cpu="64", memory="64Gi", hollow=True) for name in ("one", "two")]
    async with whole_cluster(tmp_path, nodes=two) as whole:
        await whole.create(DEPLOYMENTS, a_deployment(replicas=4))
        await whole.create(BUDGETS, budget(maxUnavailable=1))
        await until(lambda: status(whole, "deployments.apps", "house").get("readyReplicas") == 4)
        healthy = [4]
        whole.cluster.store.listeners.append(
            lambda change: (
                healthy.append(change.object["status"]["currentHealthy"])
                if change.key[0] == "poddisruptionbudgets.policy"
                else None
            )
        )
        await whole.kubectl("drain", "one", "--timeout=25s")
        nodes = {pod["spec"]["nodeName"] for pod in (await whole.get(PODS))["items"]}
        assert nodes <= {"two"}
        assert min(healthy) >= 3


async def test_a_pod_with_two_budgets_cannot_be_evicted(whole: Whole) -> None:
    await whole.create(DEPLOYMENTS, a_deployment(replicas=1))
    for name in ("one", "two"):
        await whole.create(BUDGETS, {**budget(maxUnavailable=1), "metadata": {"name": name}})
    await until(lambda: status(whole, "deployments.apps", "house").get("readyReplicas") == 1)
    assert await evict(whole, whole.cluster.store.list("pods", "default")[0]["metadata"]["name"]) == 500


# Namespaces


async def test_a_namespace_that_something_holds_shows_as_terminating_until_let_go(whole: Whole) -> None:
    await whole.kubectl("create", "namespace", "held")
    held = {"metadata": {"name": "c", "finalizers": ["example.com/hold"]}}
    await whole.create(f"{NAMESPACES}/held/configmaps", held)
    await whole.kubectl("delete", "namespace", "held", "--wait=false")
    assert (await whole.kubectl("get", "namespace", "held")).splitlines()[1].split()[1] == "Terminating"
    said = await whole.kubectl("-n", "held", "create", "configmap", "late", fails=True)
    assert "is forbidden: unable to create new content in namespace held because it is being" in said
    await until(lambda: status(whole, "namespaces", "held", "").get("conditions"))
    patch = '{"metadata":{"finalizers":null}}'
    await whole.kubectl("-n", "held", "patch", "configmap", "c", "--type=merge", "-p", patch)
    await until(lambda: whole.cluster.store.find("namespaces", "", "held") is None)
    await whole.kubectl("create", "namespace", "held")


async def test_names_are_generated_for_what_is_created_without_one(whole: Whole) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "run-"}})
    names = {await whole.kubectl("create", "-f-", "-o", "name", text=text) for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("configmap/run-") for name in names)
    refused = await whole.http.post(
        f"{NAMESPACES}/default/configmaps", json={"metadata": {"generateName": "No_"}}
    )
    assert refused.status_code == 422
    fields = [each["field"] for each in refused.json()["details"]["causes"]]
    assert fields == ["metadata.generateName", "metadata.name"]

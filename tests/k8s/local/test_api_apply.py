"""Server-side apply: who owns what, what a conflict is, and what leaving a field out means."""

from __future__ import annotations

from typing import Any

from k8s.local.store import Object
from tests.k8s.local.api_kit import CONFIG_MAPS, DEPLOYMENTS, MERGE, PODS, Api, a_deployment

WEB = f"{DEPLOYMENTS}/d"


def applied(data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def with_env(**variables: str) -> Object:
    obj = a_deployment()
    env = [{"name": name, "value": value} for name, value in variables.items()]
    obj["spec"]["template"]["spec"]["containers"][0]["env"] = env
    return obj


def env_of(deployment: Any) -> dict[str, str]:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each["value"] for each in container.get("env", [])}


async def test_a_field_that_is_no_longer_applied_is_removed(api: Api) -> None:
    await api.apply(f"{CONFIG_MAPS}/a", applied({"x": "1", "y": "2"}), "one")
    found = await api.apply(f"{CONFIG_MAPS}/a", applied({"x": "1"}), "one")
    assert found.json()["data"] == {"x": "1"}


async def test_a_part_that_is_no_longer_applied_is_removed_by_the_write_and_not_before(api: Api) -> None:
    first = await api.apply(f"{CONFIG_MAPS}/a", applied({"x": "1"}), "one")
    without = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    await api.apply(f"{CONFIG_MAPS}/a", without, "one", dryRun="All")
    assert (await api.get(f"{CONFIG_MAPS}/a"))["data"] == {"x": "1"}
    found = await api.apply(f"{CONFIG_MAPS}/a", without, "one")
    assert not found.json().get("data")
    assert found.json()["metadata"]["resourceVersion"] != first.json()["metadata"]["resourceVersion"]


async def test_a_field_that_somebody_else_owns_too_stays(api: Api) -> None:
    await api.apply(f"{CONFIG_MAPS}/a", applied({"x": "1", "y": "2"}), "one")
    await api.apply(f"{CONFIG_MAPS}/a", applied({"y": "2"}), "two")
    found = await api.apply(f"{CONFIG_MAPS}/a", applied({"x": "1"}), "one")
    assert found.json()["data"] == {"x": "1", "y": "2"}


async def test_items_of_a_keyed_list_have_owners_of_their_own(api: Api) -> None:
    await api.apply(WEB, with_env(A="1", B="2"), "one")
    await api.apply(WEB, with_env(C="3"), "two")
    found = await api.apply(WEB, with_env(A="1"), "one")
    assert env_of(found.json()) == {"A": "1", "C": "3"}


async def test_applying_the_same_again_changes_nothing(api: Api) -> None:
    once = await api.apply(WEB, a_deployment(), "one")
    again = await api.apply(WEB, a_deployment(), "one")
    assert again.status_code == 200
    assert again.json() == once.json()


async def test_a_scaler_owns_the_replicas_that_it_set(api: Api) -> None:
    await api.apply(WEB, a_deployment(), "one")
    await api.http.patch(f"{WEB}/scale", json={"spec": {"replicas": 4}}, headers=MERGE)
    refused = await api.apply(WEB, a_deployment(replicas=1), "one")
    assert refused.status_code == 409
    cause = refused.json()["details"]["causes"][0]
    assert cause["field"] == ".spec.replicas"
    assert cause["message"] == 'conflict with "tests" with subresource "scale" using apps/v1'
    left_out = a_deployment()
    del left_out["spec"]["replicas"]
    found = await api.apply(WEB, left_out, "one")
    assert found.json()["spec"]["replicas"] == 4


async def test_force_takes_a_field_over(api: Api) -> None:
    await api.apply(WEB, a_deployment(replicas=1), "one")
    found = await api.apply(WEB, a_deployment(replicas=2), "two", force="true")
    assert found.json()["spec"]["replicas"] == 2
    refused = await api.apply(WEB, a_deployment(replicas=1), "one")
    assert 'conflict with "two"' in refused.json()["message"]


async def test_a_put_takes_the_fields_that_it_changes(api: Api) -> None:
    live = (await api.apply(WEB, a_deployment(replicas=1), "one")).json()
    live["spec"]["replicas"] = 3
    await api.http.put(WEB, json=live, params={"fieldManager": "editor"})
    refused = await api.apply(WEB, a_deployment(replicas=1), "one")
    assert 'conflict with "editor" using apps/v1: .spec.replicas' in refused.json()["message"]


async def test_a_put_by_a_client_that_knows_no_managed_fields_changes_nothing_by_itself(api: Api) -> None:
    live = (await api.apply(WEB, a_deployment(), "one")).json()
    bare = {**live, "metadata": {k: v for k, v in live["metadata"].items() if k != "managedFields"}}
    assert (await api.http.put(WEB, json=bare)).json() == live


async def test_status_written_by_a_controller_does_not_conflict_and_is_kept(api: Api) -> None:
    await api.apply(WEB, a_deployment(), "one")
    api.cluster.registry.update(
        "deployments.apps",
        "default",
        "d",
        lambda obj: obj["status"].update(replicas=1),
        manager="kube-controller-manager",
        subresource="status",
    )
    found = (await api.apply(WEB, a_deployment(minReadySeconds=5), "one")).json()
    assert found["status"] == {"replicas": 1}
    owners = {(each["manager"], each.get("subresource", "")) for each in found["metadata"]["managedFields"]}
    assert owners == {("one", ""), ("kube-controller-manager", "status")}


async def test_a_dry_run_says_what_would_be_and_stores_nothing(api: Api) -> None:
    created = await api.apply(WEB, a_deployment(), "one", dryRun="All")
    assert created.status_code == 201
    assert (await api.http.get(WEB)).status_code == 404
    await api.apply(WEB, a_deployment(), "one")
    tried = await api.apply(WEB, a_deployment(replicas=7), "one", dryRun="All")
    assert (tried.json()["spec"]["replicas"], tried.json()["metadata"]["generation"]) == (7, 2)
    assert (await api.get(WEB))["spec"]["replicas"] == 0
    pod = {"metadata": {"generateName": "p-"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    await api.create(PODS, pod, dryRun="All")
    assert (await api.get(PODS))["items"] == []


async def test_an_object_made_by_a_create_is_first_owned_as_a_whole(api: Api) -> None:
    await api.create(DEPLOYMENTS, a_deployment(replicas=2), fieldManager="kubectl-create")
    refused = await api.apply(WEB, a_deployment(replicas=3), "one")
    assert 'conflict with "kubectl-create" using apps/v1: .spec.replicas' in refused.json()["message"]
    agreed = await api.apply(WEB, a_deployment(replicas=2), "one")
    assert agreed.status_code == 200

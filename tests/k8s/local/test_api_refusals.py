"""Refusals read as those of a real cluster: each sample is one exchange recorded from Kubernetes 1.36."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.local.api_kit import Api, a_config_map, a_deployment, a_pod

SAMPLES = Path(__file__).with_name("samples")
#: Sample -> what must be there before. Everything happens in the namespace "err".
STALE = ("conflict_stale_rv", "conflict_uid_precondition", "already_exists")
DEPLOYED = (
    "bad_json_patch",
    "immutable_selector",
    "scale_negative",
    "ssa_no_fieldmanager",
    "unsupported_media",
)
ALONE = (
    "bad_field_selector",
    "bad_label_selector",
    "bad_quantity",
    "bad_type",
    "invalid_deploy_selector_mismatch",
    "invalid_name",
    "invalid_pod",
    "malformed_json",
    "notfound",
    "strict_unknown_field",
    "unknown_path",
    "endpoints_deprecated_warning",
)
CONTENT_TYPES = {
    "bad_json_patch": "application/json-patch+json",
    "immutable_selector": "application/merge-patch+json",
    "scale_negative": "application/merge-patch+json",
    "ssa_no_fieldmanager": "application/apply-patch+yaml",
    "ssa_conflict": "application/apply-patch+yaml",
    "unsupported_media": "text/plain",
}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


async def replay(api: Api, name: str) -> tuple[Any, Any]:
    """Send the recorded request; what came back and what was recorded."""
    recorded = sample(name)
    method, path, body = recorded["request"]
    content = body if isinstance(body, str) else json.dumps(body) if body is not None else None
    media = CONTENT_TYPES.get(name, "application/json")
    response = await api.http.request(method, path, content=content, headers={"Content-Type": media})
    assert response.status_code == recorded["status"], response.text
    for key in ("Warning", "Retry-After"):
        assert response.headers.get(key) == recorded["headers"].get(key)
    is_json = response.headers["Content-Type"].startswith("application/json")
    return (response.json() if is_json else response.text), recorded["body"]


def without_versions(body: Any) -> str:
    """The body with what differs from run to run blotted out."""
    text = json.dumps(body, sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)
    return re.sub(r'("resourceVersion": "|current: )\d+', r"\1N", text)


async def in_err(api: Api, *paths_and_objects: tuple[str, dict[str, Any]]) -> None:
    await api.create("/api/v1/namespaces", {"metadata": {"name": "err"}})
    for path, obj in paths_and_objects:
        await api.create(path, obj)


@pytest.mark.parametrize("name", ALONE)
async def test_a_refusal_reads_as_on_a_real_cluster(api: Api, name: str) -> None:
    await in_err(api)
    found, recorded = await replay(api, name)
    assert without_versions(found) == without_versions(recorded)


@pytest.mark.parametrize("name", STALE)
async def test_a_conflict_reads_as_on_a_real_cluster(api: Api, name: str) -> None:
    await in_err(api, ("/api/v1/namespaces/err/configmaps", a_config_map("a")))
    if name == "conflict_stale_rv":
        recorded = sample(name)
        method, path, body = recorded["request"]
        live = await api.get(path)
        stale = {**body, "metadata": {**live["metadata"], "resourceVersion": "1"}}
        response = await api.http.request(method, path, json=stale)
        assert (response.status_code, response.json()) == (recorded["status"], recorded["body"])
        return
    found, recorded = await replay(api, name)
    assert without_versions(found) == without_versions(recorded)


@pytest.mark.parametrize("name", DEPLOYED)
async def test_a_refused_change_of_a_deployment_reads_as_on_a_real_cluster(api: Api, name: str) -> None:
    await in_err(api, ("/apis/apps/v1/namespaces/err/deployments", a_deployment()))
    found, recorded = await replay(api, name)
    assert without_versions(found) == without_versions(recorded)


async def test_an_apply_conflict_names_the_owner_and_each_field(api: Api) -> None:
    await in_err(api)
    created = await api.apply("/apis/apps/v1/namespaces/err/deployments/d", a_deployment(), "one")
    assert created.status_code == 201
    found, recorded = await replay(api, "ssa_conflict")
    assert found == recorded


async def test_an_applied_object_is_completed_and_owned_as_on_a_real_cluster(api: Api) -> None:
    await in_err(api)
    recorded = sample("ssa_create")
    _, path, body = recorded["request"]
    created = (await api.apply(path.partition("?")[0], json.loads(body), "one")).json()
    wanted = recorded["body"]
    assert created["spec"] == wanted["spec"]
    assert (
        created["metadata"]["managedFields"][0]["fieldsV1"]
        == wanted["metadata"]["managedFields"][0]["fieldsV1"]
    )
    assert created.keys() == wanted.keys()


async def test_an_unknown_field_is_a_warning_unless_validation_is_strict(api: Api) -> None:
    await in_err(api)
    recorded = sample("warn_unknown_field_header")
    _, path, body = recorded["request"]
    response = await api.http.post(path, json=body)
    assert response.headers["Warning"] == recorded["headers"]["Warning"]
    assert "imagee" not in response.json()["spec"]["containers"][0]


async def test_a_version_that_has_not_come_yet_is_a_timeout(api: Api) -> None:
    await in_err(api)
    found, recorded = await replay(api, "rv_too_large")
    assert without_versions(found) == without_versions(recorded)


async def test_nothing_is_created_in_a_namespace_that_is_being_deleted(api: Api) -> None:
    await api.create("/api/v1/namespaces", {"metadata": {"name": "errdel"}})
    deleted = (await api.http.delete("/api/v1/namespaces/errdel")).json()
    assert deleted["status"]["phase"] == "Terminating"
    found, recorded = await replay(api, "ns_terminating_create")
    assert found == recorded


async def test_an_eviction_that_breaks_the_budget_is_refused(api: Api) -> None:
    budget = {
        "metadata": {"name": "pdb"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "live"}}},
    }
    await in_err(
        api,
        ("/apis/policy/v1/namespaces/err/poddisruptionbudgets", budget),
        ("/api/v1/namespaces/err/pods", a_pod("live")),
    )
    api.cluster.store.update(
        "pods",
        "err",
        "live",
        lambda pod: pod["status"].update(phase="Running", conditions=[{"type": "Ready", "status": "True"}]),
    )
    found, recorded = await replay(api, "evict_429_pdb")
    assert found == recorded


async def test_a_wrong_token_is_unauthorized_but_health_is_public(api: Api) -> None:
    for headers in ({"Authorization": "Bearer nope"}, {"Authorization": ""}):
        response = await api.http.get("/api/v1/pods", headers=headers)
        assert response.status_code == 401
        assert response.json()["message"] == "Unauthorized"
    assert (await api.http.get("/readyz", headers={"Authorization": ""})).text == "ok"


async def test_a_namespace_that_is_not_there_is_not_found(api: Api) -> None:
    response = await api.http.post("/api/v1/namespaces/nope/configmaps", json=a_config_map())
    assert response.status_code == 404
    assert response.json()["message"] == 'namespaces "nope" not found'


async def test_a_type_or_name_in_the_body_must_be_the_one_of_the_path(api: Api) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    wrong = [
        {**a_config_map(), "kind": "Secret", "apiVersion": "v1"},
        {**a_config_map(), "apiVersion": "v2"},
        {"metadata": {"name": "a", "namespace": "other"}},
    ]
    for body in wrong:
        assert (await api.http.post(path, json=body)).status_code == 400
    await api.create(path, a_config_map())
    assert (await api.http.put(f"{path}/a", json=a_config_map("b"))).status_code == 400


async def test_a_created_pod_is_owned_as_on_a_real_cluster(api: Api) -> None:
    await in_err(api)
    recorded = sample("warn_unknown_field_header")
    _, path, body = recorded["request"]
    created = (await api.http.post(path, json=body)).json()["metadata"]["managedFields"]
    wanted = recorded["body"]["metadata"]["managedFields"]
    assert [each["fieldsV1"] for each in created] == [each["fieldsV1"] for each in wanted]
    assert created[0]["operation"] == "Update"

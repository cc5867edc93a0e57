"""What was once recorded from Kubernetes 1.36 is asked again: same code, reason, causes and shape of answer.

Refusals that need nothing running are in test_api_refusals.py, those of admission in test_admission.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from k8s.local.store import Object
from tests.k8s.local.api_kit import MERGE, Api, a_deployment, a_pod
from tests.k8s.local.kit import until
from tests.k8s.local.test_api_refusals import SAMPLES, sample, without_versions
from tests.k8s.local.whole_kit import Whole, whole_cluster

NAMESPACES = "/api/v1/namespaces"
IN_ERR = f"{NAMESPACES}/err"
BAD = f"{NAMESPACES}/bad/pods"
APPLY = {"Content-Type": "application/apply-patch+yaml"}


@pytest.fixture
async def err(api: Api) -> Api:
    """An API server with the namespace "err"."""
    await api.create(NAMESPACES, {"metadata": {"name": "err"}})
    return api


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole_cluster(tmp_path) as running:
        yield running


async def ask(api: Api, name: str) -> tuple[httpx.Response, Any]:
    """Send the recorded request and check the code; the answer and the recording."""
    recorded = sample(name)
    method, path, body = recorded["request"]
    content = body if isinstance(body, str) else json.dumps(body) if body is not None else None
    headers = {"Content-Type": "application/json"}
    if method == "PATCH":
        headers = APPLY if "fieldManager" in path else MERGE
    response = await api.http.request(method, path, content=content, headers=headers)
    assert response.status_code == recorded["status"], response.text
    assert response.headers.get("Warning") == recorded["headers"].get("Warning")
    return response, recorded["body"]


def timeless(body: Any) -> Any:
    """Without what differs from run to run: versions, identities, moments, the program that asked."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "MOMENT", without_versions(body))
    return json.loads(text.replace('"manager": "python-requests"', '"manager": "tests"'))


def shape(value: Any) -> Any:
    """Keys and types only."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_every_recorded_exchange_is_asked_again_somewhere() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    unasked = [path.stem for path in SAMPLES.glob("*.json") if f'"{path.stem}"' not in tests]
    # Not an exchange, and read as a file by the tests of jobs and of metrics.
    assert set(unasked) <= {"jobs", "metrics_not_yet"}


# Objects


async def test_a_namespace_and_what_is_written_in_it_answer_as_recorded(api: Api) -> None:
    for name in ("_ns", "_cm", "_get", "_upd"):
        response, recorded = await ask(api, name)
        assert timeless(response.json()) == timeless(recorded), name


async def test_a_pod_is_completed_as_recorded(err: Api) -> None:
    response, recorded = await ask(err, "_pod")
    made = response.json()
    # Tokens of service accounts are not mounted: nothing inside a pod here talks to the API.
    del recorded["spec"]["volumes"], recorded["spec"]["containers"][0]["volumeMounts"]
    assert timeless(made) == timeless(recorded)


async def test_a_disruption_budget_is_completed_as_recorded(err: Api) -> None:
    response, recorded = await ask(err, "_pdb")
    assert timeless(response.json()) == timeless(recorded)


async def test_a_forced_apply_takes_the_fields_over_as_recorded(err: Api) -> None:
    path = f"{IN_ERR.replace('/api/v1', '/apis/apps/v1')}/deployments/d"
    await err.apply(path, a_deployment(), "one")
    response, recorded = await ask(err, "_ssa_force")
    found = response.json()
    assert found["spec"] == recorded["spec"]
    assert found["metadata"]["generation"] == recorded["metadata"]["generation"]
    owners, real = (
        {each["manager"]: each["fieldsV1"] for each in obj["metadata"]["managedFields"]}
        for obj in (found, recorded)
    )
    assert {name: owners[name] for name in ("one", "two")} == {name: real[name] for name in ("one", "two")}
    response, recorded = await ask(err, "scale_get")
    assert timeless(response.json()) == timeless(recorded)


async def test_what_may_not_change_in_a_pod_is_refused_as_recorded(err: Api) -> None:
    await err.create(f"{IN_ERR}/pods", a_pod("live"))
    response, recorded = await ask(err, "immutable_pod")
    found = response.json()
    # The difference that follows depends on every field of the pod.
    for body in (found, recorded):
        for each in (body, body["details"]["causes"][0]):
            each["message"] = each["message"].partition("\n@@")[0].rstrip()
    assert found == recorded


async def test_running_a_command_needs_another_protocol_as_recorded(err: Api) -> None:
    await err.create(f"{IN_ERR}/pods", a_pod("live"))
    await err.create(NAMESPACES, {"metadata": {"name": "bad"}})
    await err.create(BAD, a_pod("pull"))
    for name in ("exec_get_no_upgrade", "exec_not_running"):
        response, recorded = await ask(err, name)
        assert response.json() == recorded
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    refused = await err.http.get(f"{BAD}/pull/exec", headers=upgrade)
    assert refused.json()["message"] == "the local cluster runs no commands in containers"


async def test_the_first_page_of_a_list_is_as_recorded(api: Api) -> None:
    await api.create(NAMESPACES, {"metadata": {"name": "bad"}})
    for number in range(19):
        await api.create(BAD, a_pod(f"p{number:02}"))
    response, recorded = await ask(api, "list_limit_continue")
    found = response.json()
    assert found.keys() == recorded.keys()
    assert shape(found["metadata"]) == shape(recorded["metadata"])
    assert found["metadata"]["remainingItemCount"] == recorded["metadata"]["remainingItemCount"]


async def test_a_table_of_pods_has_the_recorded_columns(api: Api) -> None:
    await api.create(NAMESPACES, {"metadata": {"name": "bad"}})
    await api.create(BAD, a_pod())
    recorded = sample("pods_as_table")["body"]
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    found = (await api.http.get(BAD, headers=accept)).json()
    assert found.keys() == recorded.keys()
    kept = ("name", "type", "format", "priority")
    columns, real = (
        [{k: each[k] for k in kept} for each in body["columnDefinitions"]] for body in (found, recorded)
    )
    assert columns == real
    assert [type(cell) for cell in found["rows"][0]["cells"]] == [
        type(c) for c in recorded["rows"][0]["cells"]
    ]
    assert found["rows"][0]["object"]["kind"] == recorded["rows"][0]["object"]["kind"]


async def test_a_service_that_is_not_there_and_a_review_answer_as_recorded(api: Api) -> None:
    await api.create(NAMESPACES, {"metadata": {"name": "bad"}})
    response, recorded = await ask(api, "proxy_no_endpoints")
    assert response.json() == recorded
    response, recorded = await ask(api, "sar")
    found = response.json()
    assert (found["kind"], found["spec"]) == (recorded["kind"], recorded["spec"])
    assert found["status"]["allowed"] is True


async def test_a_watch_from_too_long_ago_ends_with_an_error_event_as_recorded(err: Api) -> None:
    await err.create(NAMESPACES, {"metadata": {"name": "bad"}})
    err.cluster.store.forget_history()
    response, recorded = await ask(err, "watch_rv_too_old_probe")
    found = json.loads(response.text.splitlines()[0])
    number = re.compile(r"\(\d+\)")
    for event in (found, recorded):
        event["object"]["message"] = number.sub("(N)", event["object"]["message"])
    assert found == recorded


# Deletion


async def test_a_namespace_waits_for_what_a_finalizer_holds_as_recorded(whole: Whole) -> None:
    for name in ("_nsdel", "_cmfin"):
        response, recorded = await ask(whole, name)
        assert timeless(response.json()) == timeless(recorded), name
    response, recorded = await ask(whole, "ns_delete_reply")
    found = response.json()
    assert timeless(found) == timeless(recorded)
    path = f"{NAMESPACES}/errdel"
    store = whole.cluster.store
    await until(lambda: store.get("namespaces", "", "errdel")["status"].get("conditions"))
    response, recorded = await ask(whole, "ns_terminating_status")
    assert response.json()["status"].keys() == recorded["status"].keys()
    assert timeless(response.json()["status"]) == timeless(recorded["status"])
    response, recorded = await ask(whole, "ns_terminating_create")
    assert response.json() == recorded
    response, recorded = await ask(whole, "_unfin")
    assert timeless(response.json()) == timeless(recorded)
    await until(lambda: store.find("namespaces", "", "errdel") is None)
    assert (await whole.http.get(path)).status_code == 404


async def test_deleting_a_namespace_answers_it_as_recorded(err: Api) -> None:
    response, recorded = await ask(err, "delete_ns_err")
    found = response.json()
    assert timeless({**found, "metadata": {}}) == timeless({**recorded, "metadata": {}})
    assert found["metadata"].keys() == recorded["metadata"].keys()


async def test_deleting_a_quota_or_a_running_pod_answers_it_as_recorded(whole: Whole) -> None:
    await whole.create(NAMESPACES, {"metadata": {"name": "err"}})
    response, _ = await ask(whole, "_quota")
    store = whole.cluster.store
    await until(lambda: store.get("resourcequotas", "err", "q")["status"].get("used"))
    response, recorded = await ask(whole, "_delq")
    recorded["status"]["used"]["pods"] = "0"
    found = response.json()
    assert timeless({**found, "metadata": {}}) == timeless({**recorded, "metadata": {}})
    assert found["metadata"].keys() == recorded["metadata"].keys()
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [a_container("local/house:1.0", "sleep", "3600")],
    }
    await whole.create(
        f"{IN_ERR}/pods", {"metadata": {"name": "live", "labels": {"app": "live"}}, "spec": spec}
    )
    await until(lambda: store.get("pods", "err", "live")["status"]["phase"] == "Running")
    response, recorded = await ask(whole, "delete_pod_reply")
    meta, real = response.json()["metadata"], recorded["metadata"]
    assert meta.keys() == real.keys()
    kept = ("generation", "deletionGracePeriodSeconds", "labels")
    assert {key: meta[key] for key in kept} == {key: real[key] for key in kept}


# Logs


def a_container(image: str, *command: str, **more: Any) -> Object:
    own = {"name": "server", "image": image, **more}
    return {**own, "command": list(command)} if command else own


NOT_THERE = {"configMapKeyRef": {"name": "nope", "key": "a"}}
SECRET = [{"name": "v", "secret": {"secretName": "nope"}}]
#: Pods that fail as the recorded ones did.
FAILING: dict[str, Object] = {
    "badcmd": {"containers": [a_container("local/house:1.0", "/nope")]},
    "badname": {"containers": [a_container("Example.local/UPPER:1")]},
    "crash": {"containers": [a_container("local/crash:1.0")]},
    "gpu": {
        "containers": [a_container("local/house:1.0", resources={"limits": {"nvidia.com/gpu": "1"}})],
    },
    "initfail": {
        "initContainers": [{**a_container("local/crash:1.0"), "name": "download"}],
        "containers": [a_container("local/house:1.0")],
    },
    "noconfig": {"containers": [a_container("local/house:1.0", env=[{"name": "A", "valueFrom": NOT_THERE}])]},
    "nosecretvol": {
        "volumes": SECRET,
        "containers": [a_container("local/house:1.0", volumeMounts=[{"name": "v", "mountPath": "/v"}])],
    },
    "pull": {"containers": [a_container("local/nope:1.0")]},
}
#: What a pod's first container waits for, or how often it has been restarted, when its log is asked for.
SEEN = {
    "badcmd": "RunContainerError",
    "badname": "InvalidImageName",
    "noconfig": "CreateContainerConfigError",
    "initfail": "PodInitializing",
    "nosecretvol": "ContainerCreating",
}


async def test_logs_of_failing_pods_answer_as_recorded(whole: Whole) -> None:
    await whole.create(NAMESPACES, {"metadata": {"name": "bad"}})
    for name, spec in FAILING.items():
        await whole.create(BAD, {"metadata": {"name": name}, "spec": spec})
    await until(lambda: all(_is_failing(whole, name) for name in FAILING))
    for name in ("logs_badname", "logs_initfail", "logs_noconfig", "logs_nosecretvol", "logs_pull"):
        response, recorded = await ask(whole, name)
        assert response.json() == recorded, name
    for name in ("logs_badcmd", "logs_gpu"):
        response, recorded = await ask(whole, name)
        assert response.text == recorded == ""
    for name in ("logs_crash", "logs_multi_needs_container"):
        # A run that has just begun has said nothing yet.
        async with asyncio.timeout(15):
            while "No such file or directory" not in (await ask(whole, name))[0].text:
                await asyncio.sleep(0.05)


def _is_failing(whole: Whole, name: str) -> bool:
    status = whole.cluster.store.get("pods", "bad", name).get("status", {})
    first = (status.get("containerStatuses") or [{}])[0]
    before = (status.get("initContainerStatuses") or [{}])[0]
    if name == "gpu":
        return any(each["reason"] == "Unschedulable" for each in status.get("conditions", ()))
    if name == "pull":
        return first.get("state", {}).get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff")
    if name in ("crash", "initfail"):
        return bool((before or first).get("restartCount"))
    state = first.get("state", {})
    return bool(SEEN[name] in json.dumps(state)) or first.get("lastState", {}) != {}


async def test_logs_that_are_not_there_yet_or_any_more_answer_as_recorded(whole: Whole) -> None:
    await whole.create(NAMESPACES, {"metadata": {"name": "err"}})
    spec = {"volumes": SECRET, "containers": [{**a_container("local/house:1.0"), "name": "c"}]}
    await whole.create(f"{IN_ERR}/pods", {"metadata": {"name": "live"}, "spec": spec})
    store = whole.cluster.store
    await until(lambda: store.get("pods", "err", "live")["status"].get("containerStatuses"))
    for name in ("logs_container_creating", "logs_previous_none", "logs_wrong_container"):
        response, recorded = await ask(whole, name)
        assert response.json() == recorded, name


async def test_logs_that_have_been_cleaned_away_answer_as_recorded(whole: Whole) -> None:
    await whole.create(NAMESPACES, {"metadata": {"name": "bad"}})
    for name, command in (("evict", ("sleep", "1000")), ("crash", ("false",))):
        spec = {"containers": [a_container("local/house:1.0", *command)]}
        await whole.create(BAD, {"metadata": {"name": name}, "spec": spec})
    store, context = whole.cluster.store, whole.running.kubelet.context

    async def cleaned(name: str, sample_name: str) -> bool:
        pod = store.get("pods", "bad", name)
        for file in context.log_folder(pod).rglob("*.log"):
            file.unlink(missing_ok=True)
        response, recorded = await ask(whole, sample_name)
        # What follows names the container runtime, which is another one here.
        begins = str(recorded).partition("containerd:")[0]
        return response.text.startswith(begins)

    def status(name: str) -> Object:
        found: Object = (store.get("pods", "bad", name)["status"].get("containerStatuses") or [{}])[0]
        return found

    await until(lambda: "running" in status("evict").get("state", {}))
    await until(lambda: status("crash").get("restartCount", 0) > 1)
    async with asyncio.timeout(15):
        # Between two of these steps another run may begin, whose predecessor's log is still there.
        while not (await cleaned("evict", "logs_evict") and await cleaned("crash", "logs_crash_previous")):
            await asyncio.sleep(0.05)

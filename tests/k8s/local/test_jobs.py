"""Jobs, with real processes: they end, conditions and events are told, as on a real cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from k8s.local.controllers.job_status import spelled_indexes
from k8s.local.store import Object
from tests.k8s.local.api_kit import MERGE, PODS
from tests.k8s.local.kit import until
from tests.k8s.local.whole_kit import Whole, whole_cluster

JOBS = "/apis/batch/v1/namespaces/default/jobs"
RECORDED = json.loads(Path(__file__).with_name("samples").joinpath("jobs.json").read_text())
MOMENTS = ("lastProbeTime", "lastTransitionTime")


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole_cluster(tmp_path) as running:
        yield running


def a_job(name: str, *command: str, policy: str = "Never", **spec: Any) -> Object:
    container = {"name": "train", "image": "local/house:1.0", "command": list(command)}
    pod = {"restartPolicy": policy, "terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": pod}, **spec}}


def job(whole: Whole, name: str = "j") -> Object:
    return whole.cluster.store.get("jobs.batch", "default", name)


def pods_of(whole: Whole, name: str = "j") -> list[Object]:
    pods = whole.cluster.store.list("pods", "default")
    return [pod for pod in pods if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name]


def conditions(whole: Whole, name: str = "j") -> list[str]:
    found = job(whole, name).get("status", {}).get("conditions", [])
    return [f"{each['type']} {each['reason']}" for each in found if each["status"] == "True"]


def events(whole: Whole, *reasons: str) -> list[Object]:
    return [event for event in whole.cluster.store.list("events") if event["reason"] in reasons]


def status_without_times(obj: Object) -> Object:
    status = {k: v for k, v in obj["status"].items() if k not in ("startTime", "completionTime")}
    status["conditions"] = [
        {k: v for k, v in each.items() if k not in MOMENTS} for each in status["conditions"]
    ]
    return status


@pytest.mark.parametrize(
    ("name", "command", "spec"),
    [
        ("train-ok", ("true",), {}),
        ("train-fail", ("false",), {"backoffLimit": 1}),
        ("train-deadline", ("sleep", "1000"), {"activeDeadlineSeconds": 1}),
    ],
)
async def test_a_job_ends_as_recorded(
    whole: Whole, name: str, command: tuple[str, ...], spec: Object
) -> None:
    recorded = RECORDED[name]
    made = await whole.create(JOBS, a_job(name, *command, **spec))
    await until(lambda: len(conditions(whole, name)) == 2)
    ended = job(whole, name)
    assert status_without_times(ended) == status_without_times(recorded)
    assert ended["status"].keys() == recorded["status"].keys()
    assert set(ended["status"]["conditions"][0]) == set(recorded["status"]["conditions"][0])
    old, new = recorded["metadata"]["uid"], made["metadata"]["uid"]
    expected = json.loads(json.dumps(recorded).replace(old, new))
    assert made["metadata"]["labels"] == expected["metadata"]["labels"]
    assert made["spec"]["selector"] == expected["spec"]["selector"]
    assert made["spec"]["template"]["metadata"] == expected["spec"]["template"]["metadata"]
    assert made["spec"].keys() - {"backoffLimit"} == expected["spec"].keys() - {"backoffLimit"}


async def test_a_failed_job_tells_why_in_an_event(whole: Whole) -> None:
    await whole.create(JOBS, a_job("j", "false", backoffLimit=0))
    told = await until(lambda: events(whole, "BackoffLimitExceeded"))
    assert (told[0]["type"], told[0]["message"]) == ("Warning", "Job has reached the specified backoff limit")
    assert told[0]["source"] == {"component": "job-controller"}
    assert [pod["status"]["phase"] for pod in pods_of(whole)] == ["Failed"]
    assert all("finalizers" not in pod["metadata"] for pod in pods_of(whole))


async def test_no_more_pods_run_at_once_than_wanted(whole: Whole) -> None:
    subscription = whole.cluster.store.subscribe(["jobs.batch"])
    await whole.create(JOBS, a_job("j", "true", completions=5, parallelism=2))
    await until(lambda: len(conditions(whole)) == 2)
    seen = [change.object["status"].get("active", 0) for change in subscription.take()]
    assert max(seen) == 2
    assert job(whole)["status"]["succeeded"] == 5
    assert len(events(whole, "SuccessfulCreate")) == 5
    assert [event["message"] for event in events(whole, "Completed")] == ["Job completed"]


async def test_each_pod_of_an_indexed_job_has_an_index_of_its_own(whole: Whole) -> None:
    indexed = a_job("j", "echo", "part $(JOB_COMPLETION_INDEX)", completionMode="Indexed", completions=3)
    await whole.create(JOBS, {**indexed, "spec": {**indexed["spec"], "parallelism": 3}})
    await until(lambda: len(conditions(whole)) == 2)
    assert job(whole)["status"]["completedIndexes"] == "0-2"
    for pod in pods_of(whole):
        index = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
        assert pod["spec"]["hostname"] == f"j-{index}"
        assert pod["metadata"]["name"].startswith(f"j-{index}-")
        log = await whole.http.get(f"{PODS}/{pod['metadata']['name']}/log")
        assert log.text == f"part {index}\n"


async def test_a_container_that_is_restarted_too_often_fails_the_job(whole: Whole) -> None:
    await whole.create(JOBS, a_job("j", "false", policy="OnFailure", backoffLimit=1))
    await until(lambda: conditions(whole)[1:] == ["Failed BackoffLimitExceeded"])
    await until(lambda: pods_of(whole) == [])


async def test_a_suspended_job_stops_and_goes_on_when_it_may(whole: Whole) -> None:
    await whole.create(JOBS, a_job("j", "sleep", "1000"))
    await until(lambda: job(whole)["status"].get("active"))
    await whole.http.patch(f"{JOBS}/j", content='{"spec":{"suspend":true}}', headers=MERGE)
    await until(lambda: pods_of(whole) == [])
    assert conditions(whole) == ["Suspended JobSuspended"]
    assert "startTime" not in job(whole)["status"]
    assert "failed" not in job(whole)["status"]
    await whole.http.patch(f"{JOBS}/j", content='{"spec":{"suspend":false}}', headers=MERGE)
    await until(lambda: job(whole)["status"].get("active"))
    assert conditions(whole) == []
    assert {event["reason"] for event in events(whole, "Suspended", "Resumed")} == {"Suspended", "Resumed"}


async def test_fewer_pods_run_when_fewer_are_wanted(whole: Whole) -> None:
    await whole.create(JOBS, a_job("j", "sleep", "1000", completions=3, parallelism=3))
    await until(lambda: job(whole)["status"].get("active") == 3)
    await whole.http.patch(f"{JOBS}/j", content='{"spec":{"parallelism":1}}', headers=MERGE)
    await until(lambda: len(pods_of(whole)) == 1)
    assert "failed" not in job(whole)["status"]


async def test_a_finished_job_goes_after_its_time_to_live(whole: Whole) -> None:
    await whole.create(JOBS, a_job("j", "true", ttlSecondsAfterFinished=0))
    await until(lambda: whole.cluster.store.find("jobs.batch", "default", "j") is None)
    await until(lambda: pods_of(whole) == [])
    assert events(whole, "Completed")


async def test_kubectl_makes_waits_for_shows_and_deletes_a_job(whole: Whole) -> None:
    await whole.kubectl("create", "job", "hello", "--image=local/house:1.0", "--", "echo", "hello")
    await whole.kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=25s")
    assert await whole.kubectl("logs", "job/hello") == "hello\n"
    table = await whole.kubectl("get", "jobs")
    assert table.splitlines()[1].split()[:3] == ["hello", "Complete", "1/1"]
    assert "Completed" in await whole.kubectl("describe", "job", "hello")
    await whole.create(JOBS, a_job("long", "sleep", "1000"))
    await until(lambda: job(whole, "long").get("status", {}).get("active"))
    await whole.kubectl("delete", "job", "hello", "long", "--timeout=25s")
    await until(lambda: pods_of(whole, "hello") + pods_of(whole, "long") == [])


async def test_a_namespace_goes_with_the_jobs_that_run_in_it(whole: Whole) -> None:
    await whole.kubectl("create", "namespace", "team")
    await whole.create(JOBS.replace("default", "team"), a_job("j", "sleep", "1000", parallelism=2))
    store = whole.cluster.store
    await until(lambda: store.get("jobs.batch", "team", "j").get("status", {}).get("active"))
    await whole.kubectl("delete", "namespace", "team", "--timeout=25s")
    assert store.list("pods", "team") == store.list("jobs.batch", "team") == []


async def test_a_pod_that_was_deleted_is_replaced_and_counted(whole: Whole) -> None:
    await whole.create(JOBS, a_job("j", "sleep", "1000"))
    (pod,) = await until(lambda: pods_of(whole))
    await whole.http.delete(f"{PODS}/{pod['metadata']['name']}", params={"gracePeriodSeconds": "0"})
    await until(lambda: job(whole)["status"].get("failed") == 1)
    await until(lambda: [p for p in pods_of(whole) if p["metadata"]["uid"] != pod["metadata"]["uid"]])


async def test_pods_that_a_quota_refuses_are_made_once_it_allows_them(whole: Whole) -> None:
    quotas = "/api/v1/namespaces/default/resourcequotas"
    await whole.create(quotas, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    await whole.create(JOBS, a_job("j", "true"))
    told = (await until(lambda: events(whole, "FailedCreate")))[0]
    assert "Error creating: pods" in told["message"]
    assert "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0" in told["message"]
    await whole.http.delete(f"{quotas}/q")
    await until(lambda: len(conditions(whole)) == 2)


async def test_what_a_job_is_counted_by_cannot_be_changed_or_chosen(whole: Whole) -> None:
    async def causes(obj: Object) -> list[str]:
        response = await whole.http.post(JOBS, json=obj)
        assert response.status_code == 422, response.text
        return [f"{each['field']}: {each['message']}" for each in response.json()["details"]["causes"]]

    assert await causes(a_job("j", "true", completionMode="Indexed", parallelism=1)) == [
        "spec.completions: Required value: when completion mode is Indexed"
    ]
    chosen = await causes(a_job("j", "true", selector={"matchLabels": {"a": "b"}}))
    assert chosen[0].endswith("`selector` not auto-generated")
    assert await causes(a_job("j", "true", policy="Always")) == [
        (
            "spec.template.spec.restartPolicy: Unsupported value: "
            '"Always": supported values: "Never", "OnFailure"'
        )
    ]
    await whole.create(JOBS, a_job("j", "sleep", "1000"))
    response = await whole.http.patch(f"{JOBS}/j", content='{"spec":{"completions":2}}', headers=MERGE)
    assert response.json()["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 2: field is immutable",
            "field": "spec.completions",
        }
    ]


async def test_a_generated_name_is_tried_again_and_fits(whole: Whole) -> None:
    made = await asyncio.gather(
        *(whole.create(JOBS, {**a_job("", "true"), "metadata": {"generateName": "g" * 60}}) for _ in range(3))
    )
    names = {each["metadata"]["name"] for each in made}
    assert len(names) == 3
    assert {len(name) for name in names} == {63}
    assert all(each["metadata"]["generateName"] == "g" * 60 for each in made)


@pytest.mark.parametrize(("indexes", "text"), [((), ""), ((3,), "3"), ((4, 0, 2, 1, 6), "0-2,4,6")])
def test_indexes_are_spelled_as_ranges(indexes: tuple[int, ...], text: str) -> None:
    assert spelled_indexes(indexes) == text

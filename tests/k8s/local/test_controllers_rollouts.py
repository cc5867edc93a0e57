"""Deployments and replica sets, converging over real pods."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from k8s.local.controllers import rollout
from k8s.local.controllers.rollout import Count
from k8s.local.store import Object
from tests.k8s.local.kit import Machinery, a_deployment, a_pod, a_service, machinery, until

GENTLE = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}


def sets(cluster: Machinery) -> list[Object]:
    found = cluster.store.list("replicasets.apps", "default")
    return sorted(found, key=rollout.revision_of)


def revision(obj: Object) -> str:
    text: str = obj["metadata"]["annotations"][rollout.REVISION]
    return text


async def test_a_deployment_gets_its_pods_and_scales_both_ways(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=2))
        await until(cluster.rolled_out)
        assert [revision(one) for one in sets(cluster)] == ["1"]
        cluster.scale("house", 4)
        await until(cluster.rolled_out)
        cluster.scale("house", 1)
        await until(lambda: cluster.rolled_out() and len(cluster.pods()) == 1)
        assert len(sets(cluster)) == 1  # scaling is no new revision
        cluster.scale("house", 0)
        await until(lambda: cluster.rolled_out() and not cluster.pods())
        status = cluster.deployment()["status"]
        assert not {"replicas", "readyReplicas", "availableReplicas", "unavailableReplicas"} & set(status)
        told = [event["message"] for event in cluster.events("ScalingReplicaSet")]
        assert f"Scaled down replica set {sets(cluster)[0]['metadata']['name']} from 4 to 1" in told
        assert cluster.events("SuccessfulCreate")
        assert cluster.events("SuccessfulDelete")


async def test_conditions_say_in_the_real_words_how_far_a_rollout_is(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        seen = cluster.store.subscribe(["deployments.apps"])
        cluster.create("deployments.apps", a_deployment())
        await until(cluster.rolled_out)
        name = sets(cluster)[0]["metadata"]["name"]
        conditions = {entry["type"]: entry for entry in cluster.deployment()["status"]["conditions"]}
        assert conditions["Available"]["reason"] == "MinimumReplicasAvailable"
        assert conditions["Available"]["message"] == "Deployment has minimum availability."
        assert conditions["Progressing"]["message"] == f'ReplicaSet "{name}" has successfully progressed.'
        reasons = {
            entry["reason"]
            for change in seen.take()
            for entry in change.object.get("status", {}).get("conditions") or ()
        }
        assert {"NewReplicaSetCreated", "ReplicaSetUpdated", "MinimumReplicasUnavailable"} <= reasons


async def test_a_rolling_update_and_a_rollback_lose_no_request(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        hook = {"preStop": {"sleep": {"seconds": 1}}}
        cluster.create("deployments.apps", a_deployment(replicas=2, spec=GENTLE, lifecycle=hook))
        service = cluster.create("services", a_service())
        await until(cluster.rolled_out)
        url = f"http://127.0.0.1:{service['spec']['ports'][0]['nodePort']}/v1/models/house:predict"
        body = {"instances": [[5850, 3, 1, 2]]}
        answers: set[float] = set()
        asked = 0
        rolling = True

        async def ask(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
            nonlocal asked
            while rolling:
                answer = await client.post(url, json=body, headers=headers)
                assert answer.status_code == 200
                answers.add(answer.json()["predictions"][0])
                asked += 1
                await asyncio.sleep(0.04)

        async with httpx.AsyncClient(timeout=10) as client, asyncio.TaskGroup() as group:
            # Half of them open a connection for each request, half keep theirs.
            for headers in ({"Connection": "close"}, {"Connection": "close"}, {}, {}):
                group.create_task(ask(client, headers))
            await until(lambda: asked > 20)
            cluster.set_image("house", "local/house:2.0")
            await until(cluster.rolled_out, seconds=40)
            cluster.set_image("house", "local/house:1.0")
            await until(cluster.rolled_out, seconds=40)
            await until(lambda: len(cluster.pods()) == 2)
            rolling = False
        assert asked > 60
        assert len(answers) == 2
        assert [revision(one) for one in sets(cluster)] == ["2", "3"]
        assert sets(cluster)[1]["metadata"]["annotations"][rollout.REVISION_HISTORY] == "1"
        assert revision(cluster.deployment()) == "3"


async def test_a_rollout_that_cannot_succeed_keeps_the_old_pods_and_misses_its_deadline(
    tmp_path: Path,
) -> None:
    async with machinery(tmp_path) as cluster:
        spec = {**GENTLE, "progressDeadlineSeconds": 2}
        cluster.create("deployments.apps", a_deployment(replicas=2, spec=spec))
        await until(cluster.rolled_out)
        cluster.set_image("house", "local/house:9.9")

        def progressing() -> Object:
            conditions: list[Object] = cluster.deployment()["status"]["conditions"]
            return next(entry for entry in conditions if entry["type"] == "Progressing")

        await until(lambda: progressing()["reason"] == "ProgressDeadlineExceeded")
        assert progressing()["status"] == "False"
        assert progressing()["message"].endswith("has timed out progressing.")
        status = cluster.deployment()["status"]
        assert (status["availableReplicas"], status["updatedReplicas"]) == (2, 1)
        cluster.set_image("house", "local/house:1.0")
        await until(cluster.rolled_out)
        assert progressing()["reason"] == "NewReplicaSetAvailable"


async def test_recreate_ends_the_old_pods_before_it_starts_new_ones(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(spec={"strategy": {"type": "Recreate"}}))
        await until(cluster.rolled_out)
        for image in ("local/house:2.0", "local/house:1.0"):  # a new template, and one that comes back
            seen = cluster.store.subscribe(["pods"])
            cluster.set_image("house", image)
            await until(cluster.rolled_out)
            order = [change.type for change in seen.take() if change.type != "MODIFIED"]
            assert order == ["DELETED", "DELETED", "ADDED", "ADDED"]


async def test_a_paused_deployment_scales_but_does_not_roll_out(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=1))
        await until(cluster.rolled_out)
        cluster.change("deployments.apps", "house", lambda obj: obj["spec"].update(paused=True))
        cluster.set_image("house", "local/house:2.0")
        cluster.scale("house", 2)
        await until(lambda: cluster.deployment()["status"].get("availableReplicas") == 2)
        assert len(sets(cluster)) == 1
        cluster.change("deployments.apps", "house", lambda obj: obj["spec"].update(paused=False))
        await until(cluster.rolled_out)
        assert [one["spec"]["replicas"] for one in sets(cluster)] == [0, 2]


async def test_only_as_many_old_revisions_are_kept_as_asked_for(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=0, spec={"revisionHistoryLimit": 1}))
        await until(cluster.rolled_out)
        for image in ("local/house:2.0", "local/iris:1.0", "local/sentiment:1.0"):
            cluster.set_image("house", image)
            await until(cluster.rolled_out)
        await until(lambda: [revision(one) for one in sets(cluster)] == ["3", "4"])


async def test_a_deleted_pod_comes_back(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=1))
        await until(cluster.rolled_out)
        first = cluster.pods()[0]["metadata"]["name"]
        cluster.store.delete("pods", "default", first)
        await until(lambda: first not in [pod["metadata"]["name"] for pod in cluster.pods()])
        await until(lambda: cluster.rolled_out() and len(cluster.pods()) == 1)


async def test_a_pod_that_matches_and_belongs_to_nobody_is_adopted_and_one_relabelled_is_let_go(
    tmp_path: Path,
) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod("p"))
        made = {
            "metadata": {"name": "set", "namespace": "default"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "p"}},
                "template": {"metadata": {"labels": {"app": "p"}}, "spec": a_pod()["spec"]},
            },
        }
        cluster.create("replicasets.apps", made)
        await until(lambda: len(cluster.pods()) == 2)
        assert all(pod["metadata"]["ownerReferences"][0]["name"] == "set" for pod in cluster.pods())
        cluster.change("pods", "p", lambda pod: pod["metadata"].update(labels={"app": "other"}))
        await until(lambda: len(cluster.pods()) == 3)
        await until(lambda: not cluster.pod("p")["metadata"].get("ownerReferences"))


async def test_scaling_down_ends_pods_that_do_not_serve_first(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("deployments.apps", a_deployment(replicas=2))
        await until(cluster.rolled_out)
        good = {pod["metadata"]["name"] for pod in cluster.pods()}
        stuck = {"spec": {"nodeSelector": {"kind": "none"}}}
        name = sets(cluster)[0]["metadata"]["name"]
        cluster.change(
            "replicasets.apps", name, lambda one: one["spec"]["template"]["spec"].update(stuck["spec"])
        )
        cluster.change("replicasets.apps", name, lambda one: one["spec"].update(replicas=3))
        await until(lambda: len(cluster.pods()) >= 2)
        cluster.change("replicasets.apps", name, lambda one: one["spec"].update(replicas=2))
        await until(lambda: {pod["metadata"]["name"] for pod in cluster.pods()} >= good)


@pytest.mark.parametrize(
    ("value", "total", "up", "expected"),
    [(2, 10, True, 2), ("25%", 10, True, 3), ("25%", 10, False, 2), (None, 4, True, 1), ("0%", 3, False, 0)],
)
def test_a_share_of_the_replicas_is_rounded_up_for_surge_and_down_for_unavailable(
    value: int | str | None, total: int, up: bool, expected: int
) -> None:
    assert rollout.resolve(value, total, up=up) == expected


def deployment(replicas: int, surge: int | str, unavailable: int | str) -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}


def test_no_more_pods_than_the_surge_allows_are_asked_for() -> None:
    assert rollout.wanted_of_new(deployment(3, 1, 0), Count("new", 0, 0), 3) == 1
    assert rollout.wanted_of_new(deployment(3, 1, 0), Count("new", 1, 0), 4) == 1
    assert rollout.wanted_of_new(deployment(3, "100%", 0), Count("new", 0, 0), 3) == 3


def test_old_pods_go_only_when_new_ones_are_available_but_broken_ones_go_at_once() -> None:
    three = deployment(3, 1, 0)
    assert rollout.wanted_of_old(three, Count("new", 1, 0), [Count("old", 3, 3)]) == {"old": 3}
    assert rollout.wanted_of_old(three, Count("new", 1, 1), [Count("old", 3, 3)]) == {"old": 2}
    stuck = [Count("broken", 1, 0), Count("old", 3, 3)]
    assert rollout.wanted_of_old(three, Count("new", 0, 0), stuck) == {"broken": 0, "old": 3}


def test_a_total_that_changes_in_the_middle_of_a_rollout_is_spread_in_proportion() -> None:
    ten = deployment(20, 0, 2)
    assert rollout.proportional(ten, [Count("old", 6, 6), Count("new", 4, 4)]) == {"old": 12, "new": 8}
    none = deployment(0, 1, 0)
    assert rollout.proportional(none, [Count("old", 3, 3), Count("new", 1, 1)]) == {"old": 0, "new": 0}

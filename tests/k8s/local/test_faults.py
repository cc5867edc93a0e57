"""Faults on demand: what each rule does to the requests it is for, and to no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from k8s.local.cluster import start_cluster
from tests.k8s.local.api_kit import (
    CONFIG_MAPS,
    PODS,
    SERVICES,
    Api,
    a_config_map,
    a_pod,
    api_server,
    client_for,
)
from tests.k8s.local.whole_kit import whole_cluster

FAULTS = "/local-cluster/faults"


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[Api]:
    """An API server with faults on demand."""
    async with api_server(tmp_path, faults=True) as running:
        yield running


async def strike(api: Api, fault: str, **rule: Any) -> int:
    answer = await api.http.post(FAULTS, json={"fault": fault, **rule})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def rules(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.http.get(FAULTS)).json()
    return found


async def names(api: Api) -> list[str]:
    items = (await api.get(CONFIG_MAPS))["items"]
    return [item["metadata"]["name"] for item in items if item["metadata"]["name"] != "kube-root-ca.crt"]


async def test_there_are_no_faults_unless_they_are_asked_for(api: Api) -> None:
    assert (await api.http.post(FAULTS, json={"fault": "html"})).status_code == 404


async def test_a_rule_strikes_what_it_is_for_as_often_as_it_says(faulty: Api) -> None:
    await strike(faulty, "throttle", verb="list", resource="configmaps", skip=1, count=2, seconds=7)
    assert [(await faulty.http.get(CONFIG_MAPS)).status_code for _ in range(5)] == [200, 429, 429, 200, 200]
    assert (await faulty.http.get(SERVICES)).status_code == 200
    shown = (await rules(faulty))[0]
    assert (shown["hits"], shown["count"]) == (2, 2)


async def test_a_throttled_client_is_told_when_to_come_back(faulty: Api) -> None:
    rule = await strike(faulty, "throttle", seconds=3)
    answer = await faulty.http.get(PODS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert answer.json()["details"] == {"retryAfterSeconds": 3}
    await faulty.http.delete(f"{FAULTS}/{rule}")
    assert (await faulty.http.get(PODS)).status_code == 200


async def test_a_failed_write_has_happened_or_not(faulty: Api) -> None:
    await strike(faulty, "error", verb="create", count=1)
    await strike(faulty, "error-after", verb="create", count=1)
    assert (await faulty.http.post(CONFIG_MAPS, json=a_config_map("before"))).status_code == 500
    assert await names(faulty) == []
    assert (await faulty.http.post(CONFIG_MAPS, json=a_config_map("after"))).status_code == 500
    assert await names(faulty) == ["after"]


async def test_an_error_may_have_another_code(faulty: Api) -> None:
    await strike(faulty, "error", code=503)
    assert (await faulty.http.get(PODS)).status_code == 503


async def test_an_answer_breaks_off_in_the_middle(faulty: Api) -> None:
    await strike(faulty, "reset", verb="list", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await faulty.http.get(PODS)
    assert (await faulty.http.get(PODS)).status_code == 200


async def test_a_proxys_login_page_is_no_json(faulty: Api) -> None:
    await strike(faulty, "html")
    answer = await faulty.http.get(PODS)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")


async def test_an_old_list_shows_what_was_there_when_the_rule_was_made(faulty: Api) -> None:
    await faulty.create(CONFIG_MAPS, a_config_map("old"))
    rule = await strike(faulty, "old-list", resource="configmaps")
    await faulty.create(CONFIG_MAPS, a_config_map("new"))
    assert await names(faulty) == ["old"]
    await faulty.http.delete(f"{FAULTS}/{rule}")
    assert await names(faulty) == ["new", "old"]


async def test_a_delay_comes_before_everything_else(faulty: Api) -> None:
    await strike(faulty, "delay", seconds=0.3, count=1)
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert (await faulty.http.get(PODS)).status_code == 200
    assert loop.time() - before >= 0.3


async def test_a_watch_is_told_that_its_version_is_gone(faulty: Api) -> None:
    version = (await faulty.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
    await strike(faulty, "gone", verb="watch", count=2)
    async with faulty.watch(CONFIG_MAPS, resourceVersion=version) as events:
        first = await anext(events)
        assert (first["type"], first["object"]["code"]) == ("ERROR", 410)
        assert [event async for event in events] == []
    # And one that is open, with its next event.
    async with faulty.watch(CONFIG_MAPS) as events:
        await faulty.create(CONFIG_MAPS, a_config_map("a"))
        seen = [event["type"] async for event in events]
        assert seen[-1] == "ERROR"


async def test_a_watch_loses_events(faulty: Api) -> None:
    version = (await faulty.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
    async with faulty.watch(CONFIG_MAPS, resourceVersion=version) as events:
        await strike(faulty, "drop-events", resource="configmaps", count=1)
        await faulty.create(CONFIG_MAPS, a_config_map("lost"))
        await faulty.create(CONFIG_MAPS, a_config_map("seen"))
        assert (await anext(events))["object"]["metadata"]["name"] == "seen"


async def test_a_frozen_watch_stays_open_and_says_nothing(faulty: Api) -> None:
    version = (await faulty.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
    async with faulty.watch(CONFIG_MAPS, resourceVersion=version, timeoutSeconds="1") as events:
        rule = await strike(faulty, "frozen-watch", resource="configmaps")
        await faulty.create(CONFIG_MAPS, a_config_map("a"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 2.5)
        assert [one["hits"] for one in await rules(faulty)] == [1]
    await faulty.http.delete(f"{FAULTS}/{rule}")
    async with faulty.watch(CONFIG_MAPS, resourceVersion=version) as events:
        assert (await anext(events))["object"]["metadata"]["name"] == "a"


async def test_a_watch_breaks_off_in_the_middle_of_an_event(faulty: Api) -> None:
    version = (await faulty.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
    async with faulty.watch(CONFIG_MAPS, resourceVersion=version) as events:
        await strike(faulty, "reset", verb="watch", count=1)
        await faulty.create(CONFIG_MAPS, a_config_map("a"))
        with pytest.raises((httpx.RemoteProtocolError, json.JSONDecodeError)):
            await anext(events)


async def test_a_rule_that_makes_no_sense_is_refused(faulty: Api) -> None:
    for rule in (
        {"fault": "earthquake"},
        {"fault": "html", "colour": "red"},
        {},
        {"fault": "delay", "seconds": "x"},
    ):
        assert (await faulty.http.post(FAULTS, json=rule)).status_code == 400


async def test_nodes_pods_and_controllers_can_be_stopped_from_outside(tmp_path: Path) -> None:
    async with whole_cluster(tmp_path, faults=True) as cluster:
        nodes = "/local-cluster/nodes"
        assert (await cluster.http.put(f"{nodes}/one", json={"running": False})).status_code == 200
        assert cluster.running.kubelet.context.silent_nodes == {"one"}
        assert (await cluster.http.put(f"{nodes}/one", json={"running": True})).status_code == 200
        assert cluster.running.kubelet.context.silent_nodes == set()
        assert (await cluster.http.put(f"{nodes}/none", json={"running": True})).status_code == 404
        assert (await cluster.http.put("/local-cluster/clock", json={"running": False})).status_code == 200
        assert not any(loop.going.is_set() for loop in cluster.running.loops)
        await cluster.http.put("/local-cluster/clock", json={"running": True})
        await cluster.create(PODS, a_pod())
        assert (await cluster.http.put("/local-cluster/pods/default/p", json={"running": False})).is_success
        assert (await cluster.http.put("/local-cluster/clock", json={})).status_code == 400


async def test_the_history_can_be_forgotten(faulty: Api) -> None:
    version = (await faulty.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
    await faulty.create(CONFIG_MAPS, a_config_map("a"))
    await faulty.http.delete("/local-cluster/history")
    async with faulty.watch(CONFIG_MAPS, resourceVersion=version) as events:
        assert (await anext(events))["object"]["code"] == 410


async def test_faults_do_not_outlive_the_process(tmp_path: Path) -> None:
    async with api_server(tmp_path, faults=True) as running:
        await strike(running, "html")
    cluster = await start_cluster(tmp_path / "data", faults=True)
    try:
        async with client_for(cluster) as http:
            assert (await http.get(FAULTS)).json() == []
    finally:
        await cluster.stop()

"""Watches: resuming, selectors, bookmarks, 410, tables, and what a restart leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from k8s.local.store import Subscription
from tests.k8s.local.api_kit import CONFIG_MAPS, MERGE, PODS, Api, a_config_map, a_pod, api_server


async def first(events: AsyncIterator[Any], count: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            event = await anext(events)
            found.append((event["type"], event["object"]["metadata"].get("name", "")))
    return found


async def version_of(api: Api, path: str) -> str:
    return str((await api.get(path))["metadata"]["resourceVersion"])


async def test_a_watch_shows_what_happened_since_its_version_and_then_follows(api: Api) -> None:
    since = await version_of(api, CONFIG_MAPS)
    await api.create(CONFIG_MAPS, a_config_map("a"))
    async with api.watch(CONFIG_MAPS, resourceVersion=since) as events:
        assert await first(events, 1) == [("ADDED", "a")]
        await api.http.patch(f"{CONFIG_MAPS}/a", json={"data": {"k": "2"}}, headers=MERGE)
        await api.http.delete(f"{CONFIG_MAPS}/a")
        assert await first(events, 2) == [("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_without_a_version_begins_with_what_is_there(api: Api) -> None:
    await api.create(CONFIG_MAPS, a_config_map("a"))
    async with api.watch(CONFIG_MAPS) as events:
        assert await first(events, 1) == [("ADDED", "a")]


async def test_initial_events_end_with_an_annotated_bookmark(api: Api) -> None:
    await api.create(CONFIG_MAPS, a_config_map("a"))
    options = {
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
    }
    async with api.watch(CONFIG_MAPS, **options) as events:
        assert (await anext(events))["type"] == "ADDED"
        mark = await anext(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["object"]["metadata"]["resourceVersion"]) == api.cluster.store.resource_version


async def test_a_version_that_was_compacted_is_an_error_event_with_410(api: Api) -> None:
    since = await version_of(api, CONFIG_MAPS)
    await api.create(CONFIG_MAPS, a_config_map("a"))
    api.cluster.store.forget_history()
    async with api.watch(CONFIG_MAPS, resourceVersion=since) as events:
        found = [event async for event in events]
    assert [event["type"] for event in found] == ["ERROR"]
    status = found[0]["object"]
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith(f"too old resource version: {since} (")


async def test_an_object_that_starts_or_stops_matching_is_added_or_deleted_for_the_watcher(api: Api) -> None:
    await api.create(CONFIG_MAPS, a_config_map("a"))
    since = await version_of(api, CONFIG_MAPS)
    async with api.watch(CONFIG_MAPS, resourceVersion=since, labelSelector="tier=front") as events:
        for labels in ({"tier": "front"}, {"x": "y"}, {"tier": None}):
            await api.http.patch(f"{CONFIG_MAPS}/a", json={"metadata": {"labels": labels}}, headers=MERGE)
        assert await first(events, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_ends_by_itself_after_its_timeout_with_a_last_bookmark(api: Api) -> None:
    options = {"timeoutSeconds": "3", "allowWatchBookmarks": "true"}
    async with api.watch(PODS, **options) as events:
        found = [event async for event in events]
    assert [event["type"] for event in found] == ["BOOKMARK"]
    assert found[0]["object"]["spec"] == {"containers": None}


async def test_a_watched_table_tells_its_columns_once(api: Api) -> None:
    await api.create(PODS, a_pod("p"))
    await api.create(PODS, a_pod("q"))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    async with api.http.stream(
        "GET", PODS, params={"watch": "1", "timeoutSeconds": "1"}, headers=accept
    ) as response:
        lines = [line async for line in response.aiter_lines()]
    assert len(lines) == 2
    assert '"name":"Name"' in lines[0]
    assert '"columnDefinitions":null' in lines[1]


async def test_stopping_the_server_ends_its_watches(tmp_path: Path) -> None:
    async with api_server(tmp_path) as api, api.watch(PODS) as events:
        await api.cluster.stop()
        assert [event async for event in events] == []


async def test_after_a_restart_objects_are_there_and_old_versions_are_gone(tmp_path: Path) -> None:
    async with api_server(tmp_path) as api:
        created = await api.create(CONFIG_MAPS, a_config_map("a"))
        address = api.cluster.address
    async with api_server(tmp_path) as api:
        assert api.cluster.address == address
        assert (await api.get(f"{CONFIG_MAPS}/a"))["metadata"] == created["metadata"]
        newer = await api.create(CONFIG_MAPS, a_config_map("b"))
        assert int(newer["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])
        async with api.watch(CONFIG_MAPS, resourceVersion=created["metadata"]["resourceVersion"]) as events:
            assert (await anext(events))["object"]["code"] == 410


async def test_a_watch_whose_client_has_gone_is_forgotten(api: Api) -> None:
    async with api.watch(PODS):
        assert len(api.cluster.context.watches) == 1
    async with asyncio.timeout(20):
        while api.cluster.context.watches:
            await asyncio.sleep(0.02)


async def test_a_change_that_comes_in_the_moment_of_a_bookmark_comes_before_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.create(CONFIG_MAPS, a_config_map("a"))
    wait = Subscription.wait

    async def overtaken(subscription: Subscription) -> bool:
        try:
            return await wait(subscription)
        except asyncio.CancelledError:
            api.cluster.store.update(
                "configmaps", "default", "a", lambda found: found["data"].update(k="new")
            )
            raise

    since = await version_of(api, CONFIG_MAPS)
    monkeypatch.setattr(Subscription, "wait", overtaken)
    query = {"resourceVersion": since, "allowWatchBookmarks": "true", "timeoutSeconds": "3"}
    async with api.watch(CONFIG_MAPS, **query) as events:
        assert await first(events, 1) == [("MODIFIED", "a")]


async def test_a_watch_of_much_begins_with_all_of_it(api: Api) -> None:
    names = [f"c-{number}" for number in range(8)]
    for name in names:
        await api.create(CONFIG_MAPS, {**a_config_map(name), "data": {"k": "x" * 100_000}})
    async with api.watch(CONFIG_MAPS) as events:
        assert await first(events, len(names)) == [("ADDED", name) for name in names]

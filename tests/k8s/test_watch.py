"""A watch goes on for ever, tells what changed, and says when it has lost its cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web

from k8s import client_async, errors, watch
from k8s.client_async import AsyncCluster
from k8s.cluster import LogQuery
from k8s.connect import Access
from k8s.watch import Alive, Changed, Gone, Listed, Lost, Seen
from tests.k8s.watching import BOOKMARK, TOO_OLD, cluster_of, first, line, pod, pods, stream


async def test_it_lists_and_then_tells_each_change() -> None:
    asked = []

    async def script(request: web.Request) -> web.StreamResponse:
        asked.append(dict(request.query))
        if "watch" not in request.query:
            return pods(7, pod("one", 5))
        changed = line("MODIFIED", pod("one", 8, phase="Running"))
        # Two events in one piece, the second of them cut in two.
        gone = line("DELETED", pod("one", 9))
        return await stream(request, changed + gone[:20], gone[20:], line("BOOKMARK", BOOKMARK))

    async with cluster_of(script) as cluster:
        listed, changed, gone, alive = await first(cluster, 4)
    assert isinstance(listed, Listed)
    assert [fact.name for fact in listed.facts] == ["one"]
    assert isinstance(changed, Changed)
    assert changed.facts.resource_version == "8"
    assert gone == Gone("uid-one", "a", "one")
    assert isinstance(alive, Alive)
    assert (asked[0]["resourceVersion"], asked[0]["limit"]) == ("0", "500")
    assert (asked[1]["resourceVersion"], asked[1]["allowWatchBookmarks"]) == ("7", "true")


async def test_a_list_in_pages_is_told_as_one() -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await stream(request)
        if "continue" in request.query:
            assert "resourceVersion" not in request.query
            return pods(7, pod("two", 6))
        return pods(7, pod("one", 5), **{"continue": "token"})

    async with cluster_of(script) as cluster:
        (listed,) = await first(cluster, 1)
    assert isinstance(listed, Listed)
    assert [fact.name for fact in listed.facts] == ["one", "two"]


async def test_a_watch_that_ends_is_resumed_where_it_was() -> None:
    versions: list[str] = []

    async def script(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return pods(7)
        versions.append(request.query["resourceVersion"])
        if len(versions) == 1:
            return await stream(request, line("BOOKMARK", BOOKMARK), stay=False)
        return await stream(request, line("ADDED", pod("new", 100)))

    async with cluster_of(script) as cluster:
        words = await first(cluster, 4)
    assert versions == ["7", "99"]
    assert isinstance(words[-1], Changed)
    assert not any(isinstance(word, Lost) for word in words)


async def test_a_version_too_old_leads_to_a_new_list_at_once() -> None:
    lists = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal lists
        if "watch" not in request.query:
            lists += 1
            return pods(lists)
        if request.query["resourceVersion"] == "1":
            return await stream(request, line("ERROR", TOO_OLD), stay=False)
        return await stream(request, line("ADDED", pod("new", 9)))

    async with cluster_of(script) as cluster:
        words = await first(cluster, 3, seconds=2)
    assert [type(word) for word in words] == [Listed, Listed, Changed]


async def test_versions_always_too_old_are_not_asked_for_in_a_hurry() -> None:
    lists = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal lists
        if "watch" not in request.query:
            lists += 1
            return pods(1)
        return await stream(request, line("ERROR", TOO_OLD), stay=False)

    async with cluster_of(script) as cluster:
        await first(cluster, 4)
    assert lists <= 4


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "[]", '{"kind": "Status", "code": 500}', ""])
async def test_what_is_no_list_is_a_lost_cluster_until_it_is_one(body: str) -> None:
    attempts = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal attempts
        if "watch" in request.query:
            return await stream(request)
        attempts += 1
        return web.Response(text=body) if attempts == 1 else pods(7)

    async with cluster_of(script) as cluster:
        lost, listed = await first(cluster, 2)
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, errors.ClusterUnavailable)
    assert isinstance(listed, Listed)


async def test_a_stream_of_garbage_is_lost_and_resumed() -> None:
    attempts = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal attempts
        if "watch" not in request.query:
            return pods(7)
        attempts += 1
        if attempts == 1:
            return await stream(request, b"<html>\n")
        return await stream(request, line("ADDED", pod("new", 9)))

    async with cluster_of(script) as cluster:
        words = await first(cluster, 4)
    assert [type(word) for word in words] == [Listed, Lost, Alive, Changed]


async def test_a_stream_that_breaks_is_lost_and_all_is_compared_anew() -> None:
    versions: list[str] = []

    async def script(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return pods(7)
        versions.append(request.query["resourceVersion"])
        if len(versions) == 1:
            await stream(request, line("ADDED", pod("one", 8)), stay=False)
            assert request.transport is not None
            request.transport.abort()
        return await stream(request, line("ADDED", pod("two", 9)))

    async with cluster_of(script) as cluster:
        words = await first(cluster, 5)
    assert [type(word) for word in words] == [Listed, Changed, Lost, Listed, Changed]
    assert versions == ["7", "7"]


async def test_an_odd_object_hides_no_other() -> None:
    odd = {"metadata": {"name": "odd", "resourceVersion": "6"}, "status": {"containerStatuses": 5}}

    async def script(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return pods(7, odd, pod("one", 5))
        return await stream(request, line("ADDED", odd) + line("ADDED", pod("two", 8)))

    async with cluster_of(script) as cluster:
        listed, changed = await first(cluster, 2)
    assert isinstance(listed, Listed)
    assert [fact.name for fact in listed.facts] == ["one"]
    assert isinstance(changed, Changed)
    assert changed.facts.name == "two"


async def test_a_quiet_watch_makes_sure_that_the_cluster_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PULSE_SECONDS", 0.05)
    monkeypatch.setattr(client_async, "PULSE_SECONDS", 0.3)
    answers = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal answers
        if request.path != "/version":
            return await stream(request) if "watch" in request.query else pods(7)
        answers += 1
        if answers > 1:
            await asyncio.Event().wait()  # it has stopped answering, with every connection open
        return web.json_response({"gitVersion": "v1"})

    async with cluster_of(script) as cluster, aclosing(watch.watch(cluster, "Pod")) as seen:
        words: list[Seen] = []
        async with asyncio.timeout(10):
            async for word in seen:
                words.append(word)
                if isinstance(word, Lost):
                    break
    assert isinstance(words[0], Listed)
    assert isinstance(words[1], Alive)
    assert answers == 2


async def test_many_quiet_streams_ask_once_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.1)
        return web.Response(status=500)

    async with cluster_of(script) as cluster:
        answers = await asyncio.gather(*(cluster.pulse() for _ in range(20)), return_exceptions=True)
    assert asked == 1
    assert all(isinstance(answer, errors.ClusterUnavailable) for answer in answers)


async def test_a_frozen_stream_is_left_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PULSE_SECONDS", 0.05)
    monkeypatch.setattr(watch, "WATCH_SECONDS", (0, 0))
    monkeypatch.setattr(watch, "FROZEN_SECONDS", 0.2)
    streams = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal streams
        if "watch" not in request.query:
            return pods(7)
        streams += 1
        if streams == 1:
            return await stream(request)
        return await stream(request, line("ADDED", pod("missed", 8)))

    async with (
        cluster_of(script) as cluster,
        asyncio.timeout(10),
        aclosing(watch.watch(cluster, "Pod")) as seen,
    ):
        words = [word async for word in _until_changed(seen)]
    assert streams == 2
    assert not any(isinstance(word, Lost) for word in words)


async def _until_changed(seen: AsyncIterator[Seen]) -> AsyncIterator[Seen]:
    async for word in seen:
        yield word
        if isinstance(word, Changed):
            return


async def test_an_address_nobody_answers_at_is_lost_since_the_first_try() -> None:
    async with AsyncCluster(Access(server="http://127.0.0.1:1", token="t")) as cluster:
        one, two = await first(cluster, 2)
    assert isinstance(one, Lost)
    assert isinstance(two, Lost)
    assert one.since == two.since


async def test_refused_rights_are_told_too() -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": 403, "message": "pods is forbidden"}, status=403)

    async with cluster_of(script) as cluster:
        (lost,) = await first(cluster, 1)
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, errors.Forbidden)


async def test_a_kind_without_facts_cannot_be_watched() -> None:
    async with AsyncCluster(Access(server="http://127.0.0.1:1", token="t")) as cluster:
        with pytest.raises(errors.MalformedRequest):
            await anext(watch.watch(cluster, "Secret"))


async def test_followed_log_lines_come_as_they_are_written() -> None:
    go_on = asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\nsec")
        await go_on.wait()
        await response.write("ond ção\nlast".encode())
        return response

    async with cluster_of(script) as cluster, asyncio.timeout(10):
        lines = cluster.follow_logs("a", "one", LogQuery())
        assert await anext(lines) == "first"
        go_on.set()
        assert [text async for text in lines] == ["second ção", "last"]


async def test_a_redirect_is_not_followed() -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    async with cluster_of(script) as cluster:
        with pytest.raises(errors.ClusterUnavailable, match="redirect"):
            await cluster.read("/version", {})

"""However a cluster is out of reach, a watch asks it seldom, says so, and then tells what is true."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import aclosing

import pytest
from aiohttp import web

from k8s import errors, watch
from k8s.client_async import AsyncCluster
from k8s.connect import Access
from k8s.watch import Changed, Listed, Lost, Seen
from tests.k8s.test_patience import Clock
from tests.k8s.watching import BOOKMARK, TOO_OLD, Script, cluster_of, line, pod, pods, stream

OUTAGE_SECONDS = 1800


def is_watch(request: web.Request) -> bool:
    return "watch" in request.query


async def answers_500(request: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


async def answers_html(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Please sign in</html>", content_type="text/html")


async def is_too_busy(request: web.Request) -> web.StreamResponse:
    return web.Response(status=429, headers={"Retry-After": "1"})


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def lists_and_then_hangs_up(request: web.Request) -> web.StreamResponse:
    return await hangs_up(request) if is_watch(request) else pods(7, pod("one", 5))


async def lists_two_pages_and_then_fails(request: web.Request) -> web.StreamResponse:
    if is_watch(request) or "continue" in request.query:
        return web.Response(status=503)
    return pods(7, **{"continue": "token"})


async def speaks_and_then_hangs_up(request: web.Request) -> web.StreamResponse:
    if not is_watch(request):
        return pods(7)
    await stream(request, line("ADDED", pod("one", 8)), stay=False)
    return await hangs_up(request)


async def is_always_too_old(request: web.Request) -> web.StreamResponse:
    if not is_watch(request):
        return pods(7)
    return await stream(request, line("BOOKMARK", BOOKMARK), line("ERROR", TOO_OLD), stay=False)


async def ends_each_watch_after_a_word(request: web.Request) -> web.StreamResponse:
    if not is_watch(request):
        return pods(7)
    return await stream(request, line("BOOKMARK", BOOKMARK), stay=False)


@pytest.mark.parametrize(
    "trouble",
    [
        answers_500,
        answers_html,
        is_too_busy,
        hangs_up,
        lists_and_then_hangs_up,
        lists_two_pages_and_then_fails,
        speaks_and_then_hangs_up,
        is_always_too_old,
        ends_each_watch_after_a_word,
    ],
)
async def test_a_long_outage_costs_at_most_a_request_every_four_seconds(trouble: Script) -> None:
    asked, clock = 0, Clock()

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return await trouble(request)

    async with cluster_of(script) as cluster, asyncio.timeout(60):
        seen = watch.watch(cluster, "Pod", sleep=clock.sleep, clock=clock)
        async with aclosing(seen):
            async for _ in seen:
                if clock.seconds >= OUTAGE_SECONDS:
                    break
    assert asked <= 0.25 * OUTAGE_SECONDS
    assert asked >= 0.05 * OUTAGE_SECONDS, "it does go on asking"


async def test_a_refused_connection_is_tried_again_within_a_second() -> None:
    clock = Clock()
    async with AsyncCluster(_nobody()) as cluster:
        seen = watch.watch(cluster, "Pod", sleep=clock.sleep, clock=clock)
        async with aclosing(seen):
            assert isinstance(await anext(seen), Lost)
            assert isinstance(await anext(seen), Lost)
    assert clock.seconds <= 1


def _nobody() -> Access:
    return Access(server="http://127.0.0.1:1", token="t")


async def words_until(cluster: AsyncCluster, clock: Clock, last: Callable[[Seen], bool]) -> list[Seen]:
    """What a watch tells up to the first word for which `last` holds."""
    words = []
    seen = watch.watch(cluster, "Pod", sleep=clock.sleep, clock=clock)
    async with asyncio.timeout(20), aclosing(seen):
        async for word in seen:
            words.append(word)
            if last(word):
                break
    return words


async def test_retry_after_is_waited_before_the_next_request() -> None:
    clock, asked_at = Clock(), list[float]()

    async def script(request: web.Request) -> web.StreamResponse:
        asked_at.append(clock.seconds)
        if len(asked_at) == 1:
            return web.Response(status=429, headers={"Retry-After": "17"})
        return await stream(request) if is_watch(request) else pods(7)

    async with cluster_of(script) as cluster:
        lost, _ = await words_until(cluster, clock, lambda word: isinstance(word, Listed))
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, errors.TooManyRequests)
    assert 17 <= asked_at[1] <= 18


async def test_what_was_deleted_during_a_restart_is_not_in_the_new_list() -> None:
    clock, lists = Clock(), itertools.count(1)

    async def script(request: web.Request) -> web.StreamResponse:
        if not is_watch(request):
            return pods(7, pod("ghost", 5), pod("kept", 6)) if next(lists) == 1 else pods(9, pod("kept", 6))
        if request.query["resourceVersion"] == "7":
            return await speaks_and_then_hangs_up(request)
        return await stream(request, line("ADDED", pod("new", 10)))

    async with cluster_of(script) as cluster:
        words = await words_until(
            cluster, clock, lambda word: isinstance(word, Changed) and word.facts.name == "new"
        )
    assert [type(word) for word in words] == [Listed, Changed, Lost, Listed, Changed]
    assert isinstance(words[3], Listed)
    assert [facts.name for facts in words[3].facts] == ["kept"]


async def test_a_login_page_in_the_middle_of_a_watch_is_lost_and_resumed_without_a_list() -> None:
    clock, watches, lists = Clock(), list[str](), itertools.count(1)
    listed = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal listed
        if not is_watch(request):
            listed = next(lists)
            return pods(7)
        watches.append(request.query["resourceVersion"])
        if len(watches) == 1:
            return await stream(request, line("ADDED", pod("one", 8)), stay=False)
        if len(watches) == 2:
            return await answers_html(request)
        return await stream(request, line("ADDED", pod("two", 9)))

    async with cluster_of(script) as cluster:
        words = await words_until(
            cluster, clock, lambda word: isinstance(word, Changed) and word.facts.name == "two"
        )
    assert watches == ["7", "8", "8"]
    assert listed == 1
    assert sum(isinstance(word, Lost) for word in words) == 1


async def test_a_list_overtaken_between_its_pages_is_asked_for_as_a_whole() -> None:
    asked: list[dict[str, str]] = []

    async def script(request: web.Request) -> web.StreamResponse:
        if is_watch(request):
            return await stream(request)
        asked.append(dict(request.query))
        if "continue" in request.query:
            rest = {"continue": "the rest, of a later time"}
            return web.json_response({**TOO_OLD, "kind": "Status", "metadata": rest}, status=410)
        if "limit" in request.query:
            return pods(7, pod("one", 5), **{"continue": "token"})
        return pods(9, pod("one", 5), pod("two", 8))

    async with cluster_of(script) as cluster:
        (listed,) = await words_until(cluster, Clock(), lambda word: isinstance(word, Listed))
    assert isinstance(listed, Listed)
    assert [facts.name for facts in listed.facts] == ["one", "two"]
    assert ["limit" in query for query in asked] == [True, True, False]


async def test_an_event_that_was_lost_on_the_way_is_made_good_by_a_list_now_and_then() -> None:
    clock, lists = Clock(), list[float]()

    async def script(request: web.Request) -> web.StreamResponse:
        if not is_watch(request):
            lists.append(clock.seconds)
            return pods(7, pod("ghost", 5)) if len(lists) == 1 else pods(9)
        # Nobody says that the ghost is gone.
        clock.seconds += 35
        return await stream(request, line("BOOKMARK", BOOKMARK), stay=False)

    async with cluster_of(script) as cluster:
        words = await words_until(cluster, clock, lambda word: isinstance(word, Listed) and not word.facts)
    assert not any(isinstance(word, Lost) for word in words)
    assert 500 < lists[1] - lists[0] < 800


async def test_a_watch_goes_on_where_only_lists_fail() -> None:
    clock, lists, watches = Clock(), 0, 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal lists, watches
        if is_watch(request):
            clock.seconds += 35
            watches += 1
            name = "last" if lists > 1 else "new"
            return await stream(request, line("ADDED", pod(name, 9 + watches)), stay=False)
        lists += 1
        return pods(7) if lists == 1 else web.Response(status=500)

    async with cluster_of(script) as cluster:
        words = await words_until(
            cluster, clock, lambda word: isinstance(word, Changed) and word.facts.name == "last"
        )
    assert sum(isinstance(word, Lost) for word in words) == 1

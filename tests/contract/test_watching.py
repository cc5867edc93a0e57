"""A watch of the gateway tells what is and what changes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import pytest

from k8s import errors, watch
from k8s.client_async import AsyncCluster
from k8s.cluster import Ref
from k8s.facts import AutoscalerFacts, DeploymentFacts
from k8s.kinds import collection_path
from k8s.labels import MANAGED_BY_US
from k8s.spec import Autoscaling
from k8s.watch import Alive, Changed, Gone, Listed, Lost, Seen
from tests.contract.target import Target
from tests.k8s.wishes import built

Word = TypeVar("Word")


class Watching:
    """The words of a watch on the objects of one kind in a namespace."""

    def __init__(self, seen: AsyncGenerator[Seen, None]) -> None:
        self.seen = seen
        self.lost: list[Lost] = []

    async def next(self, kind: type[Word], holds: Callable[[Any], bool] | None = None) -> Word:
        """The next word of that kind for which it holds."""
        async with asyncio.timeout(60):
            async for word in self.seen:
                if isinstance(word, Lost):
                    self.lost.append(word)
                if isinstance(word, kind) and (holds is None or holds(word)):
                    return word
        raise AssertionError("the watch ended")


@asynccontextmanager
async def watching(
    target: Target, space: str, labels: str = "", kind: str = "Deployment"
) -> AsyncGenerator[Watching, None]:
    async with (
        AsyncCluster(target.access) as reader,
        aclosing(watch.watch(reader, kind, namespace=space, labels=labels)) as seen,
    ):
        yield Watching(seen)


async def apply(target: Target, space: str, name: str, **labels: str) -> None:
    deployment = built(target.wish(space, name, replicas=0))
    deployment["metadata"]["labels"].update(labels)
    await asyncio.to_thread(target.cluster.apply, deployment)


def names(listed: Listed) -> list[str]:
    return [facts.name for facts in listed.facts]


def about(name: str) -> Callable[[Changed | Gone], bool]:
    return lambda word: (word.facts.name if isinstance(word, Changed) else word.name) == name


async def test_it_lists_what_is_and_tells_each_change_until_the_end(target: Target, space: str) -> None:
    await apply(target, space, "there")
    async with watching(target, space) as seen:
        assert names(await seen.next(Listed)) == ["there"]
        await apply(target, space, "new")
        born = await seen.next(Changed, about("new"))
        await asyncio.to_thread(target.cluster.scale, Ref("Deployment", space, "new"), 1)
        scaled = await seen.next(Changed, lambda word: _wants(word, "new", 1))
        assert scaled.facts.generation == born.facts.generation + 1
        seen_by_controller = await seen.next(Changed, lambda word: _observed(word, "new"))
        assert seen_by_controller.facts.uid == born.facts.uid
        await asyncio.to_thread(target.cluster.delete, Ref("Deployment", space, "new"))
        gone = await seen.next(Gone, about("new"))
        assert gone == Gone(born.facts.uid, space, "new")
    assert seen.lost == []


def _wants(word: Changed, name: str, replicas: int) -> bool:
    facts = word.facts
    return isinstance(facts, DeploymentFacts) and facts.name == name and facts.wanted_replicas == replicas


def _observed(word: Changed, name: str) -> bool:
    facts = word.facts
    return _wants(word, name, 1) and facts.observed_generation == facts.generation  # type: ignore[attr-defined]


async def test_an_autoscaler_is_told_with_what_it_thinks_and_when_it_is_gone(
    target: Target, space: str
) -> None:
    bounds = Autoscaling(min_replicas=1, max_replicas=3, target_memory_percent=70)
    wish = target.wish(space, replicas=None, autoscaling=bounds)
    async with watching(target, space, MANAGED_BY_US, "HorizontalPodAutoscaler") as seen:
        await seen.next(Listed)
        scaler = built(wish, "HorizontalPodAutoscaler")
        await asyncio.to_thread(target.cluster.apply, scaler)
        # Its Deployment is not there, and that is what it says.
        told = await seen.next(Changed, lambda word: bool(word.facts.conditions))
        assert isinstance(told.facts, AutoscalerFacts)
        assert [(each.resource, each.target) for each in told.facts.metrics] == [("memory", 70)]
        assert {each.reason for each in told.facts.conditions} == {"FailedGetScale"}
        await asyncio.to_thread(target.cluster.delete, Ref("HorizontalPodAutoscaler", space, wish.name))
        assert (await seen.next(Gone)).name == wish.name


async def test_a_selected_object_that_loses_its_label_is_gone(target: Target, space: str) -> None:
    async with watching(target, space, labels="contract=yes") as seen:
        assert names(await seen.next(Listed)) == []
        await apply(target, space, "other")
        await apply(target, space, "mine", contract="yes")
        assert (await seen.next(Changed)).facts.name == "mine"
        await apply(target, space, "mine", contract="no")
        assert (await seen.next(Gone)).name == "mine"


async def test_a_watch_that_the_server_ends_goes_on_where_it_was(
    target: Target, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "WATCH_SECONDS", (1, 1))
    async with watching(target, space) as seen:
        await seen.next(Listed)
        for number in range(3):
            await apply(target, space, f"number-{number}")
            assert isinstance(await seen.next(Changed, about(f"number-{number}")), Changed)
            await seen.next(Alive)
    assert seen.lost == []


async def test_a_list_in_pages_is_told_as_one(
    target: Target, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAGE", 2)
    for number in range(5):
        await apply(target, space, f"number-{number}")
    async with watching(target, space) as seen:
        listed = await seen.next(Listed)
        assert sorted(names(listed)) == [f"number-{number}" for number in range(5)]
        await apply(target, space, "one-more")
        assert (await seen.next(Changed, about("one-more"))).facts.name == "one-more"


async def test_metrics_cannot_be_watched(measured: Target) -> None:
    async with AsyncCluster(measured.access) as reader:
        with pytest.raises(errors.MethodNotAllowed):
            await reader.read(collection_path("PodMetrics", None), {"watch": "1"})

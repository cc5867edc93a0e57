"""The gateway does its whole work against the local cluster, where pods are real processes."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from k8s import errors, watch
from k8s.client import KubernetesCluster
from k8s.client_async import AsyncCluster
from k8s.cluster import LogQuery, Permission, ProxyResponse, Ref
from k8s.connect import Access, load_kubeconfig
from k8s.decode import facts_of
from k8s.facts import DeploymentFacts, PodFacts
from k8s.health import Judgement, judge
from k8s.labels import INSTANCE
from k8s.manifests import build, namespace
from k8s.spec import Service, Wish
from tests.k8s.wishes import WISH, built, changed
from tests.processes import ClusterServer, new_cluster

SECONDS = 40


@pytest.fixture
def access(local_cluster: ClusterServer) -> Access:
    return load_kubeconfig(local_cluster.kubeconfig.read_text())


@pytest.fixture
def cluster(access: Access) -> Iterator[KubernetesCluster]:
    client = KubernetesCluster(access)
    yield client
    client.close()


@pytest.fixture
def space(cluster: KubernetesCluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"gateway-{uuid4().hex[:8]}"
    cluster.apply(namespace(name, "pricing"))
    yield name
    cluster.delete(Ref("Namespace", "", name))


def wish_in(space: str, *, spec: dict[str, Any] | None = None, **fields: Any) -> Wish:
    inside = {"service": Service(type="ClusterIP", port=5001), **(spec or {})}
    return changed(spec=inside, namespace=space, **fields)


def apply(cluster: KubernetesCluster, wish: Wish) -> None:
    for manifest in build(wish):
        assert cluster.apply(manifest).warnings == ()


def pods(cluster: KubernetesCluster, space: str) -> list[PodFacts]:
    found = [facts_of("Pod", pod) for pod in cluster.list("Pod", space, labels=f"{INSTANCE}={WISH.name}")]
    return [pod for pod in found if isinstance(pod, PodFacts)]


def judged(cluster: KubernetesCluster, wish: Wish) -> Judgement:
    found = facts_of("Deployment", cluster.get(Ref("Deployment", wish.namespace, wish.name)))
    assert isinstance(found, DeploymentFacts)
    return judge(
        found,
        pods(cluster, wish.namespace),
        wanted=wish.replicas or 0,
        expected_revision=wish.revision,
        now=datetime.now(UTC),
    )


def until(cluster: KubernetesCluster, wish: Wish, *states: str) -> Judgement:
    """Waits for one of these states."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = judged(cluster, wish)
        if found.state in states:
            return found
        assert time.monotonic() < deadline, found
        threading.Event().wait(0.1)


HOUSE = {"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}


def predict(cluster: KubernetesCluster, wish: Wish) -> ProxyResponse:
    return cluster.service_proxy(
        wish.namespace,
        wish.name,
        wish.spec.service.port,
        method="POST",
        path="/v1/models/house:predict",
        body=msgspec.json.encode({"instances": [HOUSE]}),
        content_type="application/json",
        timeout_seconds=10,
        max_bytes=100_000,
    )


def test_it_greets_and_tells_what_we_may(cluster: KubernetesCluster) -> None:
    assert cluster.version().startswith("v1.")
    assert cluster.can_i(Permission("patch", "deployments", group="apps", namespace="pricing"))


def test_a_wish_is_served_scaled_rolled_and_deleted(cluster: KubernetesCluster, space: str) -> None:
    wish = wish_in(space, replicas=2)
    apply(cluster, wish)
    assert until(cluster, wish, "running").message == "2 of 2 replicas ready"
    assert predict(cluster, wish).status == 200
    first = {pod.name for pod in pods(cluster, space)}

    more = msgspec.structs.replace(wish, replicas=3, revision=3)
    apply(cluster, more)
    assert until(cluster, more, "running").ready == 3
    assert first <= {pod.name for pod in pods(cluster, space)}, "scaling replaced no pod"

    rolled = wish_in(space, replicas=3, revision=4, spec={"image": "local/house:2.0", "version": "2.0"})
    apply(cluster, rolled)
    assert until(cluster, rolled, "running").updated == 3

    assert cluster.delete(Ref("Deployment", space, wish.name))
    assert cluster.delete(Ref("Service", space, wish.name))
    deadline = time.monotonic() + SECONDS
    while pods(cluster, space):
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)
    with pytest.raises(errors.NotFound):
        predict(cluster, wish)


def test_logs_are_read_and_followed(cluster: KubernetesCluster, access: Access, space: str) -> None:
    wish = wish_in(space, replicas=1)
    apply(cluster, wish)
    until(cluster, wish, "running")
    (pod,) = pods(cluster, space)
    assert cluster.logs(space, pod.name, LogQuery(tail_lines=50)).strip()

    with pytest.raises((errors.LogsGone, errors.MalformedRequest)):
        cluster.logs(space, pod.name, LogQuery(previous=True))

    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.wait(0.1):
            predict(cluster, wish)

    async def first_new_line() -> str:
        query = LogQuery(tail_lines=0, timestamps=False)
        async with (
            AsyncCluster(access) as reader,
            aclosing(reader.follow_logs(space, pod.name, query)) as lines,
        ):
            asking = asyncio.create_task(asyncio.to_thread(keep_asking))
            try:
                async with asyncio.timeout(SECONDS):
                    return await anext(lines)
            finally:
                stop.set()
                await asking

    assert "predict" in asyncio.run(first_new_line())


def test_a_crashing_image_is_failed_in_plain_words(cluster: KubernetesCluster, space: str) -> None:
    wish = wish_in(space, replicas=1, spec={"image": "local/crash:1.0"})
    apply(cluster, wish)
    assert "keeps ending" in until(cluster, wish, "failed").message
    with pytest.raises(errors.ServiceHasNoEndpoints):
        predict(cluster, wish)


def test_an_image_that_is_not_there_is_failed_in_plain_words(cluster: KubernetesCluster, space: str) -> None:
    wish = wish_in(space, replicas=1, spec={"image": "local/house:9.9"})
    apply(cluster, wish)
    assert "cannot be pulled" in until(cluster, wish, "failed").message


async def test_a_watch_tells_a_deployment_from_its_birth_to_its_end(
    cluster: KubernetesCluster, access: Access, space: str
) -> None:
    wish = wish_in(space, replicas=1)

    async def next_of(seen: AsyncIterator[watch.Seen], wanted: Callable[[watch.Seen], bool]) -> watch.Seen:
        async with asyncio.timeout(SECONDS):
            async for word in seen:
                if wanted(word):
                    return word
        raise AssertionError("the watch ended")

    def is_ready(word: watch.Seen) -> bool:
        return isinstance(word, watch.Changed) and isinstance(word.facts, PodFacts) and word.facts.ready

    async with AsyncCluster(access) as reader, aclosing(watch.watch(reader, "Pod", namespace=space)) as seen:
        listed = await next_of(seen, lambda word: isinstance(word, watch.Listed))
        assert listed == watch.Listed([], listed.resource_version)  # type: ignore[union-attr]
        await asyncio.to_thread(apply, cluster, wish)
        await next_of(seen, is_ready)
        await asyncio.to_thread(cluster.delete, Ref("Deployment", space, wish.name))
        gone = await next_of(seen, lambda word: isinstance(word, watch.Gone))
        assert isinstance(gone, watch.Gone)
        assert gone.namespace == space


async def test_a_cluster_that_dies_is_lost_and_compared_anew_when_it_is_back(tmp_path: Path) -> None:
    server = new_cluster(tmp_path)
    await asyncio.to_thread(server.start)
    access = load_kubeconfig(server.kubeconfig.read_text())
    client = KubernetesCluster(access)
    try:
        await asyncio.to_thread(client.apply, namespace("kept", "pricing"))
        async with (
            AsyncCluster(access) as reader,
            aclosing(watch.watch(reader, "Deployment")) as seen,
            asyncio.timeout(SECONDS),
        ):
            assert isinstance(await anext(seen), watch.Listed)
            await asyncio.to_thread(client.apply, built(changed(namespace="kept", replicas=0)))
            # At once: the cluster may forget what it was only just told.
            await asyncio.to_thread(server.kill)
            died_at = time.monotonic()
            while not isinstance(await anext(seen), watch.Lost):
                pass
            assert time.monotonic() - died_at < 15
            with pytest.raises(errors.ClusterUnavailable):
                await asyncio.to_thread(client.version)
            await asyncio.to_thread(server.start)
            while isinstance(word := await anext(seen), watch.Lost):
                pass
            assert isinstance(word, watch.Listed)
            kept = await asyncio.to_thread(client.list, "Deployment", "kept")
            assert [facts.name for facts in word.facts] == [found["metadata"]["name"] for found in kept]
    finally:
        client.close()
        await asyncio.to_thread(server.stop)


def test_a_rollout_loses_no_request(cluster: KubernetesCluster, space: str) -> None:
    wish = wish_in(space, replicas=2)
    apply(cluster, wish)
    until(cluster, wish, "running")
    stop, answers = threading.Event(), list[int]()

    def keep_asking() -> None:
        while not stop.wait(0.02):
            try:
                answers.append(predict(cluster, wish).status)
            except errors.ClusterError as exc:
                answers.append(exc.status)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        rolled = wish_in(space, replicas=2, revision=3, spec={"image": "local/house:2.0", "version": "2.0"})
        apply(cluster, rolled)
        until(cluster, rolled, "running")
        deadline = time.monotonic() + SECONDS
        while len(pods(cluster, space)) > 2:
            assert time.monotonic() < deadline
            threading.Event().wait(0.1)
    finally:
        stop.set()
        asking.join()
    assert len(answers) > 50
    assert set(answers) == {200}

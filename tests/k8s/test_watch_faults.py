"""Whatever goes wrong on the way, a watch ends up knowing exactly what the cluster has."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import httpx
import pytest

from k8s import client_async, watch
from k8s.client import KubernetesCluster
from k8s.client_async import AsyncCluster
from k8s.cluster import Ref
from k8s.connect import Access, load_kubeconfig
from k8s.manifests import namespace
from k8s.watch import Changed, Gone, Listed
from tests.k8s.wishes import built, changed
from tests.processes import ClusterServer, new_cluster

# Pauses are this much shorter than they would be, and clocks this much faster.
FASTER = 20
Rule = dict[str, Any]
TROUBLES: dict[str, list[Rule]] = {
    "throttled": [{"fault": "throttle", "verb": "watch", "count": 2}, {"fault": "throttle", "count": 1}],
    "failing": [{"fault": "error", "verb": "watch", "count": 3}],
    "unavailable": [{"fault": "error", "code": 503, "count": 3}],
    "broken in the middle": [{"fault": "reset", "verb": "watch", "count": 3}],
    "broken lists": [
        {"fault": "reset", "verb": "watch", "count": 1},
        {"fault": "reset", "verb": "list", "count": 2},
    ],
    "a proxy's login page": [{"fault": "html", "count": 3}],
    "too old": [{"fault": "gone", "verb": "watch", "count": 3}],
    "too old, and lists overtaken": [
        {"fault": "gone", "verb": "watch", "count": 1},
        {"fault": "gone", "verb": "list", "count": 2},
    ],
    "frozen": [{"fault": "frozen-watch", "verb": "watch", "count": 2}],
    "lists of the past": [
        {"fault": "reset", "verb": "watch", "count": 2},
        {"fault": "old-list", "verb": "list", "count": 2},
    ],
    "events that get lost": [{"fault": "drop-events", "verb": "watch", "share": 0.5, "count": 5}],
    "slow": [{"fault": "delay", "seconds": 0.1, "count": 3}],
}
# An open watch ends, so that whatever strikes new requests does.
BREAK: Rule = {"fault": "reset", "verb": "watch", "count": 1}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    server = new_cluster(tmp_path_factory.mktemp("faulty"))
    server.argv += ("--faults",)
    server.start()
    yield server
    server.stop()


class Known:
    """What somebody knows who listens to a watch."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.listed = asyncio.Event()
        self.heard = asyncio.Event()

    async def listen(self, access: Access, space: str) -> None:
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds / FASTER)

        def clock() -> float:
            return time.monotonic() * FASTER

        async with (
            AsyncCluster(access) as reader,
            aclosing(watch.watch(reader, "Deployment", namespace=space, sleep=sleep, clock=clock)) as seen,
        ):
            async for word in seen:
                if isinstance(word, Listed):
                    self.objects = {facts.name: facts.resource_version for facts in word.facts}
                    self.listed.set()
                elif isinstance(word, Changed):
                    self.objects[word.facts.name] = word.facts.resource_version
                elif isinstance(word, Gone):
                    self.objects.pop(word.name, None)
                self.heard.set()

    async def until(self, expected: dict[str, str]) -> None:
        try:
            async with asyncio.timeout(60):
                while self.objects != expected:
                    self.heard.clear()
                    await self.heard.wait()
        except TimeoutError:
            raise AssertionError(f"known: {self.objects}, true: {expected}") from None


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_no_change_is_lost(
    faulty: ClusterServer, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "WATCH_SECONDS", (2, 2))
    monkeypatch.setattr(watch, "FROZEN_SECONDS", 1)
    monkeypatch.setattr(watch, "RELIST_SECONDS", (3 * FASTER, 4 * FASTER))
    monkeypatch.setattr(watch, "PULSE_SECONDS", 0.3)
    monkeypatch.setattr(client_async, "PULSE_SECONDS", 1)
    access = load_kubeconfig(faulty.kubeconfig.read_text())
    space = f"faults-{uuid4().hex[:8]}"
    known = Known()
    cluster = KubernetesCluster(access)
    await asyncio.to_thread(cluster.apply, namespace(space, "faults"))
    listening = asyncio.create_task(known.listen(access, space))
    try:
        async with asyncio.timeout(30):
            await known.listed.wait()
        await asyncio.to_thread(put_in_force, access, space, [*TROUBLES[trouble], BREAK])
        await asyncio.to_thread(change_things, cluster, space)
        await asyncio.to_thread(go_on_until_all_have_struck, cluster, access, space)
        await asyncio.to_thread(cluster.delete, Ref("Deployment", space, "number-0"))
        true = await asyncio.to_thread(versions, cluster, space)
        assert len(true) == 4
        await known.until(true)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await asyncio.to_thread(cluster.delete, Ref("Namespace", "", space))
        cluster.close()


def admin(access: Access) -> httpx.Client:
    trust = access.ssl_context()
    assert trust is not None
    return httpx.Client(base_url=access.server, headers=access.headers, verify=trust)


def go_on_until_all_have_struck(cluster: KubernetesCluster, access: Access, space: str) -> None:
    """Changes one object again and again until every rule of the namespace has made something go wrong."""
    deadline = time.monotonic() + 60
    with admin(access) as http:
        while True:
            rules = [rule for rule in http.get("/local-cluster/faults").json() if rule["namespace"] == space]
            if all(rule["hits"] for rule in rules):
                return
            assert time.monotonic() < deadline, rules
            revision = 10 + int(100 * (deadline - time.monotonic()))
            wish = changed(name="number-0", namespace=space, replicas=0, revision=revision)
            cluster.apply(built(wish))
            threading.Event().wait(0.2)


def put_in_force(access: Access, space: str, rules: list[Rule]) -> None:
    """Let what watchers of the namespace's deployments ask go wrong, and nothing else."""
    with admin(access) as http:
        for rule in rules:
            where = {"namespace": space, "resource": "deployments"}
            for verb in [rule["verb"]] if "verb" in rule else ["watch", "list"]:
                http.post("/local-cluster/faults", json={**rule, **where, "verb": verb}).raise_for_status()


def change_things(cluster: KubernetesCluster, space: str) -> None:
    """Births, changes and deaths."""
    for number in range(6):
        wish = changed(name=f"number-{number}", namespace=space, replicas=0)
        cluster.apply(built(wish))
    for number in range(3):
        cluster.scale(Ref("Deployment", space, f"number-{number}"), 0)
        cluster.apply(built(changed(name=f"number-{number}", namespace=space, replicas=0, revision=9)))
    cluster.delete(Ref("Deployment", space, "number-5"))


def versions(cluster: KubernetesCluster, space: str) -> dict[str, str]:
    """What is true once the controllers have had their say."""
    deadline = time.monotonic() + 30
    while True:
        names = [f"number-{number}" for number in range(1, 5)]
        found = [cluster.get(Ref("Deployment", space, name)) for name in names]
        if all(_settled(each) for each in found):
            return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found}
        assert time.monotonic() < deadline


def _settled(found: dict[str, Any]) -> bool:
    conditions = {each["type"] for each in found["status"].get("conditions") or ()}
    observed = found["status"].get("observedGeneration") == found["metadata"]["generation"]
    return bool(observed and {"Available", "Progressing"} <= conditions)

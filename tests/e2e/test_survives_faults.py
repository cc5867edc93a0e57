"""What a SIGKILL at the wrong moment costs: nothing but seconds."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.stack import Stack, deployment_of, until


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A product of this module's own: its processes are killed."""
    running = Stack(tmp_path_factory.mktemp("faults") / "data").start()
    yield running
    assert running.stop() == 0, "\n".join(running.output[-40:])


@pytest.fixture(scope="module")
def api(own_stack: Stack) -> Iterator[httpx.Client]:
    with own_stack.client("lead") as client:
        yield client


def create(api: httpx.Client, name: str, replicas: int = 1) -> None:
    answer = api.post(
        "/teams/pricing/deployments/", json={"name": name, "image": "local/house:1.0", "replicas": replicas}
    )
    assert answer.status_code == 202, answer.text


def scale(api: httpx.Client, name: str, replicas: int) -> None:
    answer = api.post(f"/teams/pricing/deployments/{name}/scale/", json={"replicas": replicas})
    assert answer.status_code == 202, answer.text


class Shown(dict[str, Any]):
    """A deployment as shown, true once it has settled; so that a wait that fails tells what it saw."""

    def __bool__(self) -> bool:
        status = self["status"]
        return (
            self["applied_generation"] == self["generation"]
            and status["state"] == "running"
            and status["ready_replicas"] == self["waited_for"] == status["wanted_replicas"]
            and not status["stale"]
        )


def settled(api: httpx.Client, name: str, replicas: int) -> Shown:
    return Shown(deployment_of(api, name), waited_for=replicas)


@pytest.mark.parametrize("victim", ["worker", "observer", "valkey", "cluster"])
def test_a_killed_process_comes_back_and_no_wish_is_lost(
    own_stack: Stack, api: httpx.Client, victim: str
) -> None:
    scaled, created = f"scaled-{victim}", f"created-{victim}"
    create(api, scaled)
    until(f"{scaled} runs", lambda: settled(api, scaled, 1))

    first = own_stack.pid_of(victim)
    scale(api, scaled, 3)
    os.kill(first, signal.SIGKILL)
    until(f"{victim} is back", lambda: own_stack.pid_of(victim) not in {0, first})
    until(f"{scaled} has 3", lambda: settled(api, scaled, 3))

    second = own_stack.pid_of(victim)
    create(api, created, replicas=2)
    os.kill(second, signal.SIGKILL)
    until(f"{created} runs", lambda: settled(api, created, 2))
    objects = own_stack.kubectl("-n", "pricing", "get", "deployments", "-o", "name").stdout.split()
    assert {f"deployment.apps/{scaled}", f"deployment.apps/{created}"} <= set(objects)
    for name in (scaled, created):
        assert api.delete(f"/teams/pricing/deployments/{name}/?wait=50").status_code == 202


def test_a_frozen_cluster_is_said_and_wishes_wait_for_it(own_stack: Stack, api: httpx.Client) -> None:
    create(api, "frozen")
    until("it runs", lambda: settled(api, "frozen", 1))
    frozen = own_stack.pid_of("cluster")
    os.kill(frozen, signal.SIGSTOP)
    try:
        shown = until(
            "it is said to be unknown",
            lambda: (s := deployment_of(api, "frozen")["status"])["state"] == "unknown" and s,
        )
        assert shown["stale"] is True
        assert "last seen" in shown["message"]
        scale(api, "frozen", 2)
        assert deployment_of(api, "frozen")["applied_generation"] < deployment_of(api, "frozen")["generation"]
    finally:
        os.kill(frozen, signal.SIGCONT)
    until("the wish is applied", lambda: settled(api, "frozen", 2))
    assert api.delete("/teams/pricing/deployments/frozen/?wait=50").status_code == 202


def test_what_a_killed_dev_leaves_is_cleaned_by_the_next_start(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data_dir = tmp_path_factory.mktemp("killed") / "data"
    first = Stack(data_dir).start()
    with first.client() as api:
        create(api, "orphan", 2)
        until("it runs", lambda: settled(api, "orphan", 2))
    assert first.process is not None
    family = psutil.Process(first.process.pid).children(recursive=True)
    first.process.kill()
    first.process.wait()
    second = Stack(data_dir, environment={}).start()
    try:
        survivors = [p.pid for p in family if psutil.pid_exists(p.pid) and alive(p)]
        assert survivors == []
        with second.client() as api:
            until("its pods are back", lambda: settled(api, "orphan", 2))
    finally:
        assert second.stop() == 0


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

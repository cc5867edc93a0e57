"""A deployment from its wish to its end, as the product makes it, asks for it and judges it."""

import asyncio
import socket
import urllib.request
from contextlib import aclosing
from typing import cast

import msgspec
import pytest

from k8s import errors
from k8s.client_async import AsyncCluster
from k8s.cluster import LogQuery, ProxyResponse, Ref
from k8s.decode import facts_of
from k8s.facts import NodeFacts, ReplicaSetFacts, ServiceFacts
from k8s.health import is_alive
from k8s.manifests import build
from k8s.spec import EnvVar, Service, Wish
from tests.contract.target import PORT, Target, pod


def apply(target: Target, wish: Wish) -> None:
    for manifest in build(wish):
        assert target.cluster.apply(manifest).warnings == ()


def ask(target: Target, wish: Wish, path: str = "/healthz") -> ProxyResponse:
    return target.cluster.service_proxy(
        wish.namespace,
        wish.name,
        PORT,
        method="GET",
        path=path,
        body=None,
        content_type=None,
        timeout_seconds=10,
        max_bytes=100_000,
    )


def test_a_wish_is_served_scaled_stopped_and_deleted(runner: Target, space: str) -> None:
    wish = runner.wish(space, replicas=1)
    apply(runner, wish)
    with pytest.raises((errors.ServiceHasNoEndpoints, errors.NotFound)):
        ask(runner, runner.wish(space, "nobody"))
    assert runner.until_state(wish, "running").message == "1 of 1 replicas ready"
    (first,) = runner.pods(space, wish.name)
    assert (first.ready, first.phase, first.restarts) == (True, "Running", 0)
    assert first.node
    assert first.pod_ip
    assert runner.until("the service answers", lambda: _answers(runner, wish)) == 200
    # An error of the workload is its answer, and not an error of the cluster.
    assert ask(runner, wish, "/no/such/page").status == 404

    more = msgspec.structs.replace(wish, replicas=2, revision=2)
    apply(runner, more)
    assert runner.until_state(more, "running").ready == 2
    assert first.name in {found.name for found in runner.pods(space, wish.name)}, "scaling replaces no pod"

    none = msgspec.structs.replace(wish, replicas=0, revision=3)
    apply(runner, none)
    runner.until_state(none, "paused")
    runner.until("nobody answers", lambda: _answers(runner, wish) == 0)

    assert runner.cluster.delete(Ref("Deployment", space, wish.name))
    assert runner.cluster.delete(Ref("Service", space, wish.name))
    runner.until("it is gone", lambda: not runner.cluster.list("ReplicaSet", space))


def _answers(target: Target, wish: Wish) -> int:
    try:
        return ask(target, wish).status
    except errors.ServiceHasNoEndpoints:
        return 0


def test_a_new_revision_replaces_every_pod_and_a_broken_one_none(runner: Target, space: str) -> None:
    wish = runner.wish(space, replicas=1)
    apply(runner, wish)
    runner.until_state(wish, "running")
    (old,) = runner.pods(space, wish.name)

    changed = {"env": (EnvVar(name="LOG_LEVEL", value="DEBUG"),)}
    second = runner.wish(space, revision=2, spec=changed)
    apply(runner, second)
    assert runner.until_state(second, "running").updated == 1
    assert old.name not in {found.name for found in runner.pods(space, wish.name) if is_alive(found)}
    found = [
        cast(ReplicaSetFacts, facts_of("ReplicaSet", r)) for r in runner.cluster.list("ReplicaSet", space)
    ]
    assert sorted((each.revision, each.wanted_replicas) for each in found) == [(1, 0), (2, 1)]
    assert {each.owner for each in found} == {wish.name}

    broken = runner.wish(space, revision=3, spec={"image": "example.invalid/house:9.9"})
    apply(runner, broken)
    judged = runner.until_state(broken, "degraded")
    assert (judged.ready, judged.updated) == (1, 1)
    assert judged.reason in {"ErrImagePull", "ImagePullBackOff"}

    undone = runner.wish(space, revision=4, spec=changed)
    apply(runner, undone)
    runner.until_state(undone, "running")


def test_restarting_replaces_every_pod(runner: Target, space: str) -> None:
    wish = runner.wish(space)
    apply(runner, wish)
    runner.until_state(wish, "running")
    before = {found.uid for found in runner.pods(space, wish.name)}
    again = runner.wish(space, revision=2, restarted_at="2026-11-23T20:00:00Z")
    apply(runner, again)
    runner.until_state(again, "running")
    assert not before & {found.uid for found in runner.pods(space, wish.name) if is_alive(found)}


def test_logs_are_read_from_now_and_from_the_run_before(runner: Target, space: str) -> None:
    runner.cluster.apply(pod(space, "talker", runner.image, "echo", "one line", restartPolicy="Never"))
    runner.until("it has ended", lambda: runner.pod(space, "talker").phase == "Succeeded")
    assert runner.cluster.logs(space, "talker", LogQuery(timestamps=False)) == "one line\n"
    stamp, _, text = runner.cluster.logs(space, "talker", LogQuery()).strip().partition(" ")
    assert text == "one line"
    assert stamp.startswith("20")
    assert runner.cluster.logs(space, "talker", LogQuery(tail_lines=0)) == ""
    assert list(runner.cluster.follow_logs(space, "talker", LogQuery(timestamps=False))) == ["one line"]
    with pytest.raises(errors.LogsGone, match="previous terminated container"):
        runner.cluster.logs(space, "talker", LogQuery(previous=True))
    with pytest.raises(errors.MalformedRequest, match="container nobody is not valid"):
        runner.cluster.logs(space, "talker", LogQuery(container="nobody"))
    with pytest.raises(errors.NotFound, match='"nobody" not found'):
        runner.cluster.logs(space, "nobody", LogQuery())


def test_the_log_of_the_run_before_is_kept(runner: Target, space: str) -> None:
    runner.cluster.apply(pod(space, "again", runner.image, "echo", "this run"))
    runner.until("it was restarted", lambda: runner.pod(space, "again").restarts >= 1)
    assert "this run" in runner.cluster.logs(space, "again", LogQuery(previous=True))


def test_a_log_is_followed_until_its_container_ends(runner: Target, space: str) -> None:
    runner.cluster.apply(pod(space, "server", runner.image))
    runner.until("it runs", lambda: runner.pod(space, "server").phase == "Running")

    async def follow() -> None:
        async with (
            AsyncCluster(runner.access) as reader,
            asyncio.timeout(120),
            aclosing(reader.follow_logs(space, "server", LogQuery())) as lines,
        ):
            await anext(lines)
            await asyncio.to_thread(runner.cluster.delete, Ref("Pod", space, "server"))
            async for _ in lines:
                pass

    asyncio.run(follow())


def test_a_node_port_answers_on_the_node(runner: Target, space: str) -> None:
    wish = runner.wish(space, spec={"service": Service(type="NodePort", port=PORT)})
    apply(runner, wish)
    runner.until_state(wish, "running")
    service = cast(ServiceFacts, facts_of("Service", runner.cluster.get(Ref("Service", space, wish.name))))
    (port,) = service.ports
    assert port.node_port
    assert service.cluster_ip
    (only,) = runner.pods(space, wish.name)
    node = cast(NodeFacts, facts_of("Node", runner.cluster.get(Ref("Node", "", only.node))))
    address = (node.address, port.node_port)

    def answers() -> int:
        try:
            with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/healthz", timeout=5) as answer:
                return int(answer.status)
        except OSError:
            return 0

    if runner.foreign and not reachable(address):
        pytest.skip(f"no route from here to the node port {address[0]}:{address[1]}")
    assert runner.until("the node port answers", answers) == 200


def reachable(address: tuple[str, int]) -> bool:
    """Whether a connection can be made at all; a refused one has found its way."""
    try:
        with socket.create_connection(address, timeout=5):
            return True
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def test_a_node_tells_what_it_has(target: Target) -> None:
    nodes = [cast(NodeFacts, facts_of("Node", each)) for each in target.cluster.list("Node")]
    ready = [node for node in nodes if node.ready]
    assert ready
    for node in ready:
        assert node.cpu_capacity >= node.cpu_allocatable > 0
        assert node.memory_capacity >= node.memory_allocatable > 0
        assert node.kubelet_version.startswith("v1.")
        assert node.address


def test_what_happens_to_a_pod_is_told_by_events(runner: Target, space: str) -> None:
    runner.cluster.apply(pod(space, "sleeper", runner.image, "sleep", "3600"))
    for reason, source in (("Scheduled", "default-scheduler"), ("Started", "kubelet")):
        (event, *_) = runner.until(reason, lambda reason=reason: runner.events(space, reason, "sleeper"))  # type: ignore[misc]
        assert (event.type, event.object_kind, event.source) == ("Normal", "Pod", source)
        assert event.object_uid == runner.pod(space, "sleeper").uid
        assert event.first_at is not None
        assert event.last_at is not None
    assert runner.cluster.delete(Ref("Pod", space, "sleeper"))
    runner.until("it is gone", lambda: not runner.cluster.list("Pod", space))

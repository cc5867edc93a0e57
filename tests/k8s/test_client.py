"""The verbs, against a server that answers as genuine clusters were recorded to."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from k8s import errors
from k8s.client import KubernetesCluster
from k8s.cluster import Cluster, LogQuery, Permission, Ref
from k8s.connect import Access
from tests.k8s.scripted import Answer, Asked, ScriptedServer, recorded, serving

DEPLOYMENT = Ref("Deployment", "err", "d")


@contextmanager
def cluster_of(script: Callable[[Asked], Answer]) -> Iterator[tuple[Cluster, ScriptedServer]]:
    with serving(script) as server:
        cluster = KubernetesCluster(server.access)
        try:
            yield cluster, server
        finally:
            cluster.close()


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[Cluster, ScriptedServer]]:
    with cluster_of(lambda _: answer) as pair:
        yield pair


def test_apply_is_server_side_and_brings_the_clusters_remarks() -> None:
    with answering(recorded("podsecurity_warning_deployment")) as (cluster, server):
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d2", "namespace": "err"},
        }
        applied = cluster.apply(manifest, dry_run=True)
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("PATCH", "/apis/apps/v1/namespaces/err/deployments/d2")
    assert asked.query == {"fieldManager": "timoneiro", "force": "true", "dryRun": "All"}
    assert asked.headers["content-type"] == "application/apply-patch+yaml"
    assert asked.headers["authorization"] == "Bearer secret-token"
    assert json.loads(asked.body) == manifest
    assert applied.object["kind"] == "Deployment"
    assert applied.warnings[0].startswith('would violate PodSecurity "restricted:latest"')


def test_a_refused_apply_keeps_the_clusters_words() -> None:
    manifest = {"kind": "Deployment", "metadata": {"name": "d", "namespace": "err"}}
    with (
        answering(recorded("ssa_conflict")) as (cluster, _),
        pytest.raises(errors.FieldConflict, match=r"\.spec\.replicas"),
    ):
        cluster.apply(manifest, force=False)


def test_an_object_without_a_name_is_never_sent() -> None:
    with answering(Answer()) as (cluster, server):
        with pytest.raises(errors.MalformedRequest):
            cluster.delete(Ref("Deployment", "err", ""))
        with pytest.raises(errors.MalformedRequest):
            cluster.delete(Ref("Deployment", "", "d"))
    assert server.asked == []


def test_a_list_is_read_page_by_page() -> None:
    def script(asked: Asked) -> Answer:
        if asked.query.get("continue"):
            last = {"kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "last"}}]}
            return Answer(body=json.dumps(last).encode())
        return recorded("list_limit_continue")

    with cluster_of(script) as (cluster, server):
        pods = cluster.list("Pod", "bad", labels="app=x")
    assert [pod["metadata"]["name"] for pod in pods] == ["badcmd", "last"]
    assert {pod["kind"] for pod in pods} == {"Pod"}
    assert {asked.query["labelSelector"] for asked in server.asked} == {"app=x"}
    assert server.asked[1].query["limit"] == "500"


def test_a_list_overtaken_by_changes_is_read_at_once() -> None:
    gone = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}

    def script(asked: Asked) -> Answer:
        if asked.query.get("continue"):
            return Answer(410, json.dumps(gone).encode())
        if asked.query.get("limit"):
            return recorded("list_limit_continue")
        return Answer(body=b'{"kind":"PodList","metadata":{},"items":[]}')

    with cluster_of(script) as (cluster, _):
        assert cluster.list("Pod") == []


def test_scaling_patches_the_scale_subresource() -> None:
    with answering(recorded("scale_get")) as (cluster, server):
        cluster.scale(DEPLOYMENT, 5)
    asked = server.asked[0]
    assert asked.path == "/apis/apps/v1/namespaces/err/deployments/d/scale"
    assert asked.headers["content-type"] == "application/merge-patch+json"
    assert json.loads(asked.body) == {"spec": {"replicas": 5}}


@pytest.mark.parametrize("reply", ["_dellr", "delete_pod_reply"])
def test_deleting_understands_both_kinds_of_reply(reply: str) -> None:
    with answering(recorded(reply)) as (cluster, server):
        assert cluster.delete(Ref("Pod", "err", "live"), grace_seconds=3)
    sent = json.loads(server.asked[0].body)
    assert (sent["propagationPolicy"], sent["gracePeriodSeconds"]) == ("Background", 3)


def test_deleting_what_is_not_there_is_no_error() -> None:
    with answering(recorded("notfound")) as (cluster, _):
        assert cluster.delete(Ref("Pod", "err", "nope")) is False


def test_a_404_page_of_a_proxy_deletes_nothing() -> None:
    with answering(recorded("unknown_path")) as (cluster, _), pytest.raises(errors.NotFound):
        cluster.delete(Ref("Pod", "err", "nope"))


def test_permissions_are_asked_of_the_cluster() -> None:
    with answering(recorded("sar")) as (cluster, server):
        allowed = cluster.can_i(Permission("create", "pods", namespace="demo"))
    assert allowed is json.loads(recorded("sar").body)["status"]["allowed"]  # type: ignore[arg-type]
    asked = json.loads(server.asked[0].body)["spec"]["resourceAttributes"]
    assert asked == {"verb": "create", "resource": "pods", "namespace": "demo"}


@pytest.mark.parametrize(
    ("body", "status"), [(b"<html>Sign in</html>", 200), (b"[]", 200), (b"", 200), (b"<html>", 302)]
)
def test_what_is_not_a_kubernetes_api_is_a_cluster_out_of_reach(body: bytes, status: int) -> None:
    with answering(Answer(status, body, {"Location": "http://127.0.0.1:1/"})) as (cluster, server):
        with pytest.raises(errors.ClusterUnavailable):
            cluster.version()
        with pytest.raises(errors.ClusterUnavailable):
            cluster.get(DEPLOYMENT)
    assert len(server.asked) == 2, "no redirect was followed"


def test_a_refused_connection_is_a_cluster_out_of_reach() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    cluster = KubernetesCluster(Access(server=f"http://127.0.0.1:{port}", token="t"))
    with pytest.raises(errors.ClusterUnavailable, match="refused") as caught:
        cluster.version()
    assert caught.value.status == 0
    assert "0x" not in str(caught.value)


def test_an_answer_cut_short_is_a_cluster_out_of_reach() -> None:
    broken = Answer(body=b'{"kind": "Deployment"}', cut=True)
    with answering(broken) as (cluster, _), pytest.raises(errors.ClusterUnavailable):
        cluster.get(DEPLOYMENT)


def test_connections_are_used_again() -> None:
    with answering(Answer(body=b'{"gitVersion": "v1.36.2"}')) as (cluster, server):
        for _ in range(5):
            assert cluster.version() == "v1.36.2"
    assert len({asked.peer for asked in server.asked}) == 1


@pytest.mark.parametrize(
    ("name", "meaning"),
    [("logs_pull", errors.LogsNotReady), ("logs_crash_previous", errors.LogsGone)],
)
def test_logs_that_cannot_be_had_say_why(name: str, meaning: type[errors.ClusterError]) -> None:
    with answering(recorded(name)) as (cluster, _), pytest.raises(meaning):
        cluster.logs("bad", "pull", LogQuery())


def test_logs_of_a_pod_without_a_node_are_empty() -> None:
    with answering(recorded("logs_gpu")) as (cluster, _):
        assert cluster.logs("bad", "gpu", LogQuery()) == ""


def test_a_log_is_asked_for_as_wished() -> None:
    with answering(recorded("logs_crash")) as (cluster, server):
        text = cluster.logs("bad", "crash", LogQuery(container="server", previous=True, tail_lines=10))
    assert "could not load model" in text
    query = server.asked[0].query
    assert (query["container"], query["previous"], query["tailLines"]) == ("server", "true", "10")
    assert "follow" not in query


def test_followed_lines_come_as_they_are_written() -> None:
    second = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first\nsec"
        second.wait(10)
        yield b"ond\nlast"

    with answering(Answer(body=pieces())) as (cluster, server):
        lines = cluster.follow_logs("bad", "crash", LogQuery())
        assert next(lines) == "first"
        second.set()
        assert list(lines) == ["second", "last"]
        assert server.asked[0].query["follow"] == "true"


def proxied(cluster: Cluster, path: str = "/x", seconds: float = 5, max_bytes: int = 1000) -> object:
    return cluster.service_proxy(
        "pricing",
        "house",
        5001,
        method="POST",
        path=path,
        body=b'{"a": 1.10}',
        content_type="application/json",
        timeout_seconds=seconds,
        max_bytes=max_bytes,
    )


def test_a_workloads_answer_comes_back_as_it_is_without_its_cookies() -> None:
    answer = Answer(500, b"model broke", {"Set-Cookie": "a=b", "X-Model": "house"})
    with answering(answer) as (cluster, server):
        found = cluster.service_proxy(
            "pricing",
            "house",
            5001,
            method="POST",
            path="/v1/models/house:predict",
            body=b'{"a": 1.10}',
            content_type="application/json",
            timeout_seconds=5,
            max_bytes=5,
        )
    asked = server.asked[0]
    assert asked.target == "/api/v1/namespaces/pricing/services/house:5001/proxy/v1/models/house:predict"
    assert asked.body == b'{"a": 1.10}'
    assert "cookie" not in asked.headers
    assert (found.status, found.body, found.truncated) == (500, b"model", True)
    assert found.headers["x-model"] == "house"
    assert "set-cookie" not in found.headers
    assert found.latency_ms > 0


def test_a_redirect_of_a_workload_is_its_answer() -> None:
    with answering(Answer(307, b"", {"Location": "http://127.0.0.1:1/"})) as (cluster, server):
        assert proxied(cluster).status == 307  # type: ignore[attr-defined]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "told", "meaning"),
    [
        (503, {"message": 'no endpoints available for service "house"'}, errors.ServiceHasNoEndpoints),
        (503, {"message": "error trying to reach service: refused"}, errors.ServiceHasNoEndpoints),
        (404, {"message": "not found", "details": {"kind": "services", "name": "house"}}, errors.NotFound),
        (401, {"message": "Unauthorized"}, errors.Unauthorized),
    ],
)
def test_a_refusal_by_the_cluster_is_told_from_a_workloads_error(
    status: int, told: dict[str, object], meaning: type[errors.ClusterError]
) -> None:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, **told}
    with answering(Answer(status, json.dumps(body).encode())) as (cluster, _), pytest.raises(meaning):
        proxied(cluster)


def test_a_dripping_workload_is_cut_off_in_time() -> None:
    done = threading.Event()

    def drip() -> Iterator[bytes]:
        while not done.wait(0.05):
            yield b"."

    with answering(Answer(body=drip())) as (cluster, _):
        started = time.monotonic()
        with pytest.raises(errors.AnswerTooSlow):
            proxied(cluster, seconds=0.5)
        assert time.monotonic() - started < 3
        done.set()


def test_a_path_out_of_the_service_is_never_sent() -> None:
    with answering(Answer()) as (cluster, server), pytest.raises(errors.UnsafePath):
        proxied(cluster, path="/../../../../pods")
    assert server.asked == []


def test_a_silent_server_is_given_up_in_time() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        cluster = KubernetesCluster(Access(server=f"http://127.0.0.1:{silent.getsockname()[1]}", token="t"))
        with pytest.raises(errors.AnswerTooSlow):
            proxied(cluster, seconds=0.3)

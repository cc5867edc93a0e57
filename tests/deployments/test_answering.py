"""What a worker answers when a question, or what a model says, is strange."""

from typing import Self

import msgspec
import pytest

from deployments import answering, clients, connections
from deployments.ask import _opened as opened
from deployments.errors import InvalidInput, NotAnswered
from deployments.models import Deployment, Pod
from k8s.cluster import LogQuery, ProxyResponse
from k8s.errors import MalformedRequest
from tests.deployments.fake_cluster import FakeCluster


class Strange(FakeCluster):
    """Its models answer with whatever `says` is, and it knows no container."""

    says = b""

    def service_proxy(self, *_args: object, **_options: object) -> ProxyResponse:
        return ProxyResponse(200, {"content-type": "application/json"}, self.says, False, 1.0)

    def logs(self, _namespace: str, pod: str, query: LogQuery) -> str:
        raise MalformedRequest(f"container {query.container} is not valid for pod {pod}")


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> Strange:
    cluster = Strange()
    monkeypatch.setattr(clients, "client_of", cluster)
    return cluster


class Mailbox:
    """The one place in Redis where an answer is put."""

    def __init__(self) -> None:
        self.answer = b""

    def pipeline(self, **_options: object) -> "Mailbox":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None: ...

    def rpush(self, _key: str, answer: bytes) -> None:
        self.answer = answer

    def expire(self, _key: str, _seconds: int) -> None: ...

    def execute(self) -> None: ...


def test_a_question_that_fails_unexpectedly_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox()
    monkeypatch.setattr(connections, "redis_client", lambda: mailbox)

    def work() -> None:
        raise RecursionError("secret of the worker")

    answering.answer("1", work)
    assert b"secret" not in mailbox.answer
    with pytest.raises(NotAnswered):
        opened(msgspec.json.decode(mailbox.answer))


def test_an_unknown_container_is_the_askers_mistake(strange: Strange, deployment: Deployment) -> None:
    Pod.objects.create(
        cluster=deployment.cluster, deployment=deployment, namespace="pricing", name="p", uid="u", facts={}
    )
    for pod in ("p", None):
        with pytest.raises(InvalidInput) as refused:
            answering.read_logs(
                deployment.pk, pod=pod, container="x&y", tail=1, previous=False, since_seconds=None
            )
        assert refused.value.errors[0].field == "container"


@pytest.mark.parametrize("depth", [150, 900, 5000, 100_000])
def test_an_answer_nested_too_deeply_is_told_as_text(
    depth: int, strange: Strange, deployment: Deployment
) -> None:
    strange.says = b"[" * depth + b"]" * depth
    answer = answering.predict(deployment.pk, path="/", method="GET", body=None, timeout_seconds=1)
    assert answer["body"] == strange.says.decode()


def test_null_stays_null(strange: Strange, deployment: Deployment) -> None:
    strange.says = b"null"
    answer = answering.predict(deployment.pk, path="/", method="GET", body=None, timeout_seconds=1)
    assert answer["body"] is None

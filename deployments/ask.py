"""Web side of what people wait for. The web tier reaches no cluster: it asks a worker, through Redis.

Who may ask is checked by whoever calls (`selectors`), as for every read.
"""

import logging
import uuid
from typing import Any

import msgspec
import redis
from django.conf import settings
from kombu.exceptions import OperationalError

from deployments import connections, errors, queue
from deployments.connections import answer_key
from deployments.errors import (
    DomainError,
    FieldError,
    InvalidInput,
    NotFound,
    TooSlow,
    WorkersNotReachable,
)
from deployments.following.reader import LogLine, Skipped, follow_logs
from deployments.inspection import Inspection
from deployments.models import Cluster, Deployment
from deployments.rehearsal import Rehearsal
from deployments.selectors import get_pod
from deployments.spec import HTTP_METHODS
from k8s.spec import Wish

logger = logging.getLogger(__name__)

__all__ = ["LogLine", "Skipped", "follow_logs", "inspect", "predict", "read_logs", "rehearse"]

MOST_LINES = 10_000
_LOGS_SECONDS = 20.0
_LONGEST_PREDICT_SECONDS = 60
_REHEARSAL_SECONDS = 8.0
_INSPECTION_SECONDS = 20.0


def read_logs(
    deployment: Deployment,
    *,
    pod: str | None = None,
    container: str | None = None,
    tail: int = 200,
    previous: bool = False,
    since_seconds: int | None = None,
    patience_seconds: float = _LOGS_SECONDS,
) -> str:
    """The end of one pod's log; without `pod`, of all replicas merged by time, lines prefixed "[pod] ".

    Raises:
        NotFound: not a pod of this deployment.
        LogsNotReady, ClusterNotReachable, WorkersNotReachable, TooSlow, InvalidInput.
    """
    _refuse_deleted(deployment)
    if not 1 <= tail <= MOST_LINES:
        raise InvalidInput([FieldError("tail", f"From 1 to {MOST_LINES} lines.", "out_of_range")])
    if since_seconds is not None and since_seconds < 1:
        raise InvalidInput([FieldError("since", "At least one second.", "out_of_range")])
    if pod is not None:
        get_pod(deployment, pod)
    options = {
        "pod": pod,
        "container": container,
        "tail": tail,
        "previous": previous,
        "since_seconds": since_seconds,
    }
    text: str = _ask("read_logs", deployment.pk, options, seconds=patience_seconds)
    return text


def predict(
    deployment: Deployment, *, path: str, method: str, body: object, timeout_seconds: float = 20
) -> dict[str, Any]:
    """One request to the deployment's own Service, sent by a worker.

    Answers {"status", "latency_ms", "headers", "body", "truncated"}; an HTTP error of the model is an answer.

    Raises:
        NothingReady, ClusterNotReachable, WorkersNotReachable, TooSlow, InvalidInput, NotFound.
    """
    _refuse_deleted(deployment)
    mistakes = []
    if not path.startswith("/") or len(path) > 2000:
        mistakes.append(FieldError("path", "Begin with /; at most 2000 characters.", "invalid_path"))
    if method not in HTTP_METHODS:
        mistakes.append(FieldError("method", f"Choose one of: {', '.join(HTTP_METHODS)}.", "not_a_choice"))
    if not 1 <= timeout_seconds <= _LONGEST_PREDICT_SECONDS:
        message = f"From 1 to {_LONGEST_PREDICT_SECONDS} seconds."
        mistakes.append(FieldError("timeout_seconds", message, "out_of_range"))
    if mistakes:
        raise InvalidInput(mistakes)
    options = {"path": path, "method": method, "body": body, "timeout_seconds": timeout_seconds}
    answer: dict[str, Any] = _ask("predict", deployment.pk, options, seconds=timeout_seconds + 3)
    return answer


def rehearse(
    cluster: Cluster, wish: Wish, *, is_new: bool, patience_seconds: float = _REHEARSAL_SECONDS
) -> Rehearsal:
    """What the cluster says to a server-side dry run of every object of a wish. No secret value is sent.

    `is_new`: nothing of it was ever applied, so that a foreign object of the same name is a refusal.

    Raises:
        ClusterNotReachable, WorkersNotReachable, TooSlow, NotFound.
    """
    options = {"wish": msgspec.to_builtins(wish), "is_new": is_new}
    found = _ask("rehearse", cluster.pk, options, seconds=patience_seconds)
    return msgspec.convert(found, Rehearsal)


def inspect(cluster: Cluster, *, patience_seconds: float = _INSPECTION_SECONDS) -> Inspection:
    """Whether a cluster answers now, and what it lets us do.

    Raises:
        ClusterNotReachable, ClusterRefused, WorkersNotReachable, TooSlow, NotFound.
    """
    return msgspec.convert(_ask("inspect", cluster.pk, {}, seconds=patience_seconds), Inspection)


def _refuse_deleted(deployment: Deployment) -> None:
    if deployment.deleted_at is not None:
        raise NotFound(f"Deployment {deployment.name} has been deleted.")


def _ask(task: str, subject: int, options: dict[str, Any], *, seconds: float) -> Any:
    """`subject` is the id of what is asked about: a deployment, or a cluster."""
    if not settings.REDIS_URL:
        raise WorkersNotReachable("No Redis is configured, so no worker can be asked.")
    question_id = uuid.uuid4().hex
    try:
        queue.send_question(task, [question_id, subject, options], expires_seconds=seconds)
        connections.let_go_of_database()
        with connections.patient_redis_client(seconds) as client:
            # One key: redis-py answers (key, value), or None when the time is up.
            popped: Any = client.blpop([answer_key(question_id)], timeout=seconds)
    except (OperationalError, redis.RedisError, OSError) as exc:
        logger.warning("no worker could be asked, Redis does not answer: %s", exc)
        raise WorkersNotReachable("The queue to the workers does not answer; try again in a moment.") from exc
    if popped is None:
        raise TooSlow(f"No worker answered within {seconds:.0f} seconds.")
    return _opened(msgspec.json.decode(popped[1]))


def _opened(envelope: dict[str, Any]) -> Any:
    if "error" not in envelope:
        return envelope["value"]
    kind = getattr(errors, envelope["error"], DomainError)
    mistakes = [FieldError(*entry) for entry in envelope["errors"]]
    if kind is InvalidInput:
        raise InvalidInput(mistakes, detail=envelope["detail"], code=envelope["code"])
    raise kind(envelope["detail"], errors=mistakes, code=envelope["code"])

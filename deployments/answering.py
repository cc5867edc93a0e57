"""Worker side of what people wait for: reads from the cluster, answered through Redis."""

import heapq
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import redis

from deployments import clients, connections, errors
from deployments.connections import answer_key
from deployments.models import Cluster as ClusterRow
from deployments.models import Deployment
from deployments.selectors import get_pod, pods_of
from deployments.spec import spec_of
from deployments.spec.json_text import nested_too_deeply
from k8s import errors as cluster_errors
from k8s.cluster import Cluster, LogQuery
from k8s.logs import stamped

logger = logging.getLogger(__name__)

ANSWER_KEPT_SECONDS = 60
MOST_PODS_AT_ONCE = 8
MAX_ANSWER_BYTES = 1_000_000
MAX_LOG_CHARACTERS = 4_000_000

_MEANINGS: tuple[tuple[type[cluster_errors.ClusterError], type[errors.DomainError]], ...] = (
    (cluster_errors.LogsNotReady, errors.LogsNotReady),
    (cluster_errors.ServiceHasNoEndpoints, errors.NothingReady),
    (cluster_errors.AnswerTooSlow, errors.TooSlow),
    (cluster_errors.ClusterUnavailable, errors.ClusterNotReachable),
    (cluster_errors.TooManyRequests, errors.ClusterNotReachable),
    (cluster_errors.UnusableCredentials, errors.ClusterNotReachable),
    (cluster_errors.NotFound, errors.NotFound),
    (cluster_errors.UnsafePath, errors.InvalidInput),
)


def answer(question_id: str, work: Callable[[], Any]) -> None:
    """Does the work and pushes its result, or its error by name, to whoever waits."""
    try:
        envelope: dict[str, Any] = {"value": work()}
    except errors.DomainError as exc:
        envelope = _envelope(exc)
    except cluster_errors.ClusterError as exc:
        envelope = _envelope(translated(exc))
    except (Deployment.DoesNotExist, ClusterRow.DoesNotExist) as exc:
        what = "cluster" if isinstance(exc, ClusterRow.DoesNotExist) else "deployment"
        envelope = _envelope(errors.NotFound(f"The {what} has been deleted."))
    except Exception:
        # Somebody waits: told at once, not when their patience is over.
        logger.exception("a question could not be answered")
        envelope = _envelope(errors.NotAnswered())
    client = connections.redis_client()
    if client is None:
        return
    try:
        with client.pipeline(transaction=True) as pipe:
            pipe.rpush(answer_key(question_id), msgspec.json.encode(envelope))
            pipe.expire(answer_key(question_id), ANSWER_KEPT_SECONDS)
            pipe.execute()
    except (redis.RedisError, OSError) as exc:
        logger.warning("an answer was lost, Redis does not answer: %s", exc)


def translated(error: cluster_errors.ClusterError) -> errors.DomainError:
    """The domain's word for what a cluster said, keeping the cluster's sentence."""
    for source, target in _MEANINGS:
        if isinstance(error, source):
            if target is errors.InvalidInput:
                return errors.InvalidInput([errors.FieldError("path", error.message, "unsafe_path")])
            return target(error.message)
    return errors.ClusterRefused(error.message)


def _envelope(error: errors.DomainError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "detail": error.detail,
        "code": error.code,
        "errors": [[entry.field, entry.message, entry.code] for entry in error.errors],
    }


def read_logs(
    deployment_id: int,
    *,
    pod: str | None,
    container: str | None,
    tail: int,
    previous: bool,
    since_seconds: int | None,
) -> str:
    """Text of one pod's log, or of all replicas' logs merged by time, each line prefixed "[pod] "."""
    deployment = _live(deployment_id)
    cluster = clients.client_of(deployment.cluster)
    query = LogQuery(
        container=container,
        previous=previous,
        tail_lines=tail,
        since_seconds=since_seconds,
        timestamps=pod is None,
    )
    try:
        if pod is not None:
            # Only a pod of this deployment: names from outside reach no other pod.
            name = get_pod(deployment, pod).name
            return cluster.logs(deployment.namespace, name, query)[-MAX_LOG_CHARACTERS:]
        names = [row.name for row in pods_of(deployment)]
        return _merged(cluster, deployment.namespace, names, query)
    except cluster_errors.LogsNotReady:
        raise
    except cluster_errors.MalformedRequest as exc:
        # Of what is asked here, only the container's name can be wrong.
        raise errors.InvalidInput([errors.FieldError("container", exc.message, "unknown_container")]) from exc


def _merged(cluster: Cluster, namespace: str, names: list[str], query: LogQuery) -> str:
    if not names:
        return ""
    with ThreadPoolExecutor(min(len(names), MOST_PODS_AT_ONCE)) as pool:
        results = list(pool.map(lambda name: _one_log(cluster, namespace, name, query), names))
    texts = {name: text for name, text in zip(names, results, strict=True) if isinstance(text, str)}
    if not texts:
        raise next(result for result in results if not isinstance(result, str))
    merged = list(heapq.merge(*(_stamped(name, text) for name, text in texts.items())))
    text = "".join(f"[{name}] {line}\n" for _, name, line in merged[-(query.tail_lines or 0) :])
    return text[-MAX_LOG_CHARACTERS:]


def _one_log(
    cluster: Cluster, namespace: str, name: str, query: LogQuery
) -> str | cluster_errors.ClusterError:
    try:
        return cluster.logs(namespace, name, query)
    except (cluster_errors.LogsNotReady, cluster_errors.NotFound) as exc:
        return exc


def _stamped(pod: str, text: str) -> Iterator[tuple[str, str, str]]:
    """(time, pod, line) in order. Only a newline ends a line: what else looks like an end is content."""
    at = ""
    for line in text.removesuffix("\n").split("\n") if text else ():
        stamp, rest = stamped(line)
        at = stamp or at
        yield at, pod, rest


def predict(
    deployment_id: int, *, path: str, method: str, body: Any, timeout_seconds: float
) -> dict[str, Any]:
    """Sends one request to the deployment's own Service and nowhere else."""
    deployment = _live(deployment_id)
    cluster = clients.client_of(deployment.cluster)
    raw = None if body is None else msgspec.json.encode(body)
    response = cluster.service_proxy(
        deployment.namespace,
        deployment.name,
        spec_of(deployment).service.port,
        method=method,
        path=path,
        body=raw,
        content_type="application/json" if raw is not None else None,
        timeout_seconds=timeout_seconds,
        max_bytes=MAX_ANSWER_BYTES,
    )
    headers = dict(response.headers)
    return {
        "status": response.status,
        "latency_ms": round(response.latency_ms, 1),
        "headers": headers,
        "body": _readable(response.body, headers, truncated=response.truncated),
        "truncated": response.truncated,
    }


def _readable(body: bytes, headers: dict[str, str], *, truncated: bool) -> Any:
    """JSON where it is JSON, text otherwise; never bytes."""
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if "json" in kind.lower() and not truncated:
        with suppress(msgspec.DecodeError, RecursionError):
            value = msgspec.json.decode(body)
            if not nested_too_deeply(value):
                return value
    return body.decode("utf-8", "replace")


def _live(deployment_id: int) -> Deployment:
    rows = Deployment.objects.select_related("cluster", "team")
    return rows.get(pk=deployment_id, deleted_at=None)

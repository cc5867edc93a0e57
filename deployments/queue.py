"""Putting work into the workers' queues, without importing what the workers import.

Messages carry ids and names. The applications of Celery here
only send, so that a web process needs neither the tasks nor what they use.
"""

import logging
import uuid
from functools import lru_cache
from typing import Any

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

from deployments import tracing

logger = logging.getLogger(__name__)

QUEUES = ("reconcile", "interactive", "upkeep")
"""All there are; each has workers of its own."""


@lru_cache(maxsize=4)
def _sender(broker_url: str) -> Celery:
    app = Celery("timoneiro-sender", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        task_ignore_result=True,
        task_default_queue=settings.CELERY_TASK_DEFAULT_QUEUE,
        task_routes=settings.CELERY_TASK_ROUTES,
        # A person waits for this process: a dead broker must say so at once, not after a pause to think.
        broker_transport_options={
            **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
    )
    return app


def enqueue(deployment_id: int, *, countdown: float = 0) -> None:
    """Asks a worker to reconcile. Never raises: the wish is stored, and the sweep finds it."""
    _send_hint("deployments.tasks.reconcile", [deployment_id], countdown=countdown or None)


def enqueue_pod_delete(operation_id: uuid.UUID) -> None:
    """Asks a worker to delete the pod an operation names. Never raises; the sweep finds it."""
    _send_hint("deployments.tasks.delete_pod", [str(operation_id)])


def enqueue_rollback(deployment_id: int) -> None:
    """Asks a worker to roll a stuck rollout back. Never raises; the sweep finds it."""
    _send_hint("deployments.tasks.roll_back", [deployment_id])


def enqueue_capture(deployment_id: int) -> None:
    """Asks a worker to keep what crashed containers wrote. Never raises; the next look asks again."""
    _send_hint("deployments.tasks.capture_logs", [deployment_id])


def enqueue_check(deployment_id: int, *, attempt: int = 0, countdown: float = 0) -> None:
    """Asks a worker whether an address answers. Never raises; the next look and the sweep ask again."""
    _send_hint("deployments.tasks.check_endpoint", [deployment_id, attempt], countdown=countdown or None)


def enqueue_delivery(delivery_id: int) -> None:
    """Asks a worker to tell a webhook. Never raises; the sweep finds it."""
    _send_hint("deployments.tasks.deliver", [delivery_id])


def enqueue_quota(quota_id: int, *, countdown: float = 0) -> None:
    """Asks a worker to write a team's quota to its cluster. Never raises; the sweep finds it."""
    _send_hint("deployments.tasks.keep_quota", [quota_id], countdown=countdown or None)


def enqueue_isolation(namespace_id: int, *, countdown: float = 0) -> None:
    """Asks a worker to close or open a namespace. Never raises; the sweep finds it."""
    _send_hint("deployments.tasks.isolate", [namespace_id], countdown=countdown or None)


def enqueue_review(cluster_id: int, *, after: int = 0) -> None:
    """Asks a worker to look at what deployments of a cluster used. Never raises; the next hour asks again."""
    _send_hint("deployments.tasks.review_cluster", [cluster_id, after])


def send_question(name: str, args: list[Any], *, expires_seconds: float) -> None:
    """Puts a task into the interactive queue; nobody answers it after it expires.

    Raises:
        OperationalError, OSError: the broker does not answer.
    """
    _sender(settings.CELERY_BROKER_URL).send_task(
        f"deployments.tasks.interactive.{name}",
        args=args,
        expires=expires_seconds,
        retry=False,
        headers=tracing.headers(),
    )


def _send_hint(name: str, args: list[Any], **options: Any) -> None:
    if not settings.REDIS_URL:
        return
    try:
        sender = _sender(settings.CELERY_BROKER_URL)
        task = sender.send_task(name, args=args, retry=False, headers=tracing.headers(), **options)
    except (OperationalError, OSError) as exc:
        logger.warning("%s%s not queued, the broker does not answer; the sweep will: %s", name, args, exc)
        return
    with tracing.working_for(task_id=task.id):
        logger.log(logging.INFO if tracing.current().request_id else logging.DEBUG, "queued %s%s", name, args)

"""Putting work into the workers' queues, without importing what the workers import.

Messages carry ids and names. Celery's settings are Django's; this application
only sends, so that a web process needs neither the tasks nor what they use.
"""

import logging
import uuid
from typing import Any

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

_sender = Celery("timoneiro-sender", set_as_current=False)
_sender.config_from_object("django.conf:settings", namespace="CELERY")


def enqueue(deployment_id: int, *, countdown: float = 0) -> None:
    """Asks a worker to reconcile. Never raises: the wish is stored, and the sweep finds it."""
    _send_hint("deployments.tasks.reconcile", [deployment_id], countdown=countdown or None)


def enqueue_pod_delete(operation_id: uuid.UUID) -> None:
    """Asks a worker to delete the pod an operation names. Never raises; the sweep finds it."""
    _send_hint("deployments.tasks.delete_pod", [str(operation_id)])


def send_question(name: str, args: list[Any], *, expires_seconds: float) -> None:
    """Puts a task into the interactive queue; nobody answers it after it expires.

    Raises:
        OperationalError, OSError: the broker does not answer.
    """
    _sender.send_task(
        f"deployments.tasks.interactive.{name}", args=args, expires=expires_seconds, retry=False
    )


def _send_hint(name: str, args: list[Any], **options: Any) -> None:
    if not settings.REDIS_URL:
        return
    try:
        _sender.send_task(name, args=args, retry=False, **options)
    except (OperationalError, OSError) as exc:
        logger.warning("%s%s not queued, the broker does not answer; the sweep will: %s", name, args, exc)

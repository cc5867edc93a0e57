"""Celery shells: an id in, state read again, nothing decided here."""

from deployments.tasks import interactive
from deployments.tasks.background import (
    capture_logs,
    delete_pod,
    deliver,
    fire_schedules,
    forget_old,
    isolate,
    keep_quota,
    reconcile,
    review_cluster,
    review_use,
    roll_back,
    roll_up,
    sweep,
)

__all__ = [
    "capture_logs",
    "delete_pod",
    "deliver",
    "fire_schedules",
    "forget_old",
    "interactive",
    "isolate",
    "keep_quota",
    "reconcile",
    "review_cluster",
    "review_use",
    "roll_back",
    "roll_up",
    "sweep",
]

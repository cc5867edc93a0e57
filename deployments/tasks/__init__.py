"""Celery shells: an id in, state read again, nothing decided here."""

from deployments.tasks import interactive
from deployments.tasks.background import delete_pod, forget_old, reconcile, sweep

__all__ = ["delete_pod", "forget_old", "interactive", "reconcile", "sweep"]

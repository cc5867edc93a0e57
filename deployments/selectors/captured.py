"""Reads of what crashed containers wrote."""

from django.db.models import QuerySet

from deployments.errors import NotFound
from deployments.models import CapturedLog, Deployment


def captured_logs_of(deployment: Deployment) -> QuerySet[CapturedLog]:
    """Newest first, without their text."""
    return CapturedLog.objects.filter(deployment=deployment).defer("text")


def get_captured_log(deployment: Deployment, captured_id: int) -> CapturedLog:
    """Raises: NotFound: not one of this deployment, or no longer kept."""
    row = CapturedLog.objects.filter(deployment=deployment, pk=captured_id).first()
    if row is None:
        raise NotFound(f"Deployment {deployment.name} has no such log; only its newest ones are kept.")
    return row

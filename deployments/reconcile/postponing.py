"""What could not be written to a namespace is tried again later; its row keeps why it could not."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from deployments import clients
from deployments.models import Namespace, Quota
from deployments.reconcile import writing
from deployments.reconcile.backoff import wait_seconds
from k8s.errors import ClusterError, UnusableCredentials

logger = logging.getLogger(__name__)

REPEAT_AFTER = timedelta(minutes=5)
"""What somebody else changed is put back, and what was refused is tried again, this late."""


def postpone(row: Quota | Namespace, error: ClusterError | UnusableCredentials) -> float:
    """In how many seconds to come again."""
    refused = isinstance(error, ClusterError) and not writing.is_passing(error)
    kind = Quota if isinstance(row, Quota) else Namespace
    with transaction.atomic():
        fresh = kind.objects.select_for_update(no_key=True).get(pk=row.pk)
        fresh.apply_attempts += 1
        at_least = REPEAT_AFTER.total_seconds() if refused else 0
        wait = wait_seconds(fresh.apply_attempts, at_least=at_least)
        fresh.retry_at = timezone.now() + timedelta(seconds=wait)
        word = "The cluster refused it" if refused else "Not applied yet, trying again"
        fresh.apply_error = f"{word}: {error}"
        fresh.save(update_fields=["apply_attempts", "retry_at", "apply_error"])
    if not refused:
        clients.forget(row.cluster)
    logger.warning("%s %s not applied, again in %.1f s: %s", kind.__name__.lower(), row.pk, wait, error)
    return wait

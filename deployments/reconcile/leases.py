"""One worker at a time per deployment, and none for ever.

The lease is a column, taken and renewed by compare-and-set. It is short: a
worker that was killed holds a wish up for seconds. Should a slow worker outlive
its lease and write an old wish over a newer one, the observer sees a newer
object than the one stored, calls it drift, and the wish is written again.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from deployments import operations
from deployments.locking import lock_row, lock_rows
from deployments.models import Deployment, OperationState

LEASE = timedelta(seconds=8)

UNSETTLED = (
    Q(deleted_at=None)
    & (Q(applied_generation__lt=F("generation")) | Q(drifted=True) | Q(delete_requested_at__isnull=False))
    & ~Q(refused_generation=F("generation"))
)
"""Rows whose newest wish is not in the cluster yet and has not been refused."""


class LeaseLost(Exception):
    """Somebody else took over: stop, they write the newest wish."""


class Busy(Exception):
    """Somebody else holds the lease until `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"leased until {until:%H:%M:%S}")
        self.until = until


def unsettled(now: datetime) -> QuerySet[Deployment]:
    """Unsettled rows in nobody's hands, and due."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    return Deployment.objects.filter(UNSETTLED & free & due)


def take(deployment_id: int, holder: uuid.UUID) -> Deployment | None:
    """The row, leased to `holder`, its operations marked as being applied; None when nothing is to be done.

    Raises:
        Busy: another holder's lease has not run out.
    """
    with transaction.atomic():
        rows = lock_rows(Deployment.objects.filter(UNSETTLED, pk=deployment_id))
        if not rows:
            return None
        row = rows[0]
        now = timezone.now()
        if row.lease_until is not None and row.lease_until > now and row.lease_holder != holder:
            raise Busy(row.lease_until)
        row.lease_holder, row.lease_until = holder, now + LEASE
        row.save(update_fields=["lease_holder", "lease_until"])
        for operation in operations.unfinished(row):
            if operation.state == OperationState.QUEUED:
                operations.move(operation, OperationState.APPLYING)
        return row


def renew(row: Deployment, holder: uuid.UUID) -> None:
    """Call before each request to the cluster. Raises: LeaseLost."""
    rows = Deployment.objects.filter(pk=row.pk, lease_holder=holder)
    if not rows.update(lease_until=timezone.now() + LEASE):
        raise LeaseLost


def release(deployment_id: int, holder: uuid.UUID) -> None:
    """Gives the lease back with the wish still unsettled."""
    rows = Deployment.objects.filter(pk=deployment_id, lease_holder=holder)
    rows.update(lease_until=None, lease_holder=None)


def lock_held(row: Deployment, holder: uuid.UUID) -> Deployment:
    """The row anew, locked; call inside a transaction. Raises: LeaseLost."""
    fresh = lock_row(row.pk)
    if fresh.lease_holder != holder:
        raise LeaseLost
    return fresh

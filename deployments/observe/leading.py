"""One active observer: a lease in the database, renewed while it works; a second process waits."""

import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from deployments.models import Leadership

NAME = "observer"
LEASE = timedelta(seconds=6)
RENEW_SECONDS = 2.0


def acquire(holder: uuid.UUID) -> bool:
    """Takes or renews the lead; False while somebody else has it."""
    now = timezone.now()
    mine_or_over = Q(holder=holder) | Q(until__lte=now)
    rows = Leadership.objects.filter(mine_or_over, name=NAME)
    if rows.update(holder=holder, until=now + LEASE):
        return True
    if Leadership.objects.filter(name=NAME).exists():
        return False
    try:
        with transaction.atomic():
            Leadership.objects.create(name=NAME, holder=holder, until=now + LEASE)
    except IntegrityError:
        return False
    return True


def resign(holder: uuid.UUID) -> None:
    """Lets a waiting observer take over at once."""
    Leadership.objects.filter(name=NAME, holder=holder).delete()

"""What is forgotten, and when. Revisions, operations of live deployments and the audit are kept."""

from datetime import timedelta

from django.utils import timezone

from deployments.models import Event, IdempotencyRecord, TimelineEntry

EVENTS_FOR = timedelta(days=14)
STATE_CHANGES_FOR = timedelta(days=90)
ANSWERS_FOR = timedelta(hours=24)


def forget_old() -> None:
    """Deletes events and changes of state that nobody will look for any more."""
    now = timezone.now()
    Event.objects.filter(last_at__lt=now - EVENTS_FOR).delete()
    TimelineEntry.objects.filter(kind="state", at__lt=now - STATE_CHANGES_FOR).delete()
    IdempotencyRecord.objects.filter(created_at__lt=now - ANSWERS_FOR).delete()

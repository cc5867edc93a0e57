"""What is forgotten, and when. Revisions, operations, the audit and what people did are kept."""

from datetime import timedelta

from django.utils import timezone

from deployments.models import CapturedLog, Event, Happening, IdempotencyRecord, TimelineEntry
from deployments.usage import rolling
from teams.models import Invitation, SignIn

EVENTS_FOR = timedelta(days=30)
STATE_CHANGES_FOR = timedelta(days=90)
CAPTURED_LOGS_FOR = timedelta(days=30)
HAPPENINGS_FOR = timedelta(days=30)
ANSWERS_FOR = timedelta(hours=24)
INVITATIONS_FOR = timedelta(days=30)


def forget_old() -> None:
    """Deletes what is old of events, logs of what crashed, changes of state, sessions, samples and more."""
    now = timezone.now()
    Event.objects.filter(last_at__lt=now - EVENTS_FOR).delete()
    TimelineEntry.objects.filter(kind="state", at__lt=now - STATE_CHANGES_FOR).delete()
    CapturedLog.objects.filter(captured_at__lt=now - CAPTURED_LOGS_FOR).delete()
    # With their deliveries: what a receiver has not taken by then it is not told any more.
    Happening.objects.filter(at__lt=now - HAPPENINGS_FOR).delete()
    IdempotencyRecord.objects.filter(created_at__lt=now - ANSWERS_FOR).delete()
    # What became of them is in the audit.
    Invitation.objects.filter(expires_at__lt=now - INVITATIONS_FOR).delete()
    SignIn.objects.filter(expire_date__lt=now).delete()
    rolling.forget()
    rolling.forget_empty_series()

"""What a person has seen of what happened."""

from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.models import SeenHappenings


def see_happenings(user: User, *, until: datetime) -> None:
    """What happened up to `until` is not new to this person any more; what was seen stays seen."""
    until = min(until, timezone.now())
    row, made = SeenHappenings.objects.get_or_create(user=user, defaults={"until": until})
    if not made:
        SeenHappenings.objects.filter(pk=row.pk, until__lt=until).update(until=until)

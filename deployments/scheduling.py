"""What the clock asks for: schedules whose time has come, found in the database, fired each by itself."""

import logging

from django.utils import timezone

from deployments import intent
from deployments.models import ScalingSchedule

logger = logging.getLogger(__name__)

_MOST = 1000


def fire_due() -> None:
    """Fires what is due. Two that do this at once fire each time of a schedule only once.

    Times that passed while nobody looked are due until somebody does, so it does not matter
    which beat or worker was away.
    """
    now = timezone.now()
    due = ScalingSchedule.objects.filter(enabled=True, next_at__lte=now).order_by("next_at", "pk")
    for schedule_id in list(due.values_list("pk", flat=True)[:_MOST]):
        try:
            intent.fire_schedule(schedule_id, now=now)
        except Exception:
            # Whatever is wrong with one, the others are not to wait for it. It is still due.
            logger.exception("schedule %s could not be fired", schedule_id)

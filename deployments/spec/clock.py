"""Times that come again, as cron says them: checked, explained, and when they come next."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.utils import timezone

from deployments.errors import FieldError, InvalidInput

_FIELDS = 5
_ANY_MOMENT = datetime(2000, 1, 1)  # noqa: DTZ001  only to parse: no time is asked of it


def check_cron(cron: str) -> str:
    """The expression as it is stored: five fields with one space between them.

    Raises:
        InvalidInput: at `cron`.
    """
    tidy = " ".join(cron.split())
    try:
        # A sixth field would be seconds, which no worker keeps to.
        if len(tidy.split(" ")) != _FIELDS:
            raise CronSimError("five fields")
        next(CronSim(tidy, _ANY_MOMENT))
    except (CronSimError, StopIteration) as exc:
        text = (
            f"{tidy[:60]!r} is no time. Give minute, hour, day of month, month and day of week:"
            ' "0 8 * * 1-5" is 08:00 on weekdays.'
        )
        raise InvalidInput([FieldError("cron", text, "invalid_cron")]) from exc
    return tidy


def explain_cron(cron: str) -> str:
    """In words, for instance "At 08:00 on Monday through Friday".

    Raises:
        InvalidInput: at `cron`.
    """
    return str(CronSim(check_cron(cron), _ANY_MOMENT).explain())


def next_times(cron: str, zone: str, *, after: datetime | None = None) -> Iterator[datetime]:
    """The moments after `after` (now), in the time zone `zone`; ends when there are no more.

    Where clocks are put forward, a time that is left out comes right after the gap.

    Raises:
        InvalidInput: at `cron`.
    """
    local = (after or timezone.now()).astimezone(ZoneInfo(zone))
    return CronSim(check_cron(cron), local)  # type: ignore[no-any-return, unused-ignore]

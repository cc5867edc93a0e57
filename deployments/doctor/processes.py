"""The processes: each told by its signs of life, from wherever the doctor runs."""

from datetime import datetime, timedelta
from typing import Final

import redis
from celery import Celery
from django.conf import settings
from django.db.models import Min, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from deployments import connections, heartbeat, retention
from deployments.doctor.findings import Area
from deployments.models import CapturedLog, Event, Happening, IdempotencyRecord, Leadership, MinuteSample
from deployments.observe import leading
from deployments.queue import QUEUES
from deployments.selectors import health
from deployments.usage import rolling
from deployments.usage.minutes import minute_of

_ANSWER_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 15
_MOST_WAITING: Final = 1000
_LONGEST_WAIT: Final = timedelta(minutes=2)
_LATE: Final = timedelta(hours=6)
_ROLL_UP_MINUTES: Final = 60
_SERVICES: Final = {"reconcile": "worker", "interactive": "answers", "upkeep": "chores"}


def look_at_observer(area: Area) -> None:
    lead = Leadership.objects.filter(name=leading.NAME).first()
    if lead is not None and lead.until > timezone.now():
        area.note("an observer leads")
        return
    since = f" since {lead.until:%Y-%m-%d %H:%M:%S} UTC" if lead else ""
    area.problem(
        "observer_not_running",
        f"No observer is at work{since}.",
        why="Nothing is seen of any cluster: states, pods, events and usage stand still.",
        remedy="Start one: docker compose up -d observer (or: python manage.py observe)",
    )


def look_at_workers(area: Area) -> None:
    """Asks the workers themselves; then whether beat sends, and what waits."""
    client = connections.redis_client()
    if client is None:
        area.note("not asked: there is no REDIS_URL")
        return
    try:
        served = _served_queues()
        swept = heartbeat.seconds_since_sweep(client)
        waiting = {queue: int(client.llen(queue)) for queue in QUEUES}
    except (OperationalError, redis.RedisError, OSError) as exc:
        area.note(f"not asked: Redis does not answer ({exc})")
        return
    for queue in QUEUES:
        if queue in served:
            area.note(f"queue {queue}: {served[queue]}, {waiting[queue]} waiting")
        else:
            _tell_unserved(area, queue, waiting[queue])
        if waiting[queue] > _MOST_WAITING:
            area.problem(
                "queue_backlog",
                f"{waiting[queue]} tasks wait in the queue {queue}.",
                why="What people ask for is done late.",
                remedy=f"Run more workers: docker compose up -d --scale {_SERVICES[queue]}=3",
            )
    _look_at_beat(area, swept, workers=QUEUES[0] in served)


def _served_queues() -> dict[str, str]:
    """Of each queue somebody takes from, the workers that do, by name."""
    with Celery("timoneiro-doctor", broker=settings.CELERY_BROKER_URL, set_as_current=False) as app:
        answers = app.control.inspect(timeout=_ANSWER_SECONDS).active_queues() or {}
    served: dict[str, list[str]] = {}
    for node, queues in answers.items():
        for queue in queues:
            served.setdefault(str(queue["name"]), []).append(node)
    return {queue: ", ".join(sorted(nodes)) for queue, nodes in served.items()}


def _tell_unserved(area: Area, queue: str, waiting: int) -> None:
    lost = {
        "reconcile": "Wishes are stored and not carried out.",
        "interactive": "Logs, predictions and checks of clusters are not answered.",
        "upkeep": "Webhooks, crash logs, roll-ups and clean-up stand still.",
    }
    area.problem(
        f"worker_missing_{queue}",
        f"No worker takes from the queue {queue}; {waiting} tasks wait.",
        why=lost[queue],
        remedy=f"Start one: docker compose up -d {_SERVICES[queue]} (or: "
        f"python -m celery -A dashboard.celery worker --queues {queue})",
    )


def _look_at_beat(area: Area, swept: float | None, *, workers: bool) -> None:
    if not workers:
        area.note("whether beat runs cannot be told while no worker sweeps")
    elif swept is None or swept > 4 * _SWEEP_SECONDS:
        said = "has not run" if swept is None else f"ran {swept:.0f} seconds ago"
        area.problem(
            "beat_not_running",
            f"The sweep, sent each {_SWEEP_SECONDS} seconds, {said}: beat does not run.",
            why="Lost messages are not made good, schedules do not fire, nothing is added up or forgotten.",
            remedy="Start one, and only one: docker compose up -d beat "
            "(or: python -m celery -A dashboard.celery beat)",
        )
    else:
        area.note(f"beat: swept {swept:.0f} s ago")


def look_at_wishes(area: Area) -> None:
    waited = timedelta(seconds=health.unwritten_seconds())
    if waited > _LONGEST_WAIT:
        area.problem(
            "wishes_wait",
            f"The oldest wish has waited {waited.total_seconds():.0f} seconds to be written to its cluster.",
            why="People see 'pending' or 'deploying' and nothing happens.",
            remedy="See whether its cluster answers (above), and: docker compose logs --tail 50 worker",
        )
    else:
        area.note("no wish waits")


def look_at_retention(area: Area) -> None:
    """What should have been forgotten, and what should have been added up."""
    kept: tuple[
        tuple[str, QuerySet[Event] | QuerySet[CapturedLog] | QuerySet[Happening], str, timedelta], ...
    ]
    kept = (
        ("events", Event.objects.order_by(), "last_at", retention.EVENTS_FOR),
        ("crash logs", CapturedLog.objects.order_by(), "captured_at", retention.CAPTURED_LOGS_FOR),
        ("happenings", Happening.objects.order_by(), "at", retention.HAPPENINGS_FOR),
    )
    oldest = [(name, rows.aggregate(at=Min(column))["at"], keep) for name, rows, column, keep in kept]
    answers = IdempotencyRecord.objects.order_by().aggregate(at=Min("created_at"))["at"]
    oldest.append(("kept answers", answers, retention.ANSWERS_FOR))
    late = [(name, at, keep) for name, at, keep in oldest if _is_late(at, keep)]
    for name, at, keep in late:
        area.problem(
            "retention_late",
            f"There are {name} of {at:%Y-%m-%d}, although they are kept for {keep.days} days.",
            why="The database grows, and holds what should have been deleted.",
            remedy="Start beat and the worker of the queue upkeep; once by hand: python manage.py shell -c "
            "'from deployments.retention import forget_old; forget_old()'",
        )
    if not late:
        area.note("nothing is kept longer than it should be")
    _look_at_roll_ups(area)


def _is_late(at: datetime | None, keep: timedelta) -> bool:
    return at is not None and at < timezone.now() - keep - _LATE


def _look_at_roll_ups(area: Area) -> None:
    newest = minute_of(timezone.now())
    final = rolling.final_until("quarter")
    sampled = MinuteSample.objects.order_by().aggregate(at=Min("at"))["at"]
    begun = final if final is not None else sampled
    if sampled is not None and begun is not None and newest - begun > _ROLL_UP_MINUTES:
        area.problem(
            "roll_ups_late",
            f"Usage has not been added up for {newest - begun} minutes.",
            why="Charts, costs and savings are out of date.",
            remedy="Start beat and the worker of the queue upkeep: docker compose up -d beat chores",
        )

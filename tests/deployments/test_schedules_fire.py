"""The clock's side of schedules: each time counts once, whoever looks and however late."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from deployments import intent, scheduling, tasks
from deployments.models import Deployment, ScalingSchedule
from deployments.spec.schedules import next_time
from tests.processes import Server

HOURLY = "0 * * * *"


def overdue(
    deployment: Deployment, *, by: timedelta, cron: str = HOURLY, replicas: int = 5
) -> ScalingSchedule:
    """A schedule whose time came some while ago."""
    return ScalingSchedule.objects.create(
        deployment=deployment,
        cron=cron,
        replicas=replicas,
        next_at=timezone.now() - by,
        created_by="lead",
    )


def wishes_of_the_clock(deployment: Deployment) -> int:
    return deployment.operations.filter(created_by="schedule").count()


def test_a_schedule_that_is_due_changes_the_count_and_plans_its_next_time(deployment: Deployment) -> None:
    schedule = overdue(deployment, by=timedelta(seconds=3))
    scheduling.fire_due()
    deployment.refresh_from_db()
    schedule.refresh_from_db()
    assert (deployment.replicas, deployment.generation) == (5, 2)
    assert schedule.next_at is not None
    assert timezone.now() < schedule.next_at <= timezone.now() + timedelta(hours=1)
    scheduling.fire_due()
    assert wishes_of_the_clock(deployment) == 1


def test_of_many_missed_times_the_latest_is_made_up_for_and_no_other(deployment: Deployment) -> None:
    schedule = overdue(deployment, by=timedelta(days=2))
    scheduling.fire_due()
    scheduling.fire_due()
    schedule.refresh_from_db()
    assert wishes_of_the_clock(deployment) == 1
    assert schedule.last_at is not None
    assert timezone.now() - schedule.last_at <= timedelta(hours=1)


def test_what_is_off_or_not_due_stays_as_it_is(deployment: Deployment) -> None:
    off = overdue(deployment, by=timedelta(minutes=5))
    ScalingSchedule.objects.filter(pk=off.pk).update(enabled=False)
    overdue(deployment, by=timedelta(minutes=-5))
    scheduling.fire_due()
    assert wishes_of_the_clock(deployment) == 0


def test_a_schedule_that_cannot_be_fired_does_not_hold_the_others_up(
    deployment: Deployment, deployer: User, caplog: pytest.LogCaptureFixture
) -> None:
    broken = overdue(deployment, by=timedelta(minutes=9), cron="not a time")
    payload = {"name": "other", "model": "house", "version": "1.0"}
    other = intent.create_deployment(deployment.team, payload, by=deployer).deployment
    overdue(other, by=timedelta(minutes=1))
    scheduling.fire_due()
    assert wishes_of_the_clock(other) == 1
    assert f"schedule {broken.pk}" in caplog.text


@pytest.mark.parametrize(
    ("day", "fires_at"),
    [
        # The clock goes from 02:00 to 03:00: half past two does not exist, three does.
        (datetime(2027, 3, 28, tzinfo=UTC), "01:00"),
        # The clock goes from 03:00 back to 02:00: half past two comes twice.
        (datetime(2027, 10, 31, tzinfo=UTC), "00:30"),
        (datetime(2027, 6, 1, tzinfo=UTC), "00:30"),
    ],
)
def test_a_daily_schedule_fires_once_on_days_when_the_clock_changes(
    deployment: Deployment, day: datetime, fires_at: str
) -> None:
    deployment.team.time_zone = "Europe/Berlin"
    deployment.team.save()
    start = day - timedelta(hours=6)
    schedule = overdue(deployment, by=timedelta(0), cron="30 2 * * *")
    ScalingSchedule.objects.update(next_at=next_time(schedule.cron, "Europe/Berlin", start))
    fired = set()
    for minutes in range(0, 24 * 60, 10):
        intent.fire_schedule(schedule.pk, now=start + timedelta(minutes=minutes))
        schedule.refresh_from_db()
        if schedule.last_at is not None:
            fired.add(schedule.last_at)
    assert [f"{at:%H:%M}" for at in fired] == [fires_at]
    assert wishes_of_the_clock(deployment) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_moment_fire_once(deployment: Deployment) -> None:
    schedules = [overdue(deployment, by=timedelta(minutes=n), replicas=n + 3) for n in range(1, 4)]
    together = threading.Barrier(2)
    failures: list[Exception] = []

    def work() -> None:
        try:
            together.wait(10)
            scheduling.fire_due()
        except Exception as exc:  # noqa: BLE001  told by the test's own thread
            failures.append(exc)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failures == []
    deployment.refresh_from_db()
    # Three were due at the same full hour at the latest; one of them counts, once.
    assert ScalingSchedule.objects.filter(next_at__gt=timezone.now()).count() == len(schedules)
    assert deployment.generation == 1 + wishes_of_the_clock(deployment)
    fired = deployment.operations.filter(created_by="schedule").values_list("arguments", flat=True)
    assert len({arguments["schedule"] for arguments in fired}) == len(fired) >= 1


def test_beat_asks_often_enough_and_for_a_task_that_exists(settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["schedules"]
    assert entry["task"] == tasks.fire_schedules.name
    assert entry["schedule"] <= 10
    assert entry["task"] in current_app.tasks


def celery(data_dir: Path, redis_url: str, *arguments: str) -> Server:
    """A process of the product on the database of the test."""
    name = connection.settings_dict["NAME"]
    database = f"sqlite://{name}"
    if connection.vendor == "postgresql":
        of = connection.settings_dict
        place = f"{of['USER']}:{of['PASSWORD']}@{'' if '/' in of['HOST'] else of['HOST']}"
        port, folder = (f":{of['PORT']}" if of["PORT"] else ""), (of["HOST"] if "/" in of["HOST"] else "")
        database = f"postgres://{place}{port}/{name}" + (f"?host={quote(folder, safe='')}" if folder else "")
    settings = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
        "REDIS_URL": redis_url,
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": database,
        "CELERY_SKIP_CHECKS": "1",
    }
    argv = (sys.executable, "-m", "celery", "-A", "dashboard.celery", "--quiet", *arguments)
    return Server(argv, environment={**os.environ, **settings})


@pytest.fixture
def clock(data_dir: Path, redis_url: str) -> Iterator[tuple[Server, Server]]:
    """Beat and a worker, not started yet."""
    schedule = ("--pidfile", "", "--schedule", str(data_dir / "beat"))
    worker = ("--queues", "reconcile", "--concurrency", "1", "--without-mingle", "--without-gossip")
    beat_process = celery(data_dir, redis_url, "beat", *schedule)
    worker_process = celery(data_dir, redis_url, "worker", *worker)
    yield beat_process, worker_process
    beat_process.kill()
    worker_process.stop()


def until(holds: Callable[[], bool], *servers: Server, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        told = [line for server in servers for line in server.output[-30:]]
        assert time.monotonic() < deadline, "\n".join(told)
        threading.Event().wait(0.1)


@pytest.mark.django_db(transaction=True)
def test_what_came_due_while_beat_and_worker_were_away_fires_once_they_are_back(
    deployment: Deployment, clock: tuple[Server, Server]
) -> None:
    beat, worker = clock
    overdue(deployment, by=timedelta(hours=3))
    beat.start()
    worker.start()
    until(lambda: wishes_of_the_clock(deployment) == 1, beat, worker, seconds=60)
    beat.kill()
    worker.kill()
    Deployment.objects.update(replicas=2)
    ScalingSchedule.objects.update(next_at=timezone.now())
    beat.start()
    worker.start()
    until(lambda: wishes_of_the_clock(deployment) == 2, beat, worker, seconds=60)
    deployment.refresh_from_db()
    assert deployment.replicas == 5

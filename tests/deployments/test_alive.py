"""Probes of those that nobody can ask over HTTP: a frozen process is found, one that waits is left alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from kombu.exceptions import OperationalError

from dashboard.celery import app
from dashboard.settings.environment import ROOT
from dashboard.signs_of_life import Scheduler
from dashboard.supervisor.options import free_port
from deployments import alive
from tests.processes import new_valkey

TURNS = "import asyncio, pathlib, sys; from deployments import alive; file = pathlib.Path(sys.argv[1]); {}"
OBSERVES = "asyncio.run(alive.keep_touching(file, every_seconds=0.02))"
WAITS = "alive.Waiting(file, every_seconds=0.02).begin(); input()"


def until(what: str, seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.02)


def is_young(file: Path) -> bool:
    return alive.is_alive(file, longest_silence_seconds=0.5)


@pytest.fixture
def file(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one that is touched, often."""
    monkeypatch.setattr(alive, "EVERY_SECONDS", 0.02)
    settings.ALIVE_FILE = tmp_path / "alive"
    return tmp_path / "alive"


@pytest.fixture(
    params=[OBSERVES, WAITS], ids=["a loop that turns", "a thread that speaks for one that waits"]
)
def process(request: pytest.FixtureRequest, file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", TURNS.format(request.param), str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def test_a_frozen_process_is_found(process: "subprocess.Popen[bytes]", file: Path) -> None:
    until("it lives", lambda: is_young(file))
    os.kill(process.pid, signal.SIGSTOP)
    until("it is frozen", lambda: not is_young(file))
    os.kill(process.pid, signal.SIGCONT)
    until("it lives again", lambda: is_young(file))


def test_a_probe_fails_once_the_file_is_a_minute_old(tmp_path: Path) -> None:
    file = tmp_path / "alive"

    def probe() -> int:
        command = [sys.executable, "-X", "importtime", "-m", "deployments.alive", str(file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert "django" not in done.stderr, "it is asked often, and must cost little"
        return done.returncode

    assert probe() == 1
    file.touch()
    assert probe() == 0
    long_ago = time.time() - alive.LONGEST_SILENCE_SECONDS - 1
    os.utime(file, (long_ago, long_ago))
    assert probe() == 1


def test_a_file_that_cannot_be_touched_ends_nobody(tmp_path: Path) -> None:
    alive.touch(tmp_path / "no folder" / "alive")
    alive.touch(None)


@pytest.mark.django_db(transaction=True)
def test_a_worker_lives_while_its_broker_is_away(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    broker = new_valkey(tmp_path / "valkey")
    broker.start()
    settings.CELERY_BROKER_URL = broker.url
    monkeypatch.setattr(app.conf, "broker_url", broker.url)
    try:
        with start_worker(app, perform_ping_check=False, pool="solo", queues=["upkeep"], loglevel="ERROR"):
            until("it is connected", lambda: is_young(file))
            for _ in range(2):
                broker.kill()
                file.unlink()
                until("it waits", file.exists)
                broker.start()
                file.unlink(missing_ok=True)
                until("it is connected again", file.exists)
    finally:
        broker.stop()


def test_beat_lives_while_it_looks_and_while_its_broker_is_away(file: Path) -> None:
    away = Celery("away", broker=f"redis://127.0.0.1:{free_port()}/0", set_as_current=False)
    away.conf.broker_connection_max_retries = 1
    beat = Scheduler(away, schedule_filename=str(file.with_name("schedule")))
    with pytest.raises(OperationalError):
        _ = beat.producer
    assert is_young(file)
    file.unlink()
    beat.tick()
    assert file.exists()
    beat.close()

"""A worker outlives its broker, and a task its worker: with Celery's settings as they are in the product."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from tests.processes import Server, ValkeyServer, new_valkey

SECONDS = 60


def until(what: str, holds: Callable[[], bool], worker: Server) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"never {what}:\n" + "\n".join(worker.output[-40:])
        threading.Event().wait(0.05)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = new_valkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def new_worker(broker: ValkeyServer, data_dir: Path) -> Server:
    argv = (
        *(sys.executable, "-m", "celery", "-A", "tests.deployments.slow_task", "--quiet", "worker"),
        *("--queues", "reconcile", "--concurrency", "1", "--without-mingle", "--without-gossip"),
    )
    settings = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
        "REDIS_URL": broker.url,
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": "",
        "CELERY_SKIP_CHECKS": "1",
    }
    return Server(argv, environment={**os.environ, **settings})


@pytest.fixture
def worker(broker: ValkeyServer, tmp_path: Path) -> Iterator[Server]:
    server = new_worker(broker, tmp_path)
    server.start()
    yield server
    server.stop()


def send(broker: ValkeyServer, folder: Path, name: str) -> None:
    with Celery(broker=broker.url, set_as_current=False) as sender:
        try:
            sender.send_task("tests.wait_for", [str(folder), name], queue="reconcile")
        except OperationalError as exc:
            raise AssertionError("the broker does not answer") from exc


def test_a_worker_survives_a_broker_that_restarts_during_a_task(
    broker: ValkeyServer, worker: Server, tmp_path: Path
) -> None:
    send(broker, tmp_path, "first")
    until("begun", (tmp_path / "first began").exists, worker)
    broker.kill()
    broker.start()
    # Its late acknowledgement goes to a broker that knows nothing of it.
    (tmp_path / "first go on").touch()
    until("ended", (tmp_path / "first ended").exists, worker)
    (tmp_path / "second go on").touch()
    send(broker, tmp_path, "second")
    until("a second task done", (tmp_path / "second ended").exists, worker)
    assert worker.process is not None
    assert worker.process.poll() is None
    assert not any("Unrecoverable" in line for line in worker.output)


def test_the_task_of_a_killed_process_is_done_by_the_next(
    broker: ValkeyServer, worker: Server, tmp_path: Path
) -> None:
    send(broker, tmp_path, "first")
    began = tmp_path / "first began"
    until("begun", began.exists, worker)
    began.unlink()
    (process,) = psutil.Process(worker.pid).children()
    process.kill()
    until("begun again", began.exists, worker)
    (tmp_path / "first go on").touch()
    until("ended", (tmp_path / "first ended").exists, worker)

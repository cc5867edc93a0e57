"""One supervisor per data directory; a killed one's processes are ended by the next, and no others."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dashboard.supervisor.options import CannotStart, Options
from dashboard.supervisor.ownership import RUN_MARK, end_leftovers, only_supervisor, record_process

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    started = []

    def sleeper(run_id: str = "") -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(SLEEPER, env={**os.environ, RUN_MARK: run_id})
        started.append(process)
        return process

    yield sleeper
    for process in started:
        process.kill()
        process.wait()


def options(data_dir: Path) -> Options:
    return Options(
        port=8123, data_dir=data_dir, database_url="", redis_url="", kubeconfig=None, context="", colour=False
    )


def test_a_recorded_process_is_ended(tmp_path: Path, start: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    process = start()
    record_process(tmp_path, "worker", process.pid, "run-1")
    assert end_leftovers(tmp_path) == ["worker"]
    process.wait(timeout=5)
    assert list(tmp_path.glob("*.json")) == []


def test_another_process_that_got_the_same_pid_is_left_alone(
    tmp_path: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    process = start()
    began = psutil.Process(process.pid).create_time()
    about = {"pid": process.pid, "started": began - 100, "run": "run-2"}
    (tmp_path / "worker.json").write_text(json.dumps(about))
    assert end_leftovers(tmp_path) == []
    assert process.poll() is None


def test_children_of_a_recorded_process_that_died_are_ended(
    tmp_path: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    run_id = f"run-3-{os.getpid()}"
    leader, child, stranger = start(run_id), start(run_id), start("another-run")
    record_process(tmp_path, "worker", leader.pid, run_id)
    leader.kill()
    leader.wait()
    assert end_leftovers(tmp_path) == [f"process {child.pid}"]
    child.wait(timeout=5)
    assert stranger.poll() is None


def test_a_broken_record_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text('{"pid": ')
    assert end_leftovers(tmp_path) == []
    assert not (tmp_path / "web.json").exists()


def test_a_second_supervisor_is_refused_with_the_first_ones_pid_and_address(tmp_path: Path) -> None:
    with (
        only_supervisor(options(tmp_path)),
        pytest.raises(CannotStart) as refusal,
        only_supervisor(options(tmp_path)),
    ):
        pytest.fail("two supervisors hold one data directory")
    assert f"process {os.getpid()} at http://127.0.0.1:8123" in str(refusal.value)
    with only_supervisor(options(tmp_path)):
        pass


def test_the_database_is_its_owners_even_in_a_folder_that_is_open_to_all(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    earlier = tmp_path / "timoneiro.sqlite3-wal"
    earlier.touch(mode=0o644)
    with only_supervisor(Options(8000, tmp_path, "", "", None, "", colour=False)):
        for file in (tmp_path / "timoneiro.sqlite3", earlier):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

"""One supervisor per data directory, and none of an earlier one's processes left over.

Every process of a run carries the run's id in its environment and has a record
in DATA_DIR/run. When the supervisor is killed with SIGKILL nobody stops its
children, so the next start reads the records and ends what they name: only
processes whose pid *and* start time match, and those that carry the id.
"""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from dashboard.supervisor.options import CannotStart, Options

RUN_MARK = "TIMONEIRO_RUN"
SECONDS_TO_STOP = 5.0
# Clock steps move a process's start time by a little between two readings.
SAME_START_SECONDS = 0.5


@contextlib.contextmanager
def only_supervisor(options: Options) -> Iterator[None]:
    """Hold the data directory for this process; the kernel lets go of it however the process ends.

    Raises:
        CannotStart: another supervisor holds it; the message names its pid and address.
    """
    options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (options.data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(f"{options.data_dir} is in use by {lock.read().strip()}.") from None
        lock.truncate(0)
        lock.write(f"the Timoneiro of process {os.getpid()} at {options.address}")
        lock.flush()
        close_database(options.data_dir)
        yield


def close_database(data_dir: Path) -> None:
    """Keep SQLite's files from everybody else: with a session's key anyone could be that person.

    The folder may be one that others made and can enter, pods among them. SQLite gives the
    files beside it the mode of the first.
    """
    name = "timoneiro.sqlite3"
    (data_dir / name).touch(mode=0o600)
    for file in data_dir.glob(f"{name}*"):
        file.chmod(0o600)


def record_process(run_dir: Path, name: str, pid: int, run_id: str) -> None:
    """Remember a started process for the next start to end, should nobody else do it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        about = {"pid": pid, "started": psutil.Process(pid).create_time(), "run": run_id}
        (run_dir / f"{name}.json").write_text(json.dumps(about))


def forget_process(run_dir: Path, name: str) -> None:
    """Drop the record of a process that has ended with its whole group."""
    (run_dir / f"{name}.json").unlink(missing_ok=True)


def end_leftovers(run_dir: Path) -> list[str]:
    """End what an earlier, killed supervisor left running; answers the names of what it was."""
    run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    named: dict[str, psutil.Process] = {}
    runs = set()
    for file in run_dir.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, psutil.Error):
            about = json.loads(file.read_text())
            runs.add(str(about["run"]))
            process = psutil.Process(int(about["pid"]))
            if abs(process.create_time() - about["started"]) < SAME_START_SECONDS:
                named[file.stem] = process
        file.unlink(missing_ok=True)
    marked = processes_of(runs) if runs else []
    end([*named.values(), *(process for process in marked if process not in named.values())])
    return sorted(named) + [f"process {process.pid}" for process in marked if process not in named.values()]


def processes_of(runs: set[str]) -> list[psutil.Process]:
    """The processes that carry one of these run ids, whoever their parent is by now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(RUN_MARK) in runs:
                found.append(process)
    return found


def end(processes: list[psutil.Process]) -> None:
    """Ask processes to stop, and kill those that do not within a few seconds."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=SECONDS_TO_STOP)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=SECONDS_TO_STOP)

"""A container as a child process in a group of its own, with its output read as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
#: As in launcher.py: goes before the name of each variable of the container.
HIDDEN: Final = "CONTAINER:"
READ_BYTES: Final = 64 * 1024
#: A process that forked away from its output would otherwise keep a container from ending.
DRAIN_READS: Final = 64


@dataclass(frozen=True)
class Program:
    """What to run, where, with which environment, and as whom (None: as ourselves)."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    user: int | None = None


class ContainerProcess:
    """One started process. ``exit_code`` is as a container runtime tells it: 128 + n for signal n."""

    def __init__(self, program: Program, on_output: Callable[[bytes], None]) -> None:
        """Start it.

        Raises:
            OSError: it could not be started at all.
        """
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        read_end, write_end = os.pipe()
        try:
            self._popen = self._start(program, write_end)
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self.pid = self._popen.pid
        self._output = read_end
        os.set_blocking(read_end, False)
        self._loop.add_reader(read_end, self._read)
        self._watch_exit()

    @staticmethod
    def _start(program: Program, output: int) -> subprocess.Popen[bytes]:
        user = -1 if program.user is None else program.user
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(user), str(user), "--"]
        return subprocess.Popen(
            [*launcher, *program.argv],
            # Hidden from the launcher and its loader, which still have our own privileges.
            env={HIDDEN + name: value for name, value in program.environment.items()},
            cwd=program.directory,
            stdin=subprocess.DEVNULL,
            # One pipe for both, so that a traceback stays where it belongs between the lines of stdout.
            stdout=output,
            stderr=output,
            start_new_session=True,
            close_fds=True,
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self.exited.done()

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and everything it started."""
        if self.running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, now."""
        self.signal_group(signal.SIGKILL)

    async def stop(self, grace_seconds: float) -> int:
        """SIGTERM, then SIGKILL when the grace is over; returns the exit code."""
        if grace_seconds > 0:
            self.signal_group(signal.SIGTERM)
            await asyncio.wait([self.exited], timeout=grace_seconds)
        self.kill()
        return await asyncio.shield(self.exited)

    def _watch_exit(self) -> None:
        if hasattr(os, "pidfd_open"):
            pidfd = os.pidfd_open(self.pid)
            self._loop.add_reader(pidfd, self._ended, pidfd)
        else:
            threading.Thread(target=self._wait_in_thread, daemon=True).start()

    def _wait_in_thread(self) -> None:
        self._popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody asks any more
            self._loop.call_soon_threadsafe(self._ended, None)

    def _ended(self, pidfd: int | None) -> None:
        if pidfd is not None:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)
        code = self._popen.wait()
        # Members of its group may have outlived it; nothing of a container stays behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._drain()
        if not self.exited.done():
            self.exited.set_result(128 - code if code < 0 else code)

    def _read(self) -> bool:
        """Pass on what is there; False at the end of the output."""
        try:
            data = os.read(self._output, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._output)
            return False
        self._on_output(data)
        return True

    def _drain(self) -> None:
        for _ in range(DRAIN_READS):
            if not self._read():
                break
        self._loop.remove_reader(self._output)
        os.close(self._output)


def memory_bytes(pid: int) -> int:
    """Resident memory of a process and its children; 0 when it is gone."""
    try:
        total = int(psutil.Process(pid).memory_info().rss)
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for child in children.read_text().split() if children.exists() else ():
            total += memory_bytes(int(child))
    except (psutil.Error, OSError):
        return 0
    return total


class ProcessLedger:
    """Which processes are ours, in files, so that a cluster killed with SIGKILL leaves none for ever."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, pid: int) -> None:
        """Remember a process; pid and creation time together name it for good."""
        with contextlib.suppress(psutil.Error):
            (self._folder / str(pid)).write_text(repr(psutil.Process(pid).create_time()))

    def forget(self, pid: int) -> None:
        """The process has ended."""
        (self._folder / str(pid)).unlink(missing_ok=True)

    def end_leftovers(self) -> int:
        """Kill what an earlier run left behind; returns how many were still alive."""
        ended = 0
        for entry in list(self._folder.iterdir()):
            with contextlib.suppress(psutil.Error, OSError, ValueError):
                pid = int(entry.name)
                process = psutil.Process(pid)
                same = abs(process.create_time() - float(entry.read_text())) < 0.01
                if same and process.status() != psutil.STATUS_ZOMBIE:
                    os.killpg(pid, signal.SIGKILL)
                    ended += 1
            entry.unlink(missing_ok=True)
        return ended

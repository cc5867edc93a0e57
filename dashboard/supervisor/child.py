"""One supervised process: started in its own session, restarted with back-off, ended with its group."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.supervisor.console import Console
from dashboard.supervisor.ownership import RUN_MARK, forget_process, record_process

FIRST_BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 30.0
# A process that ran this long was fine: its next failure is a new story.
HEALTHY_SECONDS = 20.0
LONGEST_LINE_BYTES = 64 * 1024
SECONDS_FOR_LAST_LINES = 2.0
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What to run: a name for people, the command line and the environment."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready_line: str = ""
    """A start of a line of output that says the program serves; "" = ready when its own check says so."""


class GaveUp(Exception):
    """A program does not stay up."""


class Child:
    """A program that is kept running until `stop`."""

    def __init__(
        self, program: Program, console: Console, *, folder: Path, run_dir: Path, run_id: str
    ) -> None:
        self.program = program
        self.restarts = 0
        self.said_ready = asyncio.Event()
        self._console = console
        self._folder = folder
        self._run_dir = run_dir
        self._run_id = run_id
        self._process: asyncio.subprocess.Process | None = None
        self._output = -1
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def keep_running(self) -> None:
        """Start the program and restart it whenever it ends."""
        self._keeper = asyncio.create_task(self._keep(), name=self.program.name)

    async def run_once(self) -> int:
        """Run the program to its end; answers its exit code."""
        process = await self._start()
        await self._relay(process)
        return await self._ended(process)

    async def ready(self, check: Callable[[], Awaitable[bool]] | None, *, within_seconds: float) -> None:
        """Wait until the program serves.

        Raises:
            GaveUp: it did not in time, or ended several times before.
        """
        deadline = time.monotonic() + within_seconds
        while not (self.said_ready.is_set() if check is None else await check()):
            if time.monotonic() > deadline:
                raise GaveUp(f"{self.program.name} was not ready within {within_seconds:.0f} s.")
            if self.restarts > 3:
                raise GaveUp(f"{self.program.name} ends each time it is started; see its lines above.")
            await asyncio.sleep(0.05)

    async def stop(self, *, within_seconds: float) -> None:
        """End the program and its group: SIGTERM, then SIGKILL when the time is up."""
        self._stopping.set()
        process = self._process
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                # The keeper reaps it; both may wait for the same process.
                await asyncio.wait_for(process.wait(), within_seconds)
            except TimeoutError:
                self._console.say(self.program.name, f"did not stop within {within_seconds:.0f} s: killed")
                kill_group(process.pid)
                await process.wait()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if process:
            kill_group(process.pid)
            forget_process(self._run_dir, self.program.name)

    def kill(self) -> None:
        """End the program and its group at once."""
        self._stopping.set()
        if self.pid:
            kill_group(self.pid)

    async def _keep(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            process = await self._start()
            await self._relay(process)
            code = await self._ended(process)
            self.said_ready.clear()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > HEALTHY_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            self.restarts += 1
            self._console.say(self.program.name, f"{how_it_ended(code)}; starting again in {backoff:g} s")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)

    async def _start(self) -> asyncio.subprocess.Process:
        # A pipe of our own: asyncio's would hold `wait` back until every grandchild has closed it.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self.program.argv,
                env={**self.program.environment, RUN_MARK: self._run_id},
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._output = reading
        self._process = process
        record_process(self._run_dir, self.program.name, process.pid, self._run_id)
        return process

    async def _relay(self, process: asyncio.subprocess.Process) -> None:
        """Print the program's output until it ends."""
        output = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(self._output, "rb")
        )
        printing = asyncio.create_task(self._print(output))
        try:
            await process.wait()
            # Its own children must not live on beside the next one, nor hold the pipe open.
            kill_group(process.pid)
            await asyncio.wait({printing}, timeout=SECONDS_FOR_LAST_LINES)
        finally:
            printing.cancel()
            transport.close()

    async def _print(self, output: asyncio.StreamReader) -> None:
        while (line := await next_line(output)) is not None:
            if self.program.ready_line and line.startswith(self.program.ready_line):
                self.said_ready.set()
            elif line:
                self._console.say(self.program.name, line)

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        code = await process.wait()
        forget_process(self._run_dir, self.program.name)
        return code


async def next_line(output: asyncio.StreamReader) -> str | None:
    """The next line without its end, cut when it is huge; None at the end of the output."""
    try:
        line = await output.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        if not end.partial:
            return None
        line = end.partial
    except asyncio.LimitOverrunError as overrun:
        line = await output.readexactly(overrun.consumed)
    return line.decode(errors="replace").rstrip()


def kill_group(leader_pid: int) -> None:
    """Kill whatever is left of a process group that we started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


# Looked up before any fork: loading a library in the forked child is not safe.
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def end_with_parent() -> None:
    """In the child, before it becomes the program: ask Linux for SIGTERM when the supervisor dies."""
    if _PRCTL is not None:
        _PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

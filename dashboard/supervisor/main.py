"""Start order, readiness, and stopping in reverse."""

import asyncio
import json
import secrets
import signal
import sys
import time
from pathlib import Path

from dashboard.supervisor import probes, programs
from dashboard.supervisor.child import Child, GaveUp, Program
from dashboard.supervisor.console import Console
from dashboard.supervisor.options import (
    CannotStart,
    Options,
    free_port,
    keep_secrets,
    read_options,
    require_free_port,
    write_privately,
)
from dashboard.supervisor.ownership import end, end_leftovers, only_supervisor, processes_of

SECONDS_TO_BE_READY = 60.0
SECONDS_TO_STOP = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Run the stack until a signal; answers the exit code (0 after a stop that was asked for)."""
    try:
        options = read_options(arguments, terminal=sys.stdout.isatty())
        with only_supervisor(options):
            require_free_port(options.port)
            return asyncio.run(Stack(options).run())
    except CannotStart as reason:
        print(f"timoneiro: {reason}", file=sys.stderr)
        return 1


class Stack:
    """The processes of one run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.console = Console(colour=options.colour)
        self.run_id = secrets.token_hex(8)
        self.run_dir = options.data_dir / "run"
        self.private_valkey: programs.PrivateValkey | None = None
        self.redis_url = options.redis_url
        if not self.redis_url:
            # One port for the whole run: a restarted Valkey is found where it was.
            self.private_valkey = programs.PrivateValkey(
                free_port(), secrets.token_urlsafe(24), options.data_dir / "valkey"
            )
            self.redis_url = self.private_valkey.url
        self.django = programs.DjangoPrograms(options, keep_secrets(options.data_dir), self.redis_url)
        # In stages: what a stage needs is in the ones before it; stopped in reverse.
        self.stages: list[list[Child]] = [[], [], []]

    async def run(self) -> int:
        """Start, wait for a signal, stop."""
        told_to_stop = asyncio.Event()
        self._listen_for(told_to_stop)
        for name in await asyncio.to_thread(end_leftovers, self.run_dir):
            self.say(f"ended {name}, left over from a run that was killed")
        write_privately(self.run_dir / "environment", json.dumps(dict(self.django.environment)))
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(told_to_stop.wait())
        code = 0
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
        except (GaveUp, OSError) as reason:
            self.say(f"cannot start: {reason}")
            code = 1
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._stop()
        return code

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        self.console.say("dev", text)

    def _listen_for(self, told_to_stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def heard() -> None:
            if told_to_stop.is_set():
                # Asked twice: whoever asks does not want to wait.
                for child in self._children():
                    child.kill()
            told_to_stop.set()

        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, heard)

    def _children(self) -> list[Child]:
        return [child for stage in self.stages for child in stage]

    def _child(self, program: Program) -> Child:
        return Child(program, self.console, folder=programs.ROOT, run_dir=self.run_dir, run_id=self.run_id)

    def _keep(self, stage: int, program: Program) -> Child:
        child = self._child(program)
        self.stages[stage].append(child)
        child.keep_running()
        return child

    async def _start(self) -> None:
        began = time.monotonic()
        first_start = not passwords_file(self.options).exists()
        valkey = self.private_valkey
        broker = self._keep(0, programs.valkey(valkey)) if valkey else None
        cluster = None if self.options.kubeconfig else self._keep(0, programs.cluster(self.options))
        # Its imports take as long as the cluster's start; it says not ready until the data is.
        web = self._keep(2, self.django.web())
        if cluster:
            await cluster.ready(None, within_seconds=SECONDS_TO_BE_READY)
        await self._prepare()
        self._keep(1, self.django.observer())
        worker = self._keep(1, self.django.worker())
        if broker and valkey:
            await broker.ready(
                lambda: probes.broker_answers(valkey.port, valkey.password),
                within_seconds=SECONDS_TO_BE_READY,
            )
        await web.ready(
            lambda: probes.page_answers(self.options.port, "/readyz"), within_seconds=SECONDS_TO_BE_READY
        )
        if valkey:
            await worker.ready(
                lambda: probes.worker_listens(valkey.port, valkey.password),
                within_seconds=SECONDS_TO_BE_READY,
            )
        # Needed in some seconds at the earliest; until here the others needed the processor more.
        self._keep(1, self.django.chores())
        self._keep(1, self.django.answers())
        self._keep(1, self.django.beat())
        self.say(f"ready after {time.monotonic() - began:.1f} s")
        self.console.plain(welcome(self.options, first_start=first_start))

    async def _prepare(self) -> None:
        """Migrations and first data; without them there is nothing to serve."""
        child = self._child(self.django.prepare())
        try:
            code = await child.run_once()
        finally:
            await child.stop(within_seconds=SECONDS_TO_STOP)
        if code:
            raise GaveUp(f"preparing the database failed (exit code {code}); see its lines above.")

    async def _stop(self) -> None:
        """End the stages in reverse, then anything that still carries this run's id."""
        self.say("stopping")
        for stage in reversed(self.stages):
            await asyncio.gather(*(child.stop(within_seconds=SECONDS_TO_STOP) for child in stage))
        await asyncio.to_thread(lambda: end(processes_of({self.run_id})))
        (self.run_dir / "environment").unlink(missing_ok=True)
        self.say("stopped")


def passwords_file(options: Options) -> Path:
    """Where the first start keeps the accounts' passwords, one "name password" a line."""
    return options.data_dir / "passwords"


def welcome(options: Options, *, first_start: bool) -> str:
    """The line that says where the pages are and how to sign in; passwords only at the first start."""
    file = passwords_file(options)
    if not first_start or not file.exists():
        return f"Ready: {options.address}  sign in with an account of {file}"
    accounts = [line.split(maxsplit=1) for line in file.read_text().splitlines() if line.strip()]
    listed = ", ".join(f"{name} / {password}" for name, password in accounts)
    return f"Ready: {options.address}  sign in as {listed} (kept in {file})"

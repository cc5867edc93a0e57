"""A supervised process is restarted when it ends by itself and ended with all it started."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dashboard.supervisor.child import Child, GaveUp, Program
from dashboard.supervisor.console import Console


class Listening(Console):
    """Keeps what is printed."""

    def __init__(self) -> None:
        super().__init__(colour=False)
        self.lines: list[str] = []

    def plain(self, text: str) -> None:
        self.lines.append(text)

    def heard(self, text: str) -> bool:
        return any(text in line for line in self.lines)


async def until(check: Callable[[], object], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.01)


@pytest.fixture
def console() -> Listening:
    return Listening()


@pytest.fixture
def child(tmp_path: Path, console: Listening) -> Callable[[str], Child]:
    def make(source: str, ready_line: str = "ready ") -> Child:
        program = Program("thing", (sys.executable, "-uc", source), dict(os.environ), ready_line=ready_line)
        return Child(program, console, folder=tmp_path, run_dir=tmp_path, run_id="a-test")

    return make


FOREVER = "import time; print('ready .'); time.sleep(9)"


async def test_it_is_ready_when_it_says_so(child: Callable[[str], Child], tmp_path: Path) -> None:
    kept = child(FOREVER)
    kept.keep_running()
    await kept.ready(None, within_seconds=10)
    assert (tmp_path / "thing.json").exists()
    await kept.stop(within_seconds=5)
    assert kept.pid is None
    assert not (tmp_path / "thing.json").exists()


async def test_a_killed_one_is_started_again(child: Callable[[str], Child], console: Listening) -> None:
    kept = child(FOREVER)
    kept.keep_running()
    await kept.ready(None, within_seconds=10)
    first = kept.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.pid not in {None, first} and kept.said_ready.is_set())
    assert console.heard("ended by SIGKILL; starting again in 0.25 s")
    await kept.stop(within_seconds=5)


async def test_one_that_never_stays_up_is_given_up_at_the_start(child: Callable[[str], Child]) -> None:
    kept = child("raise SystemExit('no such thing')")
    kept.keep_running()
    with pytest.raises(GaveUp, match="thing ends each time"):
        await kept.ready(None, within_seconds=20)
    await kept.stop(within_seconds=5)


async def test_one_that_is_silent_is_given_up_in_time(child: Callable[[str], Child]) -> None:
    kept = child("import time; time.sleep(60)")
    kept.keep_running()
    with pytest.raises(GaveUp, match="not ready within"):
        await kept.ready(None, within_seconds=0.2)
    await kept.stop(within_seconds=5)


async def test_its_own_children_end_with_it(child: Callable[[str], Child], console: Listening) -> None:
    kept = child(
        "import subprocess, sys, time\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('grandchild', grandchild.pid); print('ready'); time.sleep(60)",
    )
    kept.keep_running()
    await until(lambda: console.heard("grandchild "))
    grandchild = psutil.Process(int(console.lines[0].split()[-1]))
    assert kept.pid
    os.kill(kept.pid, signal.SIGKILL)
    await until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)
    await kept.stop(within_seconds=5)


async def test_one_that_ignores_being_told_is_killed(
    child: Callable[[str], Child], console: Listening
) -> None:
    kept = child(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready .'); time.sleep(9)"
    )
    kept.keep_running()
    await kept.ready(None, within_seconds=10)
    await kept.stop(within_seconds=0.3)
    assert kept.pid is None
    assert console.heard("did not stop within 0 s: killed")


async def test_a_line_without_end_is_printed_in_pieces(
    child: Callable[[str], Child], console: Listening
) -> None:
    once = child("print('x' * 200_000); print('after')")
    assert await once.run_once() == 0
    assert sum(line.count("x") for line in console.lines) == 200_000
    assert console.heard("after")


async def test_the_exit_code_of_one_that_ends_by_itself_is_answered(child: Callable[[str], Child]) -> None:
    assert await child("raise SystemExit(3)").run_once() == 3


def test_colour_is_only_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    Console(colour=False).say("web", "hello")
    Console(colour=True).say("web", "hello")
    plain, coloured = capsys.readouterr().out.splitlines()
    assert plain.endswith("web      hello")
    assert "\x1b" not in plain
    assert coloured.startswith("\x1b[36m")

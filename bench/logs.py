"""Following a chatty log: lines a second that a reader gets, beside `kubectl logs -f` in the same run.

Both follow the same container at the same time. What is counted as ours is what the product's
stream told as lines; skipped ones are told apart. The observer's memory is taken before,
during and after: it must not grow with what passes through it.
"""

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bench.figures import MEBIBYTE
from tests.e2e.stack import Stack, deployment_of, until

RATES = (1_000, 5_000, 20_000)
SECONDS = 20.0
# A reader's start is not what is measured.
WARM_UP_SECONDS = 3.0
PATH = "/teams/pricing/deployments/"


@dataclass
class Counted:
    """Lines that one way has read so far."""

    lines: int = 0
    skipped: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "data").start()
        try:
            with stack.client() as api:
                for rate in RATES:
                    measure(stack, api, rate)
        finally:
            stack.stop()


def measure(stack: Stack, api: httpx.Client, rate: int) -> None:
    name = f"noisy-{rate}"
    env = [{"name": "LOG_LINES_PER_SECOND", "value": str(rate)}]
    api.post(
        PATH, json={"name": name, "image": "local/noisy:1.0", "port": 5001, "env": env}
    ).raise_for_status()
    until("it runs", lambda: deployment_of(api, name)["status"]["state"] == "running", seconds=60)
    pod = api.get(f"{PATH}{name}/pods/").json()["results"][0]["name"]
    observer = psutil.Process(stack.pid_of("observer"))
    memory = [observer.memory_info().rss / MEBIBYTE]
    kubectl, ours = Counted(), Counted()
    with stack.client() as follower:
        threads = [
            in_thread(lambda: read_kubectl(stack, pod, kubectl)),
            in_thread(lambda: read_ours(follower, name, ours)),
        ]
        until("both read", lambda: kubectl.lines and ours.lines)
        wait(WARM_UP_SECONDS)
        began, before = time.monotonic(), (kubectl.lines, ours.lines, ours.skipped)
        while time.monotonic() - began < SECONDS:
            memory.append(observer.memory_info().rss / MEBIBYTE)
            wait(1)
        seconds = time.monotonic() - began
        read = (kubectl.lines - before[0], ours.lines - before[1], ours.skipped - before[2])
        for counted in (kubectl, ours):
            counted.ended.set()
        for thread in threads:
            thread.join(15)
    api.delete(f"{PATH}{name}/?wait=50")
    print(
        f"{rate:>6} lines/s written   kubectl {read[0] / seconds:,.0f}/s"
        f"   ours {read[1] / seconds:,.0f}/s ({read[1] / read[0]:.0%}), told of {read[2]:,} skipped"
        f"   observer {memory[0]:.0f} MiB before, {max(memory[:5]):.0f} at first,"
        f" {memory[-1]:.0f} at the end",
        flush=True,
    )


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def read_kubectl(stack: Stack, pod: str, counted: Counted) -> None:
    command = (*stack.kubectl_command, "-n", "pricing", "logs", "-f", "--tail=1", "--timestamps", pod)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101
        while not counted.ended.is_set() and (chunk := os.read(process.stdout.fileno(), 1 << 16)):
            counted.lines += chunk.count(b"\n")
        process.terminate()


def read_ours(api: httpx.Client, name: str, counted: Counted) -> None:
    with api.stream("GET", f"{PATH}{name}/logs/?follow=true&tail=1") as answer:
        for chunk in answer.iter_raw():
            # An event may be cut in two: the ends of lines' events are what is counted of them.
            counted.lines += chunk.count(b'"at":"')
            for found in re.finditer(rb'"lines":(\d+)}', chunk):
                counted.skipped += int(found[1])
            if counted.ended.is_set():
                return


if __name__ == "__main__":
    main()

"""Real servers for tests: a Valkey and a local cluster of their own, ended by pid."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from dashboard.supervisor.options import free_port
from dashboard.supervisor.programs import PrivateValkey, valkey

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Server:
    """A server process: `start`, `kill` (as a crash does), `stop`; what it printed is in `output`."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    output: list[str] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None
    first_line: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.first_line.clear()
        self.process = subprocess.Popen(
            self.argv,
            env=dict(self.environment),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip())
            if line.startswith("ready "):
                self.first_line.set()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """End it as a crash does, at once and with its data as it is."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class ValkeyServer(Server):
    """A Valkey; killed and started again it is at the same address, and empty."""

    url: str = ""

    def start(self) -> None:
        super().start()
        with redis.Redis.from_url(self.url) as client:
            deadline = time.monotonic() + 10
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    assert time.monotonic() < deadline, self.output
                    threading.Event().wait(0.02)


def new_valkey(folder: Path) -> ValkeyServer:
    """A Valkey on a free port, not started yet."""
    private = PrivateValkey(free_port(), secrets.token_urlsafe(12), folder)
    return ValkeyServer(valkey(private).argv, url=private.url)


@dataclass
class ClusterServer(Server):
    """A local cluster; started again on the same folder it has the same address and objects."""

    folder: Path = Path()

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def start(self) -> None:
        super().start()
        assert self.first_line.wait(30), "the local cluster did not start:\n" + "\n".join(self.output)


def new_cluster(folder: Path) -> ClusterServer:
    """A local cluster of its own, not started yet."""
    argv = (sys.executable, "-m", "k8s.local", "--data-dir", str(folder))
    return ClusterServer(argv, folder=folder)

"""The whole product as a stranger starts it: `./dev up` on a free port and a new data directory."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from k8s.local.validation.simple import NODE_PORTS

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_node_port(wanted: int | None = None) -> int:
    """A node port that nobody on this machine listens on: neither this product's cluster nor another's.

    The `wanted` one, if it is such.
    """
    ports = list(NODE_PORTS)
    random.shuffle(ports)
    for port in ports if wanted is None else (wanted, *ports):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no node port is free")


def until(what: str, check: Callable[[], T | None], *, seconds: float = 60) -> T:
    """The first truthy answer of `check`, asked again and again.

    Raises:
        AssertionError: there was none in time; names `what` and the last answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last: {answer!r})")
        threading.Event().wait(0.1)


@dataclass
class Stack:
    """A running product. `passwords` by account; `output` holds what `./dev up` printed."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[str] | None" = None
    output: list[str] = field(default_factory=list)
    seconds_to_ready: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def passwords(self) -> dict[str, str]:
        lines = (self.data_dir / "passwords").read_text().splitlines()
        return dict(line.split()[:2] for line in lines if line.strip() and not line.startswith("#"))

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "cluster" / "kubeconfig"

    def start(self, *, seconds: float = 100) -> "Stack":
        """Starts the product and returns when it says Ready."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            ["sh", str(ROOT / "dev"), "up", *self.arguments],
            cwd=self.data_dir.parent,
            env={**self._base_environment(), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self.process, ready), daemon=True).start()
        while not ready.wait(0.1):
            if self.process.poll() is not None or time.monotonic() - began > seconds:
                self.stop()
                raise AssertionError("no Ready line; it printed:\n" + "\n".join(self.output[-60:]))
        self.seconds_to_ready = time.monotonic() - began
        return self

    def _base_environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG"} or name.startswith(("TIMONEIRO_", "UV_", "PIP_", "SSL_"))
        }
        return kept | {"PORT": str(self.port), "DATA_DIR": str(self.data_dir)}

    def _read(self, process: "subprocess.Popen[str]", ready: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip("\n"))
            if re.search(rf"Ready: http://127\.0\.0\.1:{self.port}\b", line):
                ready.set()

    def stop(self) -> int:
        """Ends the product as Ctrl-C does; its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()

    def pid_of(self, name: str) -> int:
        """Process id of one of its processes ("web", "worker", "cluster", ...), 0 while it has none."""
        try:
            pid: int = json.loads((self.data_dir / "run" / f"{name}.json").read_text())["pid"]
        except (OSError, ValueError):
            return 0
        return pid if psutil.pid_exists(pid) else 0

    def manage(self, *arguments: str) -> str:
        """Runs `./dev manage ARGUMENTS` beside the product; what it printed on stdout."""
        done = subprocess.run(
            ["sh", str(ROOT / "dev"), "manage", *arguments],
            env=self._base_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def token(self, user: str = "deployer", scope: str = "deploy") -> str:
        """A new API token."""
        return self.manage("token", "create", "--user", user, "--scope", scope).splitlines()[-1].strip()

    def client(self, user: str = "deployer", scope: str = "deploy") -> httpx.Client:
        """A REST client of a program."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token(user, scope)}"},
            timeout=70,
            trust_env=False,
        )

    @property
    def kubectl_command(self) -> tuple[str, ...]:
        """How a command line of the wheel's kubectl on the product's own cluster begins."""
        return (str(Path(sys.executable).with_name("kubectl")), "--kubeconfig", str(self.kubeconfig))

    def kubectl(
        self, *arguments: str, timeout: float = 60, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Runs the kubectl of the wheel on the product's own cluster."""
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("kubectl")),
                "--kubeconfig",
                str(self.kubeconfig),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done


def deployment_of(client: httpx.Client, name: str, team: str = "pricing") -> dict[str, Any]:
    """The deployment as the API shows it."""
    answer = client.get(f"/teams/{team}/deployments/{name}/")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body

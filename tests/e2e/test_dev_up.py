"""`./dev up` as a person meets it: starting, starting twice, stopping, starting again."""

import json
import os
import stat
import subprocess

import psutil
import pytest

from tests.e2e.stack import ROOT, Stack, free_port, until

WARM_START_SECONDS = 8


def try_to_start(stack: Stack, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", str(ROOT / "dev"), "up"],
        env={**os.environ, "DATA_DIR": str(stack.data_dir), "PORT": str(free_port()), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_second_start_on_the_same_data_is_refused_in_one_line(stack: Stack) -> None:
    assert stack.process is not None
    refused = try_to_start(stack)
    assert refused.returncode == 1
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    assert str(stack.process.pid) in line
    assert stack.url in line


def test_a_busy_port_is_named(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = str(tmp_path_factory.mktemp("busy") / "data")
    refused = try_to_start(stack, DATA_DIR=elsewhere, PORT=str(stack.port))
    assert refused.returncode == 1
    assert f"Port {stack.port} is not free" in refused.stderr
    assert "PORT=" in refused.stderr


def test_passwords_are_said_once_and_kept_for_their_owner(stack: Stack) -> None:
    (ready,) = [line for line in stack.output if line.startswith("Ready: ")]
    assert ready.startswith(f"Ready: {stack.url}")
    for name in ("deployer", "viewer", "lead", "admin"):
        assert f"{name} / {stack.passwords[name]}" in ready
    assert stat.S_IMODE((stack.data_dir / "passwords").stat().st_mode) == 0o600


def test_the_doctor_finds_nothing_wrong(stack: Stack) -> None:
    def healthy() -> dict[str, object] | None:
        done = subprocess.run(
            ["sh", str(ROOT / "dev"), "doctor", "--json"],
            env=stack._base_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, done.stderr
        told.append(done.stdout)
        report: dict[str, object] = json.loads(done.stdout)
        return report if done.returncode == 0 and report["healthy"] else None

    told: list[str] = []
    # Beat may not have sent its first sweep yet.
    report = until("the doctor says that all is well", healthy, seconds=60)
    assert f"http://127.0.0.1:{stack.port} is ready" in told[-1], told[-1]
    assert report["healthy"] is True


@pytest.mark.alone
def test_it_stops_without_a_trace_and_starts_again_fast(tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = Stack(tmp_path_factory.mktemp("again") / "data").start()
    passwords = stack.passwords
    assert stack.process is not None
    family = psutil.Process(stack.process.pid).children(recursive=True)
    assert stack.stop() == 0
    assert [process for process in family if process.is_running()] == []

    stack.output.clear()
    stack.start()
    try:
        assert stack.seconds_to_ready < WARM_START_SECONDS
        assert stack.passwords == passwords
        assert not any(password in "\n".join(stack.output) for password in passwords.values())
    finally:
        assert stack.stop() == 0

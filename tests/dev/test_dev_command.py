"""`./dev` from anywhere, with nothing set."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(dev: Path, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [str(dev), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_help_needs_no_installation_and_any_path_will_do(tmp_path: Path) -> None:
    copy = tmp_path / "a folder with spaces"
    (copy / "devtools").mkdir(parents=True)
    shutil.copy(ROOT / "dev", copy / "dev")
    shutil.copy(ROOT / "devtools" / "bootstrap.py", copy / "devtools" / "bootstrap.py")
    answer = run(copy / "dev", "help", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "usage: ./dev COMMAND" in answer.stdout
    assert not (copy / ".venv").exists()


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    answer = run(ROOT / "dev", "fly", cwd=tmp_path)
    assert answer.returncode == 2
    assert "no command 'fly'" in answer.stderr


def test_without_a_python_the_error_says_what_is_needed(tmp_path: Path) -> None:
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    answer = subprocess.run(
        ["/bin/sh", str(ROOT / "dev"), "help"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "Python 3.11" in answer.stderr


def test_every_requirement_is_pinned_with_a_hash_and_names_no_registry() -> None:
    for file in ROOT.glob("requirements*.txt"):
        text = file.read_text()
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins
        for pin in pins:
            assert "==" in pin, f"{file.name}: {pin}"
        assert text.count("--hash=sha256:") >= len(pins)

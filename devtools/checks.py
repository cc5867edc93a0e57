"""`./dev check`: everything that can be said about the code without running it as a product.

The steps run beside each other; each prints one line, and its output when it fails.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
PACKAGES = (
    "dashboard",
    "deployments",
    "teams",
    "k8s",
    "devtools",
    "bench",
    "timoneiro",
    "tests",
    "manage.py",
)
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"
# Templates are compiled by the test suite's Django as it runs; djlint reads them as HTML.
STEPS: dict[str, tuple[str, ...]] = {
    "types (mypy --strict)": (PYTHON, "-m", "mypy", *PACKAGES),
    "import contracts": (PYTHON, "-c", LINT_IMPORTS),
    "migrations": (PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"),
    "django check": (PYTHON, "manage.py", "check", "--fail-level", "WARNING"),
    "templates compile": (PYTHON, "-m", "devtools.templates"),
    "templates lint": (PYTHON, "-m", "djlint", "templates", "--lint", "--quiet"),
    "format (ruff)": (PYTHON, "-m", "ruff", "format", "--check", "."),
    "lint (ruff)": (PYTHON, "-m", "ruff", "check", "."),
    "translations": (PYTHON, "-m", "devtools.messages", "--check"),
    "settings reference": (PYTHON, "-m", "devtools.settings_reference", "--check"),
    "vendored files": (PYTHON, "-m", "devtools.vendored"),
    "styles of Tabler": (PYTHON, "-m", "devtools.tabler", "--check"),
    "pinned packages": (PYTHON, "-m", "devtools.pins"),
    "installed packages": (str(ROOT / ".venv" / "bin" / "uv"), "pip", "check", "--quiet", "--python", PYTHON),
}


@dataclass(frozen=True)
class Result:
    """How one step ended."""

    name: str
    code: int
    output: str
    seconds: float


def main(arguments: list[str]) -> int:
    """Run every step, or those whose name contains one of the arguments."""
    chosen = {
        name: command
        for name, command in STEPS.items()
        if not arguments or any(argument in name for argument in arguments)
    }
    with tempfile.TemporaryDirectory(prefix="timoneiro-check-") as data_dir:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
            "DATA_DIR": data_dir,
            "DATABASE_URL": "",
        }
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
            running = [pool.submit(run, name, command, environment) for name, command in chosen.items()]
            failed = [step.result() for step in running if not report(step.result())]
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def run(name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> Result:
    """Run one step to its end."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False
    )
    return Result(name, done.returncode, done.stdout + done.stderr, time.monotonic() - began)


def report(result: Result) -> bool:
    """Print how a step ended; whether it was good."""
    if result.code:
        print(result.output.rstrip())
    print(f"{'FAIL' if result.code else 'ok  '}  {result.name}  {result.seconds:.1f} s", flush=True)
    return result.code == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`./dev COMMAND`: make the virtual environment what the requirement files say, then run COMMAND in it.

Runs on a bare Python 3.11 with the standard library only, because it is what
installs everything else. A repeat is instant: the environment carries a stamp
with the checksum of what it was made from.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
RUNTIME = ("requirements.txt",)
DEVELOPMENT = ("requirements.txt", "requirements-dev.txt")

HELP = """\
usage: ./dev COMMAND [arguments]

  up       start Timoneiro with everything it needs on this machine
             --kubeconfig PATH [--context NAME]   use that cluster instead of the local one
             environment: PORT (8000), DATA_DIR (.data), DATABASE_URL, REDIS_URL
  test     run the tests; arguments go to one pytest run, none runs every suite
             --kubeconfig PATH [--context NAME] [--image NAME]   hold that cluster to the contract
  check    formatting, lint, types, import contracts, migrations, templates
  audit    ask an advisory database about every pinned package; needs a network
  bench    measure; names choose among pages, wishes, cluster, logs, usage, churn, fuzz
  lock     compile requirements*.in to hashed requirements*.txt
  cli      the command `timoneiro`, a client of the REST API
  doctor   say what is wrong with the stack in DATA_DIR, why it matters and what to do
  manage   run a Django management command
  help     this text
"""

COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # command: (requirement files, what the environment's python runs)
    "up": (RUNTIME, ("-m", "dashboard.supervisor")),
    "manage": (RUNTIME, ("-m", "dashboard.supervisor.single")),
    "doctor": (RUNTIME, ("-m", "dashboard.supervisor.single", "doctor")),
    "test": (DEVELOPMENT, ("-m", "devtools.suites")),
    "check": (DEVELOPMENT, ("-m", "devtools.checks")),
    "audit": (DEVELOPMENT, ("-m", "devtools.audit")),
    "cli": (RUNTIME, ("-m", "timoneiro")),
    "bench": (DEVELOPMENT, ("-m", "bench")),
    "lock": (RUNTIME, ("-m", "devtools.lock")),
}


def main(arguments: list[str]) -> int:
    """Run one command; returns only when it could not be started."""
    command = arguments[0] if arguments else "help"
    if command in {"help", "-h", "--help"}:
        print(HELP, end="")
        return 0
    if command not in COMMANDS:
        print(f"dev: no command {command!r}. `./dev help` lists them.", file=sys.stderr)
        return 2
    try:
        prepare_environment(COMMANDS[command][0])
    except subprocess.CalledProcessError as failure:
        print(f"dev: installing failed (exit {failure.returncode}): {failure.cmd}", file=sys.stderr)
        return 1
    return become(COMMANDS[command][1], arguments[1:])


def become(program: tuple[str, ...], arguments: list[str]) -> NoReturn:
    """Turn this process into the environment's python, so that signals and the exit code are its own."""
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Our modules are found from wherever the caller stands, and nothing of the caller's is.
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["PYTHONSAFEPATH"] = "1"
    os.execv(PYTHON, [str(PYTHON), *program, *arguments])  # noqa: S606


def prepare_environment(requirement_files: tuple[str, ...]) -> None:
    """Make `.venv` hold what the files pin, or do nothing when it already does."""
    stamp = VENV / f".installed-{len(requirement_files)}"
    wanted = fingerprint(requirement_files)
    if read(stamp) == wanted:
        return
    with only_one_installer():
        if read(stamp) == wanted:
            return
        print("dev: installing into .venv ...", file=sys.stderr, flush=True)
        # An environment remembers its own path: one that was moved is made anew.
        make_environment(anew=read(VENV / ".made-at") != str(VENV))
        install(requirement_files)
        stamp.write_text(wanted)
        # Development files include the runtime ones.
        if requirement_files == DEVELOPMENT:
            (VENV / f".installed-{len(RUNTIME)}").write_text(fingerprint(RUNTIME))


def fingerprint(requirement_files: tuple[str, ...]) -> str:
    """Identify an environment: its place, the Python it is for, and the pinned files."""
    digest = hashlib.sha256(f"{VENV} {sys.version_info[:2]}".encode())
    for name in requirement_files:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def read(path: Path) -> str:
    """The file's text, or nothing when there is no such file."""
    try:
        return path.read_text()
    except OSError:
        return ""


@contextlib.contextmanager
def only_one_installer() -> Iterator[None]:
    """Two first starts in one checkout take turns; the lock dies with its holder."""
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_environment(*, anew: bool) -> None:
    """Create the virtual environment unless a usable one is there."""
    if not anew and PYTHON.exists() and python_of(PYTHON) == sys.version_info[:2]:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=True, symlinks=True)
    (VENV / ".made-at").write_text(str(VENV))


def python_of(python: Path) -> tuple[int, ...]:
    """Major and minor version of an interpreter; empty when it does not run."""
    command = [str(python), "-c", "import sys; print(*sys.version_info[:2])"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(int(part) for part in answer.stdout.split())


def install(requirement_files: tuple[str, ...]) -> None:
    """Install with uv, or with pip alone when uv is not to be had. Every file is checked by hash."""
    files = [part for name in requirement_files for part in ("-r", str(ROOT / name))]
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        subprocess.run([*pip, "-r", str(ROOT / "requirements-uv.txt")], check=False)
    if uv.exists():
        # The system's certificates: a company's proxy is trusted there, not in uv's own list.
        # Copied files: hard links fail across file systems and warn.
        environment = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": "copy"}
        command = [str(uv), "pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes", *files]
        if subprocess.run(command, env=environment, check=False).returncode == 0:
            return
        print("dev: uv could not install; trying pip.", file=sys.stderr, flush=True)
    subprocess.run([*pip, *files], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

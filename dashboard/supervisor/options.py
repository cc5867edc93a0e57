"""What a run is asked to be: from the command line and the environment."""

import argparse
import base64
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dashboard.settings.stack import StackEnvironment


class CannotStart(Exception):
    """A reason not to start, in words for the person who typed the command."""


@dataclass(frozen=True)
class Options:
    """One run's settings; every path is absolute.

    `database_url` and `redis_url` are empty where the run brings its own;
    `kubeconfig` is None where the local cluster is started.
    """

    port: int
    data_dir: Path
    database_url: str
    redis_url: str
    kubeconfig: Path | None
    context: str
    colour: bool

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Secrets:
    """Keys made at the first start and kept with mode 600 in the data directory."""

    secret_key: str
    encryption_key: str


def read_options(arguments: list[str], *, terminal: bool) -> Options:
    """Understand the command line and the environment.

    Raises:
        CannotStart: something in them makes no sense.
    """
    parser = argparse.ArgumentParser(
        prog="./dev up",
        description="Start Timoneiro on this machine. Environment: PORT, DATA_DIR, DATABASE_URL, REDIS_URL.",
    )
    parser.add_argument("--kubeconfig", type=Path, metavar="PATH", help="use this cluster, not the local one")
    parser.add_argument("--context", default="", metavar="NAME", help="which context of the kubeconfig")
    given = parser.parse_args(arguments)
    if given.context and not given.kubeconfig:
        raise CannotStart("--context needs --kubeconfig PATH.")
    if given.kubeconfig and not os.access(given.kubeconfig, os.R_OK):
        raise CannotStart(f"The kubeconfig {given.kubeconfig} cannot be read.")
    try:
        environment = StackEnvironment()
    except ValidationError as errors:
        first = errors.errors()[0]
        raise CannotStart(f"{str(first['loc'][0]).upper()}: {first['msg']}.") from errors
    return Options(
        port=environment.port,
        data_dir=environment.data_dir.expanduser().absolute(),
        database_url=environment.database_url,
        redis_url=environment.redis_url,
        kubeconfig=given.kubeconfig.absolute() if given.kubeconfig else None,
        context=given.context,
        colour=terminal and not environment.no_color,
    )


def keep_secrets(data_dir: Path) -> Secrets:
    """Read the keys of this data directory, making them at the first start."""
    file = data_dir / "secrets.json"
    if not file.exists():
        made = {
            "secret_key": secrets.token_urlsafe(50),
            "encryption_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        write_privately(file, json.dumps(made))
    return Secrets(**json.loads(file.read_text()))


def write_privately(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.write(text)
    draft.replace(file)


def require_free_port(port: int) -> None:
    """Refuse early, with the remedy, when something else listens there.

    Raises:
        CannotStart: the port is taken or not ours to take.
    """
    with socket.socket() as probe:
        # As the server itself does: a closed connection's leftovers are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            remedy = f"Choose another: PORT={port % 65535 + 1} ./dev up"
            raise CannotStart(f"Port {port} is not free ({error.strerror}). {remedy}") from error


def free_port() -> int:
    """A port on the loopback that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

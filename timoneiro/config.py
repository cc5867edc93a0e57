"""Where the server is and who asks: from the environment, or from what `login` has kept."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from timoneiro.errors import NotAllowed, WrongUsage


@dataclass(frozen=True)
class Config:
    """`team` is the one that names without a team belong to; "" when there is no single one."""

    url: str
    token: str
    team: str = ""


def path(environment: Mapping[str, str]) -> Path:
    """The file that `login` writes: in XDG_CONFIG_HOME, else in ~/.config."""
    home = environment.get("XDG_CONFIG_HOME") or str(
        Path(environment.get("HOME") or "~").expanduser() / ".config"
    )
    return Path(home) / "timoneiro" / "config.json"


def save(config: Config, environment: Mapping[str, str]) -> Path:
    """Keeps it for this account of the machine alone; a reader never sees half of it."""
    file = path(environment)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    try:
        beside.write_text(json.dumps(asdict(config), indent=2) + "\n")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return file


def load(environment: Mapping[str, str]) -> Config:
    """What holds now: TIMONEIRO_URL, TIMONEIRO_TOKEN and TIMONEIRO_TEAM go before what was kept.

    Raises:
        NotAllowed: neither says where the server is and who asks.
        WrongUsage: what was kept cannot be read, or an address is none.
    """
    url, token = environment.get("TIMONEIRO_URL", ""), environment.get("TIMONEIRO_TOKEN", "")
    kept = Config("", "") if url and token else _kept(path(environment))
    # A token goes to the server that it was made for and to no other.
    if url and not token and checked_url(url) != kept.url:
        kept = Config("", "")
    found = Config(url or kept.url, token or kept.token, environment.get("TIMONEIRO_TEAM") or kept.team)
    if not found.url or not found.token:
        raise NotAllowed("Not signed in. Run `timoneiro login`, or set TIMONEIRO_URL and TIMONEIRO_TOKEN.")
    return Config(checked_url(found.url), found.token, found.team)


def checked_url(text: str) -> str:
    """The address without a slash at its end.

    Raises:
        WrongUsage.
    """
    if not text.startswith(("http://", "https://")):
        raise WrongUsage(f"The address must begin with https:// or http://, not {text!r}.")
    return text.rstrip("/")


def _kept(file: Path) -> Config:
    try:
        text = file.read_text()
    except FileNotFoundError:
        return Config("", "")
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}.") from error
    try:
        return Config(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise WrongUsage(f"{file} is not what `timoneiro login` writes. Run it again.") from error

"""Where the server is and who asks: from the environment, or from what `login` has kept."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from timoneiro.errors import NotAllowed, WrongUsage


@dataclass(frozen=True)
class Config:
    """`team` is the one that names without a team belong to; "" when there is no single one.

    `insecure_http`: somebody said that the token may cross the network for all to read.
    """

    url: str
    token: str
    team: str = ""
    insecure_http: bool = False


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


def load(environment: Mapping[str, str], *, insecure_http: bool = False) -> Config:
    """What holds now: TIMONEIRO_URL, TIMONEIRO_TOKEN and TIMONEIRO_TEAM go before what was kept.

    Raises:
        NotAllowed: neither says where the server is and who asks.
        WrongUsage: what was kept cannot be read, or an address is none.
    """
    url, token = environment.get("TIMONEIRO_URL", ""), environment.get("TIMONEIRO_TOKEN", "")
    kept = Config("", "") if url and token else _kept(path(environment))
    # A token goes to the server that it was made for and to no other.
    if url and not token and url.rstrip("/") != kept.url:
        kept = Config("", "")
    found = Config(url or kept.url, token or kept.token, environment.get("TIMONEIRO_TEAM") or kept.team)
    if not found.url or not found.token:
        raise NotAllowed("Not signed in. Run `timoneiro login`, or set TIMONEIRO_URL and TIMONEIRO_TOKEN.")
    # What was said at the login is of the server that was named there.
    insecure = insecure_http or may_go_insecurely(environment) or (kept.insecure_http and not url)
    return Config(checked_url(found.url, insecure_http=insecure), found.token, found.team, insecure)


def may_go_insecurely(environment: Mapping[str, str]) -> bool:
    """Whether TIMONEIRO_INSECURE_HTTP says what `--insecure-http` does."""
    return environment.get("TIMONEIRO_INSECURE_HTTP", "") not in ("", "0")


def checked_url(text: str, *, insecure_http: bool = False) -> str:
    """The address without a slash at its end. Without TLS only this machine, unless `insecure_http`.

    Raises:
        WrongUsage.
    """
    if not text.startswith(("http://", "https://")):
        raise WrongUsage(f"The address must begin with https:// or http://, not {text!r}.")
    try:
        host = urlsplit(text).hostname or ""
    except ValueError:
        host = ""
    if not host:
        raise WrongUsage(f"There is no host in the address {text!r}.")
    if text.startswith("http://") and not insecure_http and not _is_this_machine(host):
        raise WrongUsage(
            f"Over http:// everybody on the way to {host} can read the token. Use https://, or say "
            "--insecure-http (or TIMONEIRO_INSECURE_HTTP=1) if that network may know it."
        )
    return text.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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

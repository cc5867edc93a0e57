"""The environment, read once and checked."""

import os
import re
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


class Environment(BaseSettings):
    """What the processes take from their environment.

    `encryption_key` opens the stored cluster credentials: the worker, the
    observer and the preparation have it, the web tier does not.
    """

    model_config = SettingsConfigDict(extra="ignore")

    secret_key: str = ""
    encryption_key: str = ""
    data_dir: Path = ROOT / ".data"
    database_url: str = ""
    redis_url: str = ""
    port: int = 8000
    allowed_hosts: str = ""
    csrf_trusted_origins: str = ""
    kubeconfig_path: str = ""
    kube_context: str = ""
    kubernetes_service_host: str = ""
    kubernetes_service_port: str = ""
    service_account_dir: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    log_level: str = "INFO"
    webhook_allow: str = ""
    endpoint_check: bool = True
    # 0 is no limit, for each of these.
    requests_per_minute: int = 1200
    requests_per_minute_anonymous: int = 120
    sign_ins_per_minute: int = 30
    refusals_per_minute: int = 30
    streams_per_user: int = 200
    metrics_token: str = ""
    idle_after_days: PositiveInt = 7


def count_in_files(data_dir: Path) -> Path:
    """Has the processes of this machine count for Prometheus in files below `data_dir`; the folder of all.

    Several processes serve and work, and whichever is asked answers for all. Must come before anything
    is counted. Each machine has a folder of its own, because its processes' numbers are unique there alone.
    """
    folder = data_dir / "metrics"
    own = folder / re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())
    own.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)
    return folder


def database_from_url(url: str, *, data_dir: Path) -> dict[str, object]:
    """A Django DATABASES entry from "sqlite:///path", "postgres://..." or "" (SQLite in `data_dir`).

    Raises:
        ValueError: another scheme.
    """
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        path = Path(unquote(parts.path)) if url else data_dir / "timoneiro.sqlite3"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(path),
            # Several processes write. DEFERRED transactions that turn into
            # writers fail at once, whatever the timeout: begin as writers.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL: unknown scheme {parts.scheme!r}; use sqlite:/// or postgres://")
    # A server that does not answer is told within seconds; without this, after minutes.
    options: dict[str, object] = {"connect_timeout": "5"}
    host = parts.hostname or ""
    for pair in filter(None, parts.query.split("&")):
        key, _, value = pair.partition("=")
        if key == "host":
            host = unquote(value)
        else:
            options[key] = unquote(value)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        # Each request to an ASGI server has its own thread, so that a connection kept
        # for the next one is never used again: kept ones pile up until the server is full.
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }

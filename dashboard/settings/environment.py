"""The environment, read once and checked."""

import os
import re
import socket
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, PositiveInt, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


def told(default: object, meaning: str, *, by: str) -> Any:
    """A setting with its line in docs/settings.md: what it means, and which processes take it.

    After a change: `.venv/bin/python -m devtools.settings_reference`.
    """
    return Field(default, description=meaning, json_schema_extra={"by": by})


EVERY = "every process"
WEB = "web, live"
CLUSTER_SIDE = "worker, observer, prepare"


class Environment(BaseSettings):
    """What the processes take from their environment."""

    model_config = SettingsConfigDict(extra="ignore")

    secret_key: str = told(
        "",
        "Signs sessions and forms: at least 50 random characters. A new one signs everybody out. Required.",
        by=EVERY,
    )
    secret_key_fallbacks: str = told(
        "",
        "Earlier values of `SECRET_KEY`, with commas: what they signed and encrypted is still read.",
        by=EVERY,
    )
    encryption_key: str = told(
        "",
        "32 random bytes in URL-safe base64: opens the stored credentials of clusters and secrets of "
        "workloads. Several with commas while they are changed, see [keys](keys.md). The web tier must not "
        "have it. Kept apart from backups of the database: neither is of use without the other.",
        by=CLUSTER_SIDE,
    )
    data_dir: Path = told(
        ROOT / ".data",
        "Where SQLite, collected static files, the counts for Prometheus and the first passwords are.",
        by=EVERY,
    )
    static_root: str = told(
        "",
        "Where collected static files are. Empty: in `DATA_DIR`; the image brings its own.",
        by=WEB,
    )
    forwarded_allow_ips: str = told(
        "127.0.0.1",
        "Addresses and networks of proxies, with commas, whose X-Forwarded-For is believed. Nobody else's: "
        "sign-ins and requests are counted by it.",
        by=WEB,
    )
    database_url: str = told(
        "",
        "`postgres://user:password@host:5432/name?sslmode=require`, or `sqlite:////path`. Empty: SQLite in "
        "`DATA_DIR`, for one machine.",
        by=EVERY,
    )
    redis_url: str = told(
        "", "`redis://:password@host:6379/0`, or `rediss://` with TLS. Carries hints only.", by=EVERY
    )
    port: int = told(8000, "The port of `./dev up`.", by="`./dev up`")
    allowed_hosts: str = told(
        "", "Names that people type, with commas: `deploy.example.com`. Required in production.", by=WEB
    )
    csrf_trusted_origins: str = told(
        "",
        "Origins that may post forms although the proxy shows us another name, with commas: "
        "`https://deploy.example.com`.",
        by=WEB,
    )
    kubeconfig_path: str = told(
        "",
        "The kubeconfig of the first cluster, or `in-cluster` for the service account of the pod. Further "
        "ones are connected on the page Clusters.",
        by="prepare",
    )
    kube_context: str = told("", "Which of the kubeconfig's contexts; empty: its current one.", by="prepare")
    kubernetes_service_host: str = told("", "Set by Kubernetes in each pod.", by=CLUSTER_SIDE)
    kubernetes_service_port: str = told("", "Set by Kubernetes in each pod.", by=CLUSTER_SIDE)
    service_account_dir: Path = told(
        Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        "Where a kubelet puts the service account's token.",
        by=CLUSTER_SIDE,
    )
    log_level: str = told(
        "INFO",
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`. `INFO` has a line for whatever changes something; `DEBUG` "
        "for what reads, too.",
        by=EVERY,
    )
    log_format: Literal["human", "json"] = told(
        "human", "`json`: an object a line, for a collector of logs. `human`: for a terminal.", by=EVERY
    )
    alive_file: str = told(
        "",
        "A file of the process's own that it touches every few seconds while it lives, for probes: "
        "`python -m deployments.alive FILE`. Empty: none.",
        by="worker, beat, observer",
    )
    otel_exporter_otlp_endpoint: str = told(
        "",
        "Where traces of requests, tasks and calls of API servers go, by OTLP over HTTP, without "
        "`/v1/traces`: `http://collector:4318`. Empty: there are none, and nothing of OpenTelemetry is "
        "loaded.",
        by="web, live, worker",
    )
    otel_service_name: str = told(
        "timoneiro", "What the service is called in its traces.", by="web, live, worker"
    )
    webhook_allow: str = told(
        "",
        "Hosts and networks that webhooks may lead to although they are not public, with commas: "
        "`hooks.internal,10.0.0.0/8`.",
        by="web, worker",
    )
    endpoint_check: bool = told(
        True,
        "Whether `running` waits until a new rollout answers through the cluster's API server. Off for "
        "networks that keep the API server away from pods.",
        by="worker, observer",
    )
    requests_per_minute: int = told(
        1200, "Requests to the API by one token or signed-in person. 0: no limit.", by=WEB
    )
    requests_per_minute_anonymous: int = told(
        120, "Requests to the API from an address that is neither. 0: no limit.", by=WEB
    )
    sign_ins_per_minute: int = told(30, "Attempts to sign in from one address. 0: no limit.", by=WEB)
    refusals_per_minute: int = told(
        30,
        "How often one person may be refused before they are told to wait, and it is one line of the audit.",
        by=WEB,
    )
    streams_per_user: int = told(200, "Streams that one person has open. 0: no limit.", by=WEB)
    metrics_token: str = told(
        "",
        "Whoever sends it as `Authorization: Bearer ...` may read /metrics; see [metrics](metrics.md).",
        by="web",
    )
    idle_after_days: PositiveInt = told(
        7, "After how many days without work worth mention a deployment is listed as idle.", by=EVERY
    )
    oidc_issuer: str = told(
        "",
        "The OpenID Connect provider that people may sign in with, see [people](people.md): "
        "`https://login.example.com/realms/main`. Empty: none.",
        by=WEB,
    )
    oidc_client_id: str = told("", "What the provider calls this installation.", by=WEB)
    oidc_client_secret: str = told("", "Its secret at the provider.", by=WEB)
    oidc_name: str = told("", "What the button says: `Continue with ...`. Empty: single sign-on.", by=WEB)
    oidc_scopes: str = told("openid profile email", "What the provider is asked for.", by=WEB)
    oidc_groups_claim: str = told("groups", "Where the provider says a person's groups.", by=WEB)
    oidc_groups: str = told("", 'JSON: which group gives which roles, `{"leads": ["pricing:lead"]}`.', by=WEB)
    oidc_admin_group: str = told("", "The group whose people are admins here. Empty: none.", by=WEB)
    oidc_create_accounts: bool = told(
        False, "Whether an account is made for whoever the provider knows and we do not.", by=WEB
    )
    oidc_link_verified_email: bool = told(
        False, "Whether a verified e-mail address of the provider opens the account that has it.", by=WEB
    )

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def collector_is_an_address(cls, address: str) -> str:
        """Refuse what spans cannot be sent to."""
        parts = urlsplit(address)
        if address and not (parts.scheme in {"http", "https"} and parts.hostname):
            raise ValueError("an address such as http://collector:4318")
        return address

    @field_validator("forwarded_allow_ips")
    @classmethod
    def proxies_are_addresses(cls, entries: str) -> str:
        """Refuse names, and "*": anybody could then write who they are."""
        for entry in filter(None, map(str.strip, entries.split(","))):
            try:
                ip_network(entry, strict=False)
            except ValueError as exc:
                raise ValueError(
                    f"{entry!r} is neither an address nor a network, such as 10.0.0.0/8"
                ) from exc
        return entries


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


def without_telemetry() -> None:
    """Has nobody load OpenTelemetry: the client of Redis would, where it finds it, for metrics of its own.

    That takes a quarter of a second and 4 MB of each process. Must come before Redis is imported.
    """
    # What is None there cannot be imported.
    sys.modules.setdefault("opentelemetry", None)  # type: ignore[arg-type]


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

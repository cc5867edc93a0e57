"""Faults are made for real, one at a time; the doctor names each with why it matters and what to do."""

import base64
import io
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from celery.contrib.testing.worker import start_worker
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from dashboard.celery import app
from dashboard.settings.environment import ROOT
from dashboard.supervisor.options import free_port
from deployments import intent, tasks
from deployments.doctor import Area, Finding, broker, database, front, installation, keys, processes
from deployments.models import Cluster, Deployment, Event, Operation
from deployments.observe import leading
from deployments.sealing import ensure_sealing_key, seal
from teams.models import Team
from tests.deployments.found import found_by, named
from tests.deployments.small_api_server import serving

pytestmark = pytest.mark.django_db
STRONG = secrets.token_urlsafe(50)


# The database


def test_a_database_that_is_not_prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not found_by(database.look_at_database)
    [(_, newest)] = MigrationLoader(connection).graph.leaf_nodes("teams")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'teams' AND name = %s", [newest])
    finding = found_by(database.look_at_database)["migrations_missing"]
    assert named(finding, f"teams.{newest}", "python manage.py prepare")


def test_a_database_of_a_newer_version() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('deployments', '9999_later', %s)",
            [timezone.now()],
        )
    finding = found_by(database.look_at_database)["database_newer"]
    assert named(finding, "deployments.9999_later", "restore the backup")


# Redis


def test_redis_that_is_well_has_no_findings(redis_url: str) -> None:
    assert not found_by(broker.look_at_broker)


def test_no_redis(settings: Any) -> None:
    assert named(found_by(broker.look_at_broker)["redis_not_configured"], "REDIS_URL", "redis://")
    settings.REDIS_URL = f"redis://:x@127.0.0.1:{free_port()}/0"
    assert named(found_by(broker.look_at_broker)["redis_unreachable"], "does not answer", "up -d redis")


def test_a_wrong_password_for_redis_is_named_and_not_said(redis_url: str, settings: Any) -> None:
    settings.REDIS_URL = redis_url.replace(urlsplit(redis_url).password or "", "a-wrong-one")
    finding = found_by(broker.look_at_broker)["redis_password"]
    assert named(finding, "refuses the password", "requirepass")
    assert "a-wrong-one" not in f"{finding}"


@pytest.fixture
def configured(redis_url: str) -> Iterator[Callable[..., None]]:
    """Configures the Valkey for one test."""
    before: dict[str, str] = {}
    with redis.Redis.from_url(redis_url) as client:

        def configure(name: str, value: str) -> None:
            before.setdefault(name, client.config_get(name)[name])
            client.config_set(name, value)

        yield configure
        for name, value in before.items():
            client.config_set(name, value)


def test_a_redis_that_forgets_messages(configured: Callable[..., None]) -> None:
    configured("maxmemory-policy", "allkeys-lru")
    finding = found_by(broker.look_at_broker)["redis_eviction"]
    assert named(finding, "allkeys-lru", "CONFIG SET maxmemory-policy noeviction")


def test_a_redis_that_is_full(configured: Callable[..., None], redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        used = client.info()["used_memory"]
    configured("maxmemory", str(used + 50_000))
    assert named(found_by(broker.look_at_broker)["redis_full"], "%", "CONFIG SET maxmemory")


def test_a_redis_that_is_open_to_whoever_reaches_it(
    configured: Callable[..., None], redis_url: str, settings: Any
) -> None:
    parts = urlsplit(redis_url)
    # Reaches this machine too, and is not what programs of this machine alone are told.
    settings.REDIS_URL = f"redis://:{parts.password}@0.0.0.0:{parts.port}/0"
    assert not found_by(broker.look_at_broker)
    configured("requirepass", "")
    settings.REDIS_URL = f"redis://0.0.0.0:{parts.port}/0"
    assert named(found_by(broker.look_at_broker)["redis_open"], "without a password", "--requirepass")


# Keys


@pytest.mark.parametrize(
    "key", ["django-insecure-" + STRONG, "short", "ab" * 40], ids=["djangos", "short", "few"]
)
def test_a_secret_key_that_can_be_guessed(key: str, settings: Any) -> None:
    settings.SECRET_KEY = STRONG
    assert not found_by(keys.look_at_secret_key)
    settings.SECRET_KEY = key
    finding = found_by(keys.look_at_secret_key)["secret_key_weak"]
    assert named(finding, "can be guessed", "secrets.token_urlsafe")
    assert key not in f"{finding}"


def test_a_key_that_stored_secrets_were_not_sealed_with(
    deployment: Deployment, lead: Any, settings: Any
) -> None:
    ensure_sealing_key()
    secret = {"env": [{"name": "KEY", "secret": True, "value": "x"}]}
    intent.update_deployment(deployment, secret, by=lead)
    Cluster.objects.update(credentials=seal("in-cluster"))
    assert not found_by(keys.look_at_sealed)
    settings.ENCRYPTION_KEY = base64.urlsafe_b64encode(os.urandom(32)).decode()
    found = found_by(keys.look_at_sealed)
    assert named(found["secrets_not_opened"], "cluster local", "Bring back the ENCRYPTION_KEY")
    assert "secret value KEY of pricing/house-prices" in found["secrets_not_opened"].what
    assert named(found["sealing_key_differs"], "another ENCRYPTION_KEY", "manage.py prepare")


@pytest.mark.parametrize(
    ("key", "code"), [("", "encryption_key_missing"), ("not-a-key", "encryption_key_malformed")]
)
def test_no_key_or_one_that_is_none(key: str, code: str, settings: Any) -> None:
    settings.ENCRYPTION_KEY = key
    assert named(found_by(keys.look_at_sealed)[code], "ENCRYPTION_KEY", "urlsafe_b64encode")


# Processes


def test_no_observer() -> None:
    finding = found_by(processes.look_at_observer)["observer_not_running"]
    assert named(finding, "No observer", "up -d observer")
    assert leading.acquire(Operation().pk)
    assert not found_by(processes.look_at_observer)


def answered_by(look: Callable[[Area], None]) -> dict[str, Finding]:
    """What is found once the worker of the queue reconcile has begun to answer."""
    deadline = time.monotonic() + 60
    while "worker_missing_reconcile" in (found := found_by(look)):
        assert time.monotonic() < deadline, found
    return found


@pytest.mark.django_db(transaction=True)
def test_queues_that_nobody_serves_and_no_beat(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = found_by(processes.look_at_workers)
    assert set(found) == {"worker_missing_reconcile", "worker_missing_interactive", "worker_missing_upkeep"}
    assert named(found["worker_missing_upkeep"], "queue upkeep", "up -d chores")
    with redis.Redis.from_url(redis_url) as client:
        client.rpush("upkeep", *["x"] * 1001)
    monkeypatch.setattr(app.conf, "broker_url", redis_url)
    queues = ["reconcile", "interactive"]
    with start_worker(app, perform_ping_check=False, pool="solo", queues=queues, loglevel="WARNING"):
        found = answered_by(processes.look_at_workers)
        assert set(found) == {"worker_missing_upkeep", "queue_backlog", "beat_not_running"}
        assert named(found["beat_not_running"], "has not run", "up -d beat")
        assert named(found["queue_backlog"], "1001 tasks", "--scale chores=3")
        tasks.sweep()
        assert "beat_not_running" not in found_by(processes.look_at_workers)


def test_a_wish_that_nobody_writes(deployment: Deployment) -> None:
    assert not found_by(processes.look_at_wishes)
    Operation.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    assert named(found_by(processes.look_at_wishes)["wishes_wait"], "600 seconds", "logs --tail 50 worker")


def test_what_should_have_been_forgotten_and_added_up(
    deployment: Deployment, cluster: Cluster, team: Team
) -> None:
    assert not found_by(processes.look_at_retention)
    long_ago = timezone.now() - timedelta(days=40)
    Event.objects.create(
        cluster=cluster, deployment=deployment, uid="e", count=1, first_at=long_ago, last_at=long_ago
    )
    finding = found_by(processes.look_at_retention)["retention_late"]
    assert named(finding, f"events of {long_ago:%Y-%m-%d}", "forget_old()")
    tasks.forget_old()
    assert not found_by(processes.look_at_retention)


# This machine


def test_packages_that_are_not_as_pinned(settings: Any, tmp_path: Path) -> None:
    assert not found_by(installation.look_at_versions)
    pinned = (Path(settings.BASE_DIR) / "requirements.txt").read_text()
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements.txt").write_text(
        pinned.replace("django==", "django==0.", 1) + "\nnot-to-be-had==1.0 \\\n    --hash=sha256:00\n"
    )
    finding = found_by(installation.look_at_versions)["packages_differ"]
    assert named(finding, "django is", "--require-hashes")
    assert "not-to-be-had 1.0 is missing" in finding.what


def test_a_data_directory_that_is_missing_full_or_read_only(data_dir: Path, settings: Any) -> None:
    settings.DATA_DIR = data_dir / "nowhere"
    assert named(found_by(installation.look_at_data_dir)["data_dir_missing"], "nowhere", "install -d -m 0700")
    # Where nobody can write, whoever they are, and nothing is free.
    settings.DATA_DIR = Path("/proc/self")
    found = found_by(installation.look_at_data_dir)
    assert named(found["data_dir_not_writable"], "/proc/self", "chown")
    assert named(found["disk_full"], "0 MB", "du -xh")


def test_keys_that_others_on_the_machine_may_read(data_dir: Path) -> None:
    (data_dir / "secrets.json").write_text("{}")
    (data_dir / "secrets.json").chmod(0o644)
    data_dir.chmod(0o700)
    assert "files_readable_by_others" not in found_by(installation.look_at_data_dir)
    data_dir.chmod(0o755)
    finding = found_by(installation.look_at_data_dir)["files_readable_by_others"]
    assert named(finding, "secrets.json", "chmod 600")


def test_production_that_is_open(data_dir: Path, settings: Any) -> None:
    assert not found_by(installation.look_at_production)
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["*"]
    settings.CSRF_TRUSTED_ORIGINS = ["http://deploy.example.com"]
    (data_dir / "passwords").write_text("admin x")
    found = found_by(installation.look_at_production)
    assert named(found["allowed_hosts_open"], "'*'", "ALLOWED_HOSTS=")
    assert named(found["csrf_origin_plain"], "http://deploy", "https://")
    assert named(found["metrics_token_missing"], "METRICS_TOKEN", "openssl rand")
    assert named(found["first_passwords_kept"], "passwords", "rm ")


# The web side, as a browser reaches it


def test_pages_by_a_name_that_they_do_not_answer_to(live_server: Any, settings: Any) -> None:
    look = partial(front.look_at_front, url=live_server.url)
    assert not found_by(look)
    settings.ALLOWED_HOSTS = ["deploy.example.com"]
    assert named(found_by(look)["host_not_allowed"], "the name localhost", "ALLOWED_HOSTS=localhost")


def test_a_proxy_that_does_not_say_that_people_come_by_https() -> None:
    with serving() as server:
        server.leads_to = f"https://127.0.0.1:{server.port}/readyz"
        look = partial(front.look_at_front, url=f"http://127.0.0.1:{server.port}")
        finding = found_by(look)["proxy_header_missing"]
    assert named(finding, "again and again", "X-Forwarded-Proto")


# The whole of it


def test_without_a_database_all_else_is_looked_at(tmp_path: Path) -> None:
    """In a process of its own, with the settings of production."""
    address = f"127.0.0.1:{free_port()}"
    environment = {
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "dashboard.settings.production",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"postgres://somebody:a-password@{address}/timoneiro",
        "SECRET_KEY": "changeme",
        "ALLOWED_HOSTS": "*",
    }
    command = [sys.executable, str(ROOT / "manage.py"), "doctor", "--json", "--url", f"http://{address}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    found = {found["code"]: found for area in report["areas"] for found in area["findings"]}
    assert address in found["database_unreachable"]["what"]
    assert "up -d postgres" in found["database_unreachable"]["remedy"]
    assert "collectstatic" in found["static_files_missing"]["remedy"]
    assert "up -d web" in found["web_unreachable"]["remedy"]
    assert {"secret_key_weak", "allowed_hosts_open", "redis_not_configured"} <= set(found)
    notes = {area["name"]: area["notes"] for area in report["areas"]}
    assert notes["clusters"] == ["not looked at: see database"]
    assert "a-password" not in done.stdout


def test_programs_get_json_and_an_exit_code(redis_url: str, settings: Any) -> None:
    settings.ENCRYPTION_KEY = ""
    told = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json", stdout=told)
    assert ended.value.code == 1
    report = json.loads(told.getvalue())
    assert report["healthy"] is False
    codes = {finding["code"] for area in report["areas"] for finding in area["findings"]}
    assert {"encryption_key_missing", "observer_not_running", "no_clusters"} <= codes
    assert all(finding["remedy"] for area in report["areas"] for finding in area["findings"])

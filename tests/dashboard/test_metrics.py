"""What the product tells Prometheus of itself, and whom."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from dashboard.views.metrics import Counted
from deployments import tasks
from deployments.models import Cluster, Deployment

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "k8s" / "install" / "grafana" / "timoneiro.json"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def told(client: Client | None = None) -> Samples:
    """Every sample by name and labels."""
    text = (client or Client()).get("/metrics").content.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_never_by_name(deployment: Deployment, browser: Client) -> None:
    labels = (("method", "GET"), ("route", "deployment"), ("status", "200"))
    before = told().get(("timoneiro_http_request_seconds_count", labels), 0)
    browser.get(f"/deployments/pricing/{deployment.name}/")
    after = told()
    assert after["timoneiro_http_request_seconds_count", labels] == before + 1
    browser.get("/nothing/here/at-all")
    browser.get(f"/api/v1/teams/pricing/deployments/{deployment.name}/")
    values = {value for _, pairs in told() for _, value in pairs}
    assert {"unmatched", "api:deployment"} <= values
    assert not {value for value in values if "pricing" in value or "house" in value or "at-all" in value}


def test_states_of_deployments_operations_and_clusters(deployment: Deployment, cluster: Cluster) -> None:
    Cluster.objects.update(seen_at=timezone.now() - timedelta(seconds=60))
    found = told()
    assert found["timoneiro_deployments", (("state", "unknown"),)] == 1
    assert found["timoneiro_operations", (("state", "queued"),)] == 1
    assert found["timoneiro_operations", (("state", "failed"),)] == 0
    lag = found["timoneiro_cluster_seen_seconds", (("cluster", "local"),)]
    assert 60 <= lag < 120
    assert found["timoneiro_cluster_stale", (("cluster", "local"),)] == 1
    # Use was never measured: nothing is told rather than zero.
    assert ("timoneiro_cluster_measured_seconds", (("cluster", "local"),)) not in found


def test_waiting_tasks_are_counted(db: None, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.lpush("upkeep", "a", "b")
    found = told()
    assert found["timoneiro_queue_tasks", (("queue", "upkeep"),)] == 2
    assert found["timoneiro_queue_tasks", (("queue", "reconcile"),)] == 0


def test_reconciles_are_timed_by_how_they_end(db: None) -> None:
    key = ("timoneiro_reconcile_seconds_count", (("outcome", "settled"),))
    before = told().get(key, 0)
    # Nothing of that number is wished for.
    tasks.reconcile(0)
    assert told()[key] == before + 1


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::1", ""])
def test_without_a_token_only_this_machine_may_read(db: None, address: str) -> None:
    assert Client(REMOTE_ADDR="127.0.0.2").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="::1").get("/metrics").status_code == 200
    answer = Client(REMOTE_ADDR=address).get("/metrics")
    assert (answer.status_code, b"timoneiro_" in answer.content) == (401, False)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip"])
def test_a_proxy_on_this_machine_makes_nobody_local(db: None, header: str) -> None:
    assert Client(headers={header: "127.0.0.1"}).get("/metrics").status_code == 401


def test_with_a_token_everybody_needs_it(db: None, settings: Any, admin: User) -> None:
    settings.METRICS_TOKEN = "s3cret"
    signed_in = Client()
    signed_in.force_login(admin)
    assert signed_in.get("/metrics").status_code == 401
    for wrong in ("Bearer wrong", "Bearer", "Basic s3cret", "Bearer s3cret-and-more", "Bearer \u00e9"):
        assert Client(headers={"Authorization": wrong}).get("/metrics").status_code == 401
    far = Client(REMOTE_ADDR="203.0.113.9", headers={"Authorization": "Bearer s3cret"})
    assert far.get("/metrics").status_code == 200


def test_what_several_processes_count_is_added_up(tmp_path: Path) -> None:
    count = (
        "from deployments.metrics import RECONCILES, STREAMS;"
        "RECONCILES.labels('settled').observe(0.2); STREAMS.set(3)"
    )
    for machine in ("one", "one", "two"):
        folder = tmp_path / machine
        folder.mkdir(exist_ok=True)
        subprocess.run(
            [sys.executable, "-c", count],
            env={"PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT)},
            check=True,
        )
    found = {
        sample.name: sample.value
        for family in Counted(tmp_path).collect()
        for sample in family.samples
        if "le" not in sample.labels
    }
    assert found["timoneiro_reconcile_seconds_count"] == 3
    assert found["timoneiro_reconcile_seconds_sum"] == pytest.approx(0.6)
    assert found["timoneiro_live_streams"] == 9


def test_every_metric_of_the_dashboard_exists(
    deployment: Deployment, browser: Client, redis_url: str
) -> None:
    browser.get("/deployments/")
    tasks.reconcile(0)
    tasks.sweep()
    Cluster.objects.update(metrics_at=timezone.now())
    names = {name for name, _ in told()}
    panels = json.loads(GRAFANA.read_text())["panels"]
    asked = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"timoneiro_\w+", target["expr"])
    }
    assert asked
    assert asked <= names
    documented = (ROOT / "docs" / "metrics.md").read_text()
    families = {re.sub(r"_(count|sum|bucket|created)$", "", name) for name in names}
    assert {name for name in families if name.startswith("timoneiro_")} == set(
        re.findall(r"`(timoneiro_\w+)`", documented)
    )

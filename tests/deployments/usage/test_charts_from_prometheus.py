"""Charts as a real Prometheus tells them, and as samples do when it does not."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from deployments.models import Cluster, Deployment, MinuteSample
from deployments.prometheus import NoAnswer, ask
from deployments.selectors.usage.charts import chart
from deployments.selectors.usage.promql import Scope, scope_of
from deployments.selectors.usage.shapes import Chart
from teams.models import Team
from tests.deployments.sampled import steady
from tests.deployments.usage.measuring import GAP, MIB, MINUTES, Hour, prometheus_of, served

INSTEAD = ": this is what was sampled here instead."


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    first = int(timezone.now().timestamp()) // 60 * 60 - MINUTES * 60
    with prometheus_of(first, tmp_path_factory.mktemp("prometheus")) as told:
        yield told


@pytest.fixture
def measured(hour: Hour, cluster: Cluster) -> Hour:
    """What the cluster's row names as its Prometheus."""
    name_prometheus(cluster, hour.url)
    return hour


def name_prometheus(cluster: Cluster, url: str) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(prometheus_url=url)
    cluster.refresh_from_db()


def is_told(minute: int) -> bool:
    return 0 <= minute < MINUTES and minute not in GAP


def cpu_of(minute: int) -> int | None:
    """What grows is known from two minutes on."""
    return 750 if is_told(minute) and is_told(minute - 1) else None


def memory_of(minute: int) -> int | None:
    """A minute that was missed is as the one before; more are a gap."""
    last = next((each for each in (minute, minute - 1) if is_told(each)), None)
    return None if last is None else 2 * (96 if last % 5 == 0 else 64) * MIB


def test_a_deployment_is_told_as_its_containers_were_measured(
    measured: Hour, cluster: Cluster, deployment: Deployment
) -> None:
    found = chart(cluster, "1h", deployment=deployment)
    assert (found.source, found.source_message, found.step_seconds) == ("prometheus", "", 60)
    minutes = [(at - measured.first) // 60 for at in found.at]
    assert found.cpu_used == found.cpu_peak == [cpu_of(minute) for minute in minutes]
    assert found.memory_used == found.memory_peak == [memory_of(minute) for minute in minutes]
    known = [memory_of(minute) is not None for minute in minutes]
    assert found.pods == [2 if each else None for each in known]
    # The third pod has ended, and holds nothing.
    assert found.cpu_requested == [1000 if each else None for each in known]
    assert found.memory_requested == [256 * MIB if each else None for each in known]
    assert found.gpu_requested == [2 if each else None for each in known]
    assert 25 <= sum(known) < 60


def test_quarters_of_an_hour_are_averages_with_their_largest_minute(
    measured: Hour, cluster: Cluster, deployment: Deployment
) -> None:
    found = chart(cluster, "7d", deployment=deployment)
    assert (found.source, found.step_seconds, len(found.at)) == ("prometheus", 900, 7 * 96)
    steps = [[(at - measured.first) // 60 + minute for minute in range(15)] for at in found.at]
    memory = [[one for one in map(memory_of, step) if one is not None] for step in steps]
    assert found.memory_used == [round(sum(known) / len(known)) if known else None for known in memory]
    assert found.memory_peak == [max(known, default=None) for known in memory]
    cpu = [750 if any(map(cpu_of, step)) else None for step in steps]
    assert found.cpu_used == found.cpu_peak == cpu
    assert any(cpu)


def test_a_team_is_its_namespace_and_a_cluster_is_everything(
    measured: Hour, cluster: Cluster, team: Team
) -> None:
    assert set(chart(cluster, "1h", team=team).cpu_used) == {1750, None}
    assert set(chart(cluster, "1h").cpu_used) == {3750, None}
    homeless = Team.objects.create(name="homeless")
    assert chart(cluster, "1h", team=homeless).source == "samples"


def test_requests_are_of_samples_where_nobody_exports_them(
    measured: Hour, cluster: Cluster, deployment: Deployment, sampled: datetime
) -> None:
    # Of this pod nothing but containers is told.
    Deployment.objects.update(name="house-prices-two")
    deployment.refresh_from_db()
    found = chart(cluster, "1h", deployment=deployment)
    assert found.source == "prometheus"
    assert set(found.cpu_used) == {1000, None}
    assert known(found, found.cpu_requested) == {sampled: 2000}


@pytest.mark.parametrize("name", ['x"} or vector(1) #', "house-.*", "house\\", "house-prices|.*"])
def test_a_name_is_never_part_of_the_question(
    name: str, measured: Hour, cluster: Cluster, deployment: Deployment
) -> None:
    Deployment.objects.update(name=name)
    deployment.refresh_from_db()
    found = chart(cluster, "1h", deployment=deployment)
    assert found.source_message == f"Prometheus knows nothing of these containers in this time{INSTEAD}"


def test_pods_of_a_long_name_are_known_by_what_is_left_of_their_names(deployment: Deployment) -> None:
    deployment.name = "h" * 50
    assert scope_of(deployment) == Scope(
        "pricing", f"{deployment.name}-[a-z0-9]{{1,10}}-[a-z0-9]{{5}}|{deployment.name}-[a-z0-9]{{12}}"
    )


class Odd(ThreadingHTTPServer):
    """Answers everything alike, however little it is what Prometheus would say."""

    def __init__(self, status: int, body: bytes, location: str = "") -> None:
        self.status, self.body, self.location = status, body, location
        self.asked: list[str] = []
        self.patience = threading.Event()
        self.patience.set()
        super().__init__(("127.0.0.1", 0), _Said)


class _Said(BaseHTTPRequestHandler):
    server: Odd

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        self.server.patience.wait(10)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quietly."""


@pytest.fixture
def sampled(deployment: Deployment) -> datetime:
    """A minute of samples."""
    minute = datetime.fromtimestamp(int(timezone.now().timestamp()) // 60 * 60 - 600, UTC)
    steady(MinuteSample, deployment, minute, 1, cpu="2", cpu_used="300m", memory_used="1Gi")
    return minute


def known(found: Chart, values: list[int | None]) -> dict[datetime, int]:
    return {
        datetime.fromtimestamp(at, UTC): value
        for at, value in zip(found.at, values, strict=True)
        if value is not None
    }


def shows_samples(cluster: Cluster, deployment: Deployment, minute: datetime, why: str) -> None:
    found = chart(cluster, "1h", deployment=deployment)
    assert (found.source, found.source_message) == ("samples", f"Prometheus {why}{INSTEAD}")
    assert known(found, found.cpu_used) == {minute: 300}


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, b"busy", "answered with HTTP status 503"),
        (302, b"", "answered with HTTP status 302"),
        (200, b"<!doctype html><p>Sign in", "does not answer as a Prometheus does"),
        (
            200,
            b'{"status":"success","data":{"result":[{"value":[1,"much"]}]}}',
            "does not answer as a Prometheus does",
        ),
        (200, b'{"status":"error","error":"no"}', "does not answer as a Prometheus does"),
        (200, b" " * 9_000_000, "answered with more than 8 MB"),
    ],
    ids=["busy", "moved", "html", "words", "error", "huge"],
)
def test_what_is_no_answer_of_prometheus_makes_a_chart_of_samples(
    status: int, body: bytes, why: str, cluster: Cluster, deployment: Deployment, sampled: datetime
) -> None:
    with served(Odd(200, b"")) as other:
        server = Odd(status, body, f"{other}/elsewhere")
        with served(server) as url:
            name_prometheus(cluster, url)
            shows_samples(cluster, deployment, sampled, why)
    assert len(server.asked) == 1


def test_a_prometheus_that_is_down_makes_a_chart_of_samples(
    cluster: Cluster, deployment: Deployment, sampled: datetime
) -> None:
    name_prometheus(cluster, "http://127.0.0.1:1")
    shows_samples(cluster, deployment, sampled, "could not be reached")


def test_nobody_waits_for_a_slow_prometheus(
    cluster: Cluster, deployment: Deployment, sampled: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.selectors.usage.charts.PROMETHEUS_SECONDS", 0.2)
    server = Odd(200, b"")
    server.patience.clear()
    with served(server) as url:
        name_prometheus(cluster, url)
        shows_samples(cluster, deployment, sampled, "did not answer within 0.2 s")
        server.patience.set()


def test_a_failure_is_kept_as_an_answer_is(
    cluster: Cluster, deployment: Deployment, sampled: datetime, settings: Any
) -> None:
    kept = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": kept, "LOCATION": "prometheus"}}
    server = Odd(503, b"")
    with served(server) as url:
        name_prometheus(cluster, url)
        for _ in range(3):
            shows_samples(cluster, deployment, sampled, "answered with HTTP status 503")
    # One more where a minute ended between two looks.
    assert 1 <= len(server.asked) <= 2


@pytest.mark.parametrize("url", ["http://2852039166/", "http://0xa9fea9fe:80", "http://[::ffff:a9fe:a9fe]/"])
def test_a_clouds_metadata_is_not_asked_however_it_is_written(url: str) -> None:
    with pytest.raises(NoAnswer, match="so it was not asked"):
        ask(url, "query", {"query": "up"}, seconds=2)


def test_proxies_of_the_environment_are_not_used(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert ask(hour.url, "query", {"query": "vector(5)"}, seconds=5)[0].points[0][1] == 5

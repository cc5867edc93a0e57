"""The product's own metrics, for Prometheus: to the machine itself, or to who has the token."""

import ipaddress
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from deployments import heartbeat
from deployments.queue import QUEUES
from deployments.selectors import health

SECONDS = 1
# Whoever is asked through one of these is not on this machine.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via")


class Counted(Collector):
    """What all processes count of themselves, each in files of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        # One folder for each machine, whose processes' numbers are unique there alone.
        files = [str(path) for path in sorted(self._folder.glob("*/*.db"))]
        yield from MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-untyped-call]


class Stored(Collector):
    """What the database and the queues say: the same from whichever process is asked."""

    def collect(self) -> Iterator[Metric]:
        yield by_label(
            "timoneiro_deployments", "Deployments by shown state.", "state", health.deployments_by_state()
        )
        yield by_label("timoneiro_operations", "Operations by state.", "state", health.operations_by_state())
        queues = asked_of_redis()
        yield by_label("timoneiro_queue_tasks", "Tasks that wait in a queue.", "queue", queues.depths)
        yield GaugeMetricFamily(
            "timoneiro_unwritten_seconds",
            "Age of the oldest wish that no worker has written to its cluster yet.",
            value=health.unwritten_seconds(),
        )
        if queues.swept_ago is not None:
            yield GaugeMetricFamily(
                "timoneiro_sweep_seconds",
                "Seconds since the sweep last ran: beat, queue and worker are alive.",
                value=queues.swept_ago,
            )
        clusters = health.clusters_health()
        yield by_label(
            "timoneiro_cluster_seen_seconds",
            "Seconds since the observer last had word from a cluster.",
            "cluster",
            {one.name: one.seen_ago for one in clusters},
        )
        yield by_label(
            "timoneiro_cluster_measured_seconds",
            "Seconds since a cluster last said what is used.",
            "cluster",
            {one.name: one.measured_ago for one in clusters},
        )
        yield by_label(
            "timoneiro_cluster_stale",
            "1 where a cluster has not been heard of lately.",
            "cluster",
            {one.name: int(one.stale) for one in clusters},
        )


def by_label(
    name: str, text: str, label: str, values: "dict[str, int] | dict[str, float | None]"
) -> GaugeMetricFamily:
    """A gauge with one label; what is None is left out."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        if value is not None:
            family.add_metric([key], value)
    return family


@dataclass(frozen=True)
class Queues:
    """Tasks that wait, by queue, and seconds since the last sweep; nothing where Redis does not answer."""

    depths: dict[str, int] = field(default_factory=dict)
    swept_ago: float | None = None


def asked_of_redis() -> Queues:
    if not settings.REDIS_URL:
        return Queues()
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
    try:
        depths = {queue: int(client.llen(queue)) for queue in QUEUES}
        return Queues(depths, heartbeat.seconds_since_sweep(client))
    except redis.RedisError:
        return Queues()
    finally:
        client.close()


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        words = "Metrics need the token of METRICS_TOKEN: Authorization: Bearer ...\n"
        refused = HttpResponse(words, status=401, content_type="text/plain")
        refused["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    stored = CollectorRegistry()
    stored.register(Stored())
    return HttpResponse(own_metrics() + generate_latest(stored), content_type=CONTENT_TYPE_LATEST)


def own_metrics() -> bytes:
    if settings.METRICS_DIR is None:
        return generate_latest(REGISTRY)
    counted = CollectorRegistry()
    counted.register(Counted(settings.METRICS_DIR))
    return generate_latest(counted)


def may_read(request: HttpRequest) -> bool:
    """With a token set, whoever has it; else who asks from this machine, and not through a proxy on it."""
    if settings.METRICS_TOKEN:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = secrets.compare_digest(given.strip().encode(), settings.METRICS_TOKEN.encode())
        return scheme.lower() == "bearer" and same
    if not settings.METRICS_ON_LOOPBACK or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False

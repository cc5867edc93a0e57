"""How busy GPUs are, as a Prometheus tells it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import reviewing
from deployments.gpu_use import QUERY, gpu_percents
from deployments.models import Cluster, Deployment, Pod, Sizing
from deployments.selectors.usage.savings import idle_deployments, wasteful_deployments


class Prometheus(ThreadingHTTPServer):
    """Answers like Prometheus' query API with `series`: labels and value."""

    def __init__(self) -> None:
        self.series: list[tuple[dict[str, str], str]] = []
        self.asked: list[str] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answer(BaseHTTPRequestHandler):
    server: Prometheus

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(self.path + " " + parse_qs(form)["query"][0])
        result = [{"metric": labels, "value": [1.0, value]} for labels, value in self.server.series]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quietly."""


@pytest.fixture
def prometheus(cluster: Cluster) -> Iterator[Prometheus]:
    """What the cluster's row names as its Prometheus."""
    server = Prometheus()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Cluster.objects.update(prometheus_url=server.url)
    cluster.refresh_from_db()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def with_gpus(deployment: Deployment) -> Deployment:
    """Two pods with a GPU each."""
    for number in range(2):
        Pod.objects.create(
            cluster=deployment.cluster,
            deployment=deployment,
            uid=str(number),
            namespace="pricing",
            name=f"house-{number}",
            phase="Running",
            gpu_request=1,
            facts={},
        )
    Deployment.objects.update(wanted_replicas=2, state="running")
    return deployment


def test_gpus_of_a_deployments_pods_are_averaged(
    prometheus: Prometheus, with_gpus: Deployment, cluster: Cluster
) -> None:
    prometheus.series = [
        ({"namespace": "pricing", "pod": "house-0"}, "2"),
        # As it is where Prometheus puts its target's own labels over the exporter's.
        (
            {
                "namespace": "gpu-operator",
                "pod": "dcgm-1",
                "exported_namespace": "pricing",
                "exported_pod": "house-1",
            },
            "6",
        ),
        ({"namespace": "pricing", "pod": "house-1"}, "NaN"),
        ({"namespace": "others", "pod": "house-0"}, "99"),
    ]
    assert gpu_percents(cluster) == {with_gpus.pk: 4.0}
    assert prometheus.asked == [f"/api/v1/query {QUERY}"]


def test_an_idle_gpu_is_listed(prometheus: Prometheus, with_gpus: Deployment, lead: User) -> None:
    prometheus.series = [({"namespace": "pricing", "pod": "house-0"}, "1.5")]
    reviewing.review(with_gpus.cluster_id, at=timezone.now())
    assert Sizing.objects.get(deployment=with_gpus).gpu_percent == 1.5
    Sizing.objects.update(hours=24)
    assert idle_deployments(wasteful_deployments(lead)) == [with_gpus]


def test_what_does_not_answer_as_prometheus_does_makes_gpus_unknown(
    prometheus: Prometheus, with_gpus: Deployment, cluster: Cluster
) -> None:
    prometheus.status = 503
    assert gpu_percents(cluster) == {}
    prometheus.status = 200
    prometheus.series = [({"namespace": "pricing", "pod": "house-0"}, "much")]
    assert gpu_percents(cluster) == {}
    cluster.prometheus_url = "http://127.0.0.1:1"
    assert gpu_percents(cluster) == {}
    cluster.prometheus_url = ""
    assert gpu_percents(cluster) == {}

"""A real Prometheus that scrapes a target of the test's: an hour of two pods, told in seconds.

The target says when each value was measured, as cAdvisor does: a minute of the hour with each scrape.
"""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dashboard.supervisor.options import free_port
from deployments import prometheus

MIB = 2**20
MINUTES = 50
#: Minutes from the first one in which nothing was measured.
GAP = range(20, 30)
_CONFIG = """
scrape_configs:
  - job_name: kubelet
    scrape_interval: 50ms
    scrape_timeout: 50ms
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def exposition(minute: int, at: int) -> str:
    """What containers had used and asked for at `minute` of the hour, `at` seconds since 1970.

    Of the deployment house-prices in pricing two pods use 0.25 and 0.5 cores and 64 MiB each, in every fifth
    minute 96; a third pod has ended. One of another deployment uses a core, one of another namespace
    two. A container is told twice, as where two scrape it; whole pods are told, too.
    """
    memory = (96 if minute % 5 == 0 else 64) * MIB
    one, two, other, away = (
        'namespace="pricing",pod="house-prices-6d4cf56db6-x2x4z"',
        'namespace="pricing",pod="house-prices-7f9c-bbbbb"',
        'namespace="pricing",pod="house-prices-two-7f9c-bbbbb"',
        'namespace="fraud",pod="house-prices-7f9c-bbbbb"',
    )
    done = 'namespace="pricing",pod="house-prices-7f9c-ddddd"'
    lines = []
    for pod, cores in ((one, 0.25), (two, 0.5), (other, 1), (away, 2)):
        for container in (
            f'{pod},container="model",id="a"',
            f'{pod},container="model",id="b"',
            f'{pod},container="",id="c"',
        ):
            lines.append(f"container_cpu_usage_seconds_total{{{container}}} {5000 + cores * minute * 60}")
            lines.append(f"container_memory_working_set_bytes{{{container}}} {memory}")
    for pod, phase in ((one, "Running"), (two, "Running"), (done, "Succeeded"), (away, "Running")):
        lines += [
            f'kube_pod_status_phase{{{pod},phase="{each}"}} {int(each == phase)}'
            for each in ("Running", "Succeeded")
        ]
        for resource, amount in (("cpu", 0.5), ("memory", 128 * MIB), ("nvidia_com_gpu", 1)):
            labels = f'{pod},container="model",resource="{resource}"'
            lines.append(f"kube_pod_container_resource_requests{{{labels}}} {amount}")
    return "".join(f"{line} {at * 1000}\n" for line in lines)


class Target(ThreadingHTTPServer):
    """Tells one minute after the other, those of the gap left out; then the last one again."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.left = [minute for minute in range(MINUTES) if minute not in GAP]
        super().__init__(("127.0.0.1", 0), _Told)

    def told(self) -> str:
        minute = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        # Not at its beginning: scrapes are at any second.
        return exposition(minute, self.first + minute * 60 + 7)


class _Told(BaseHTTPRequestHandler):
    server: Target

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(self.server.told().encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quietly."""


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[str]:
    """The address at which a server answers."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Hour:
    """Where it is told, and the second that its first minute begins with."""

    url: str
    first: int


@contextmanager
def prometheus_of(first: int, folder: Path) -> Iterator[Hour]:
    """A Prometheus that has scraped the whole hour. Without its program, tests fail."""
    program = shutil.which("prometheus")
    assert program, "There is no prometheus: install it (Debian: apt-get install prometheus)."
    with served(Target(first)) as target:
        port = free_port()
        (folder / "prometheus.yml").write_text(_CONFIG.format(port=target.rpartition(":")[2]))
        argv = (
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        hour = Hour(f"http://127.0.0.1:{port}", first)
        try:
            _wait(lambda: _last_is_told(hour), process, folder / "log")
            yield hour
        finally:
            process.terminate()
            process.wait(timeout=10)


def _last_is_told(hour: Hour) -> bool:
    at = hour.first + (MINUTES - 1) * 60 + 7
    fields = {"query": "max(timestamp(container_memory_working_set_bytes))", "time": str(at)}
    try:
        newest = prometheus.ask(hour.url, "query", fields, seconds=2)
    except prometheus.NoAnswer:
        return False
    return bool(newest) and newest[0].points[0][1] == at


def _wait(told: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(400):
        if told():
            return
        assert process.poll() is None, log.read_text()
        threading.Event().wait(0.05)
    raise AssertionError(log.read_text())

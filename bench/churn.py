"""Half an hour of rolling restarts with a cluster in trouble: is memory flat, is every update seen?

200 deployments of ten hollow pods each, made and restarted through the product's
own REST on a running stack, while the API server misbehaves by rules that change
each minute. At the end what the product shows must equal what the cluster lists.
It is measured after a quarter of an hour of the same, in which histories fill and heaps find their size.
`MINUTES` and `WARM_UP_MINUTES` may be set to less for a try.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from bench.cluster import NODES
from bench.figures import MEBIBYTE
from k8s.connect import load_kubeconfig
from tests.e2e.stack import Stack, until
from tests.processes import ClusterServer, new_cluster

MINUTES = float(os.environ.get("MINUTES", "30"))
DEPLOYMENTS, REPLICAS = 200, 10
# Until here memory grows for good reasons: imports, first rows, filled caches and histories.
WARM_UP_MINUTES = float(os.environ.get("WARM_UP_MINUTES", "15"))
# At this pace rollouts end before the next one begins, also on two slow cores: a deployment whose rollouts
# overtake each other rightly keeps a ReplicaSet of each, here as on any cluster.
RESTARTS_A_SECOND = 1.0
PATH = "/teams/pricing/deployments/"
COUNTED = {"pods": "/api/v1/pods", "replicasets": "/apis/apps/v1/replicasets", "events": "/api/v1/events"}
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "delay", "seconds": 0.5, "share": 0.2},
    {"fault": "throttle", "seconds": 1, "share": 0.1},
    {"fault": "error", "share": 0.1},
    {"fault": "error-after", "verb": "patch", "share": 0.1},
    {"fault": "gone", "verb": "watch", "share": 0.02},
    {"fault": "reset", "verb": "watch", "share": 0.02},
    {"fault": "frozen-watch", "verb": "watch", "count": 2},
)


def main() -> None:
    """Print memory as it goes, and the comparison at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = hollow_cluster(Path(folder))
        stack = Stack(Path(folder) / "data", arguments=("--kubeconfig", str(server.kubeconfig)))
        try:
            stack.start()
            with stack.client("lead") as api:
                churn(stack, server, api)
        finally:
            stack.stop()
            server.stop()


def hollow_cluster(folder: Path) -> ClusterServer:
    nodes = folder / "nodes.yaml"
    nodes.write_text(yaml.safe_dump({"nodes": NODES}))
    server = new_cluster(folder / "cluster")
    server.argv += ("--node-config", str(nodes), "--faults")
    server.start()
    return server


def churn(stack: Stack, server: ClusterServer, api: httpx.Client) -> None:
    names = [f"churn-{number:03}" for number in range(DEPLOYMENTS)]
    for name in names:
        body = {"name": name, "image": "local/house:1.0", "replicas": REPLICAS}
        api.post(PATH, json=body).raise_for_status()
    until("all run", lambda: count(api, "running") == DEPLOYMENTS, seconds=600)
    memory: list[tuple[float, dict[str, float]]] = []
    began = minute = time.monotonic()
    faults, restarts = itertools.cycle(FAULTS), 0
    for name in paced(itertools.cycle(names), began + (WARM_UP_MINUTES + MINUTES) * 60):
        api.post(f"{PATH}{name}/restart/").raise_for_status()
        restarts += 1
        if time.monotonic() >= minute:
            set_faults(server, next(faults))
            memory.append((time.monotonic() - began, resident(stack, server)))
            tell(*memory[-1], running=count(api, "running"), objects=objects_of(server))
            minute += 60
    set_faults(server, None)
    tell_growth(memory)
    ended = time.monotonic()
    until("all run again", lambda: count(api, "running") == DEPLOYMENTS, seconds=600)
    print(f"{restarts} restarts; all run again {time.monotonic() - ended:.0f} s after the last", flush=True)
    memory.append((time.monotonic() - began, resident(stack, server)))
    tell(*memory[-1], running=DEPLOYMENTS, objects=objects_of(server))
    compare(server, api, names)


def paced(names: Iterator[str], until_: float) -> Iterator[str]:
    """Names at the pace of `RESTARTS_A_SECOND`, for as long as it lasts."""
    due = time.monotonic()
    while time.monotonic() < until_:
        yield next(names)
        due = max(due + 1 / RESTARTS_A_SECOND, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def count(api: httpx.Client, state: str) -> int:
    return int(api.get("/deployments/", params={"status": state, "limit": 1}).json()["count"])


def resident(stack: Stack, server: ClusterServer) -> dict[str, float]:
    """MiB of each process."""
    pids = {"observer": stack.pid_of("observer"), "cluster": server.pid}
    return {name: psutil.Process(pid).memory_info().rss / MEBIBYTE for name, pid in pids.items()}


def tell(seconds: float, memory: dict[str, float], *, running: int, objects: dict[str, int]) -> None:
    sizes = "  ".join(f"{name} {size:.1f} MiB" for name, size in memory.items())
    counts = "  ".join(f"{kind} {number}" for kind, number in objects.items())
    print(f"{seconds / 60:5.1f} min  {sizes}  running {running}  {counts}", flush=True)


def objects_of(server: ClusterServer) -> dict[str, int]:
    """How many there are of what grows while rollouts overtake each other; -1 where a fault answered."""
    counts = {}
    with admin(server) as client:
        for kind, path in COUNTED.items():
            answer = client.get(path, params={"limit": 1})
            page = answer.json() if answer.is_success else {}
            rest = page.get("metadata", {}).get("remainingItemCount", 0)
            counts[kind] = len(page["items"]) + rest if page else -1
    return counts


def tell_growth(memory: list[tuple[float, dict[str, float]]]) -> None:
    """How far the last third's average is from that of the first third after the warm-up."""
    measured = [(at / 60 - WARM_UP_MINUTES, sizes) for at, sizes in memory]
    for name in memory[0][1]:
        early = [sizes[name] for at, sizes in measured if 0 <= at <= MINUTES / 3]
        late = [sizes[name] for at, sizes in measured if at >= MINUTES * 2 / 3]
        if early and late:
            growth = (sum(late) / len(late)) / (sum(early) / len(early)) - 1
            print(f"{name}: last third of {MINUTES:.0f} min against the first {growth:+.1%}", flush=True)


def compare(server: ClusterServer, api: httpx.Client, names: list[str]) -> None:
    """Every pod of the cluster is shown, with its node and readiness, and no other."""
    with admin(server) as client:
        listed = client.get("/api/v1/namespaces/pricing/pods").raise_for_status().json()
    real = {(pod["metadata"]["name"], pod["spec"].get("nodeName", ""), ready(pod)) for pod in listed["items"]}
    shown = set()
    for name in names:
        pods = api.get(f"{PATH}{name}/pods/", params={"limit": 500}).json()["results"]
        shown |= {(pod["name"], pod["node"], pod["ready"]) for pod in pods}
    print(f"pods: {len(real)} in the cluster, {len(shown)} shown, {len(real ^ shown)} differ")
    if real != shown:
        raise SystemExit(f"lost updates: {sorted(real ^ shown)[:10]}")


def ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def admin(server: ClusterServer) -> httpx.Client:
    """The API server itself, as its administrator."""
    access = load_kubeconfig(server.kubeconfig.read_text())
    return httpx.Client(
        base_url=access.server,
        headers=access.headers,
        verify=access.ssl_context() or True,
        trust_env=False,
        timeout=60,
    )


def set_faults(server: ClusterServer, rule: dict[str, Any] | None) -> None:
    """Replace the API server's fault rules by this one, or by none."""
    with admin(server) as client:
        client.delete("/local-cluster/faults").raise_for_status()
        if rule:
            client.post("/local-cluster/faults", json=rule).raise_for_status()

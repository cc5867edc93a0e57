"""Reading a large cluster: first sync, memory and watch throughput, beside the official typed client.

Hollow pods on the local cluster: Running, without a process. Each way reads the
same pods in a process of its own. The watch is fed by a server that sends
recorded events as fast as they are taken, so that it measures the reader.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import yaml
from aiohttp import web

from bench.figures import MEBIBYTE
from k8s.client import KubernetesCluster
from k8s.cluster import Manifest
from k8s.connect import load_kubeconfig
from tests.e2e.stack import until
from tests.processes import new_cluster

SIZES = (2_000, 5_000, 10_000)
PODS_PER_DEPLOYMENT = 100
EVENTS = 20_000
NODES = [
    {"name": f"hollow-{number}", "hollow": True, "cpu": "4000", "memory": "16Ti", "pods": 20_000}
    for number in range(3)
]


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        nodes = Path(folder) / "nodes.yaml"
        nodes.write_text(yaml.safe_dump({"nodes": NODES}))
        server = new_cluster(Path(folder) / "cluster")
        server.argv += ("--node-config", str(nodes))
        server.start()
        try:
            cluster = KubernetesCluster(load_kubeconfig(server.kubeconfig.read_text()))
            made = 0
            for size in SIZES:
                made = grow(cluster, made, size)
                tell_sync(server.kubeconfig, size)
            tell_events(cluster, Path(folder))
            cluster.close()
        finally:
            server.stop()


def grow(cluster: KubernetesCluster, made: int, wanted: int) -> int:
    """Deploy until there are `wanted` running pods; answers how many there are."""
    for number in range(made // PODS_PER_DEPLOYMENT, wanted // PODS_PER_DEPLOYMENT):
        cluster.apply(deployment(f"hollow-{number:03}"))

    def all_ready() -> bool:
        listed = cluster.list("Deployment", "default")
        ready: int = sum(item.get("status", {}).get("readyReplicas", 0) for item in listed)
        return ready == wanted

    until(f"{wanted} pods run", all_ready, seconds=180)
    return wanted


def deployment(name: str) -> Manifest:
    labels = {"app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "timoneiro"}
    container = {
        "name": "server",
        "image": "local/house:1.0",
        "ports": [{"containerPort": 5001}],
        "env": [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(5)],
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 5001}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {
            "replicas": PODS_PER_DEPLOYMENT,
            "selector": {"matchLabels": {"app.kubernetes.io/instance": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def run(way: str, kubeconfig: Path, wanted: int = 0) -> dict[str, Any]:
    """What one way of reading measured; see `bench.reading`."""
    command = [sys.executable, "-m", "bench.reading", way, str(kubeconfig), str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def tell_sync(kubeconfig: Path, size: int) -> None:
    # The first asks for what the server has not encoded yet: not counted.
    run("raw", kubeconfig)
    raw, ours, typed = (run(way, kubeconfig) for way in ("raw", "ours", "typed"))
    if not ours["count"] == typed["count"] == size:
        raise SystemExit(f"read {ours['count']} and {typed['count']} pods of {size}")
    print(
        f"{size:>6} pods  raw {raw['seconds']:.2f} s, {raw['size'] / MEBIBYTE:.0f} MiB"
        f"   ours {ours['seconds']:.2f} s ({ours['seconds'] / raw['seconds']:.2f}x raw),"
        f" {ours['rss'] / MEBIBYTE / size * 1000:.2f} MiB per 1,000"
        f"   typed {typed['seconds']:.2f} s, {typed['rss'] / MEBIBYTE / size * 1000:.1f} MiB per 1,000"
        f"   ({typed['seconds'] / ours['seconds']:.1f}x the time,"
        f" {typed['rss'] / ours['rss']:.1f}x the memory)",
        flush=True,
    )


def tell_events(cluster: KubernetesCluster, folder: Path) -> None:
    """Events a second that each reader takes."""
    pod = cluster.list("Pod", "default")[0]
    lines = [
        msgspec.json.encode({"type": "MODIFIED", "object": with_version(pod, number)}) + b"\n"
        for number in range(EVENTS)
    ]
    seconds = asyncio.run(replay(lines, folder))
    for way, taken in seconds.items():
        print(f"watch  {way:<6} {EVENTS / taken:,.0f} events/s", flush=True)


def with_version(pod: Manifest, number: int) -> Manifest:
    return {**pod, "metadata": {**pod["metadata"], "resourceVersion": str(1_000 + number)}}


async def replay(lines: list[bytes], folder: Path) -> dict[str, float]:
    """Seconds that each way took for all the lines, served from here."""

    async def pods(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response(
                {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}
            )
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for start in range(0, len(lines), 50):
            await response.write(b"".join(lines[start : start + 50]))
        await asyncio.sleep(30)
        return response

    app = web.Application()
    app.router.add_get("/api/v1/pods", pods)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    kubeconfig = folder / "replay.yaml"
    kubeconfig.write_text(yaml.safe_dump(plain_kubeconfig(f"http://{host}:{port}")))
    try:
        return {
            way: (await asyncio.to_thread(run, f"{way}-events", kubeconfig, len(lines)))["seconds"]
            for way in ("ours", "typed")
        }
    finally:
        await runner.cleanup()


def plain_kubeconfig(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "replay",
        "clusters": [{"name": "replay", "cluster": {"server": server}}],
        "contexts": [{"name": "replay", "context": {"cluster": "replay", "user": "replay"}}],
        "users": [{"name": "replay", "user": {"token": "replay"}}],
    }

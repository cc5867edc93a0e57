"""The images that misbehave on purpose, run by a real kubelet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from k8s.local.store import Object
from tests.k8s.local.kit import FAST, ROOMY, Machinery, a_pod, machinery, until
from tests.k8s.local.whole_kit import QUICK

TINY = {"limits": {"memory": "64Mi"}}


def env(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def probe(kind: str) -> dict[str, Any]:
    check = {"httpGet": {"path": "/healthz", "port": 5001}, "periodSeconds": 1, "failureThreshold": 1}
    return {"readinessProbe": check} if kind == "readiness" else {"livenessProbe": check}


def ended(cluster: Machinery) -> Object:
    status = cluster.container()
    states = (status.get("state") or {}, status.get("lastState") or {})
    return next((state["terminated"] for state in states if "terminated" in state), {})


async def test_a_container_beyond_its_memory_limit_is_killed_and_says_so(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        hungry = env(MEMORY_MIB_PER_SECOND="400", MEMORY_MIB="300")
        cluster.create("pods", a_pod(image="local/memory-hog:1.0", resources=TINY, env=hungry))
        end = await until(lambda: ended(cluster), seconds=30)
        assert (end["reason"], end["exitCode"]) == ("OOMKilled", 137)
        assert cluster.pod()["status"]["phase"] == "Running"


async def test_a_busy_container_shows_the_cpu_it_burns(tmp_path: Path) -> None:
    async with machinery(tmp_path, timing=QUICK) as cluster:
        cluster.create("pods", a_pod(image="local/busy:1.0", env=env(BUSY_MILLISECONDS="100")))
        await until(lambda: cluster.container().get("ready"))
        address = cluster.pod()["status"]["podIP"]

        def cores() -> float:
            found = cluster.running.usage.of_pod(cluster.pod())
            return found.containers["server"].nanocores / 1e9 if found else 0.0

        async with httpx.AsyncClient(base_url=f"http://{address}:5001", timeout=30) as client:
            busiest = 0.0
            for _ in range(100):
                assert (await client.get("/")).status_code == 200
                busiest = max(busiest, cores())
                if busiest > 0.2:
                    return
        raise AssertionError(f"only {busiest} cores")


async def test_an_unhealthy_container_leaves_its_service_and_comes_back(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        ill = env(UNHEALTHY_AFTER_SECONDS="2", UNHEALTHY_FOR_SECONDS="3")
        cluster.create("pods", a_pod(image="local/unhealthy:1.0", env=ill, **probe("readiness")))
        await until(lambda: cluster.container().get("ready"))
        await until(lambda: not cluster.container()["ready"])
        assert cluster.pod()["status"]["phase"] == "Running"
        await until(lambda: cluster.container()["ready"])
        assert cluster.container()["restartCount"] == 0
        assert "HTTP probe failed with statuscode: 503" in cluster.events("Unhealthy")[0]["message"]


async def test_an_unhealthy_container_is_restarted_by_its_liveness_probe(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        ill = env(UNHEALTHY_AFTER_SECONDS="1")
        pod = a_pod(image="local/unhealthy:1.0", env=ill, **probe("liveness"))
        cluster.create("pods", pod)
        await until(lambda: cluster.container().get("restartCount"))
        assert cluster.events("Killing")


async def test_a_noisy_container_fills_its_log(tmp_path: Path) -> None:
    async with machinery(tmp_path, nodes=ROOMY, timing=FAST) as cluster:
        cluster.create("pods", a_pod(image="local/noisy:1.0", env=env(LOG_LINES_PER_SECOND="500")))
        await until(lambda: cluster.container().get("ready"))
        path = cluster.running.kubelet.context.log_path(cluster.pod(), "server", 0)
        await until(lambda: path.stat().st_size > 40_000)
        assert (await cluster.log()).count("talks too much") > 200

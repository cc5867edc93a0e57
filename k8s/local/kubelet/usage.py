"""How much CPU and memory the containers really use, measured every so often as metrics-server does.

A rate needs two measurements, so that a new pod has none for one to two rounds: 15 to 30 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import psutil

from k8s.local.amounts import amount
from k8s.local.kubelet.context import Context
from k8s.local.store import Object

log = logging.getLogger(__name__)

#: What the pods of hollow nodes pretend to use, as quantities; nothing without them.
HOLLOW_CPU: Final = "local-cluster/cpu-usage"
HOLLOW_MEMORY: Final = "local-cluster/memory-usage"
#: So many pods are measured in one go.
BATCH: Final = 200


@dataclass(frozen=True)
class Amounts:
    """CPU in nanocores, memory in bytes."""

    nanocores: int
    memory: int


@dataclass(frozen=True)
class PodUsage:
    """What a pod's containers used during ``window_seconds`` before ``measured_at``."""

    measured_at: datetime
    window_seconds: float
    containers: dict[str, Amounts]


@dataclass(frozen=True)
class _Reading:
    """One measurement of one run of a container."""

    run: str
    moment: float
    cpu_seconds: float
    memory: int


class UsageMeter:
    """Measures the containers of every node whose kubelet answers."""

    def __init__(
        self, context: Context, hollow_nodes: Iterable[str], process_of: Callable[[Object, str], int | None]
    ) -> None:
        self._context = context
        self._hollow = frozenset(hollow_nodes)
        self._process_of = process_of
        #: The last reading of each container, by the pod's uid.
        self._readings: dict[str, dict[str, _Reading]] = {}
        self._pods: dict[tuple[str, str], tuple[str, PodUsage]] = {}
        self._nodes: dict[str, PodUsage] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.create_task(self._keep_measuring())

    async def stop(self) -> None:
        """No more measurements."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def of_pod(self, pod: Object) -> PodUsage | None:
        """What this very pod uses; None while it is not known."""
        meta = pod["metadata"]
        uid, usage = self._pods.get((meta["namespace"], meta["name"]), ("", None))
        return usage if uid == meta["uid"] else None

    def of_node(self, name: str) -> PodUsage | None:
        """What the pods of a node use together, as its only container; None while that is not known."""
        return self._nodes.get(name)

    async def _keep_measuring(self) -> None:
        while True:
            try:
                await self._round()
            except Exception:
                log.exception("the use of CPU and memory could not be measured")
            await asyncio.sleep(self._context.timing.measure)

    async def _round(self) -> None:
        pods: dict[tuple[str, str], tuple[str, PodUsage]] = {}
        readings: dict[str, dict[str, _Reading]] = {}
        nodes = [node["metadata"]["name"] for node in self._context.store.list("nodes")]
        sums = {name: Amounts(0, 0) for name in nodes if name not in self._context.silent_nodes}
        for number, pod in enumerate(self._context.store.list("pods")):
            meta, node = pod["metadata"], pod["spec"].get("nodeName", "")
            if node not in sums or pod.get("status", {}).get("phase") != "Running":
                continue
            found = readings[meta["uid"]] = self._read(pod)
            usage = _usage(self._readings.get(meta["uid"], {}), found)
            if usage is not None:
                pods[meta["namespace"], meta["name"]] = (meta["uid"], usage)
                sums[node] = _sum([sums[node], *usage.containers.values()])
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(0)
        self._pods, self._readings = pods, readings
        now, window = datetime.now(UTC), self._context.timing.measure
        self._nodes = {name: PodUsage(now, window, {"": total}) for name, total in sums.items()}

    def _read(self, pod: Object) -> dict[str, _Reading]:
        if pod["spec"]["nodeName"] in self._hollow:
            return self._pretend(pod)
        found: dict[str, _Reading] = {}
        for status in pod["status"].get("containerStatuses") or ():
            pid = self._process_of(pod, status["name"])
            if pid is not None:
                cpu, memory = measure(pid)
                found[status["name"]] = _Reading(str(pid), time.monotonic(), cpu, memory)
        return found

    def _pretend(self, pod: Object) -> dict[str, _Reading]:
        asked, now = pod["metadata"].get("annotations") or {}, time.monotonic()
        before = self._readings.get(pod["metadata"]["uid"], {})
        found: dict[str, _Reading] = {}
        for container in pod["spec"]["containers"]:
            old = before.get(container["name"])
            seconds = now - old.moment if old else 0.0
            cpu = float(_quantity(asked.get(HOLLOW_CPU, "0"))) * seconds + (old.cpu_seconds if old else 0.0)
            memory = int(_quantity(asked.get(HOLLOW_MEMORY, "0")))
            found[container["name"]] = _Reading("", now, cpu, memory)
        return found


def _quantity(text: str) -> Decimal:
    try:
        return amount(text)
    except ValueError:
        return Decimal(0)


def _usage(before: dict[str, _Reading], now: dict[str, _Reading]) -> PodUsage | None:
    """Nothing until each running container has been measured twice in the same run."""
    found: dict[str, Amounts] = {}
    window = 0.0
    for name, reading in now.items():
        old = before.get(name)
        if old is None or old.run != reading.run or reading.moment <= old.moment:
            return None
        window = reading.moment - old.moment
        cores = max(0.0, reading.cpu_seconds - old.cpu_seconds) / window
        found[name] = Amounts(round(cores * 1e9), reading.memory)
    return PodUsage(datetime.now(UTC), window, found) if found else None


def _sum(amounts: list[Amounts]) -> Amounts:
    return Amounts(sum(one.nanocores for one in amounts), sum(one.memory for one in amounts))


def measure(pid: int) -> tuple[float, int]:
    """CPU seconds so far and resident bytes of a process and its children; zeros when it is gone."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            cpu = times.user + times.system + times.children_user + times.children_system
            memory = int(process.memory_info().rss)
    except psutil.Error:
        return 0.0, 0
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            more_cpu, more_memory = measure(int(child))
            cpu, memory = cpu + more_cpu, memory + more_memory
    return cpu, memory

"""What makes the local cluster's objects come true: controllers, scheduler, nodes, proxies, kubelet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from k8s.local.controllers.deployment import DeploymentController
from k8s.local.controllers.disruption import DisruptionController
from k8s.local.controllers.endpoints import EndpointsController
from k8s.local.controllers.garbage import GarbageCollector
from k8s.local.controllers.hpa import AutoscalerController
from k8s.local.controllers.jobs import JobController
from k8s.local.controllers.loop import Controller
from k8s.local.controllers.namespaces import NamespaceController
from k8s.local.controllers.node_lifecycle import NodeLifecycle
from k8s.local.controllers.nodes import DEFAULT_NODES, Nodes, NodeSpec, load_nodes
from k8s.local.controllers.quotas import QuotaController
from k8s.local.controllers.replicaset import ReplicaSetController
from k8s.local.controllers.scheduler import Scheduler
from k8s.local.controllers.services import ServiceProxies
from k8s.local.controllers.taints import TaintEviction
from k8s.local.events import SWEEP_SECONDS, Events
from k8s.local.kubelet.context import Timing
from k8s.local.kubelet.hollow import HollowKubelet
from k8s.local.kubelet.kubelet import Kubelet
from k8s.local.kubelet.usage import UsageMeter
from k8s.local.registry import Registry
from k8s.local.store import Object, Store
from k8s.memory import return_free_pages

__all__ = ["DEFAULT_NODES", "Controllers", "NodeSpec", "Timing", "load_nodes", "start"]


@dataclass
class Controllers:
    """Everything that was started; ``stop`` ends every pod's processes within a few seconds."""

    kubelet: Kubelet
    hollow: HollowKubelet
    usage: UsageMeter
    proxies: ServiceProxies
    nodes: Nodes
    loops: list[Controller]
    sweep: asyncio.Task[None]

    def stop_node(self, name: str) -> None:
        """Stop a node's kubelet: it falls silent, its containers go on."""
        self.kubelet.stop_node(name)

    def start_node(self, name: str) -> None:
        """Start a node's kubelet again."""
        self.kubelet.start_node(name)
        self.nodes.say_alive(name)
        self.hollow.take_up([name])

    def freeze_pod(self, pod: Object, *, frozen: bool) -> None:
        """Stop a pod's processes where they stand, or let them go on."""
        self.kubelet.freeze_pod(pod, frozen=frozen)

    def stop_clock(self) -> None:
        """Let no controller act, until ``start_clock``. The API server and the kubelets go on."""
        for loop in self.loops:
            loop.going.clear()

    def start_clock(self) -> None:
        """Let the controllers catch up with what has happened."""
        for loop in self.loops:
            loop.going.set()

    async def stop(self) -> None:
        """End all of it. Objects stay in the store."""
        self.sweep.cancel()
        await asyncio.gather(*(loop.stop() for loop in self.loops), self.nodes.stop())
        await asyncio.gather(self.hollow.stop(), self.usage.stop())
        await self.kubelet.stop()


async def start(
    store: Store,
    registry: Registry,
    *,
    data_dir: Path,
    nodes: Sequence[NodeSpec] = DEFAULT_NODES,
    timing: Timing | None = None,
) -> Controllers:
    """Start the whole machinery on a store. Pods that were running before come back with one restart more."""
    timing = timing or Timing()
    events = Events(store)
    kubelet = Kubelet(store, events, data_dir=data_dir, timing=timing)
    hollow_nodes = [spec.name for spec in nodes if spec.hollow]
    hollow = HollowKubelet(kubelet.context)
    usage = UsageMeter(kubelet.context, hollow_nodes, kubelet.process_of)
    proxies = ServiceProxies(store, events)
    registered = Nodes(kubelet.context, nodes)
    loops: list[Controller] = [
        NamespaceController(store),
        GarbageCollector(store),
        DeploymentController(store, registry, events),
        ReplicaSetController(store, registry, events),
        Scheduler(store, events),
        NodeLifecycle(store, events, timing),
        TaintEviction(store, events),
        EndpointsController(store),
        QuotaController(store),
        DisruptionController(store),
        JobController(store, registry, events, back_off_seconds=kubelet.context.timing.back_off),
        AutoscalerController(store, events, usage.of_pod, period_seconds=timing.autoscale),
        proxies,
    ]
    registered.start()
    for loop in loops:
        loop.start()
    await kubelet.start([spec.name for spec in nodes if not spec.hollow])
    await hollow.start(hollow_nodes)
    usage.start()
    return Controllers(
        kubelet, hollow, usage, proxies, registered, loops, asyncio.create_task(_sweep(events))
    )


async def _sweep(events: Events) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        events.forget_old()
        await asyncio.to_thread(return_free_pages)

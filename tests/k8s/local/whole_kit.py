"""A whole local cluster over HTTPS with short intervals: API server, controllers, kubelets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from k8s.local import controllers
from k8s.local.cluster import Workers, start_cluster
from k8s.local.controllers import Controllers, NodeSpec
from k8s.local.registry import Registry
from k8s.local.store import Store
from tests.k8s.local.api_kit import Api, client_for
from tests.k8s.local.kit import FAST, ROOMY

QUICK = replace(FAST, measure=0.3, autoscale=0.3)


@dataclass
class Whole(Api):
    """The cluster's API, and what runs behind it."""

    running: Controllers


@contextlib.asynccontextmanager
async def whole_cluster(
    tmp_path: Path,
    *,
    nodes: Sequence[NodeSpec] = ROOMY,
    timing: controllers.Timing = QUICK,
    faults: bool = False,
) -> AsyncIterator[Whole]:
    """A running one; it has stopped afterwards."""
    started: list[Controllers] = []

    async def workers(store: Store, registry: Registry, directory: Path) -> Workers:
        running = await controllers.start(store, registry, data_dir=directory, nodes=nodes, timing=timing)
        started.append(running)
        return running

    cluster = await start_cluster(tmp_path / "data", workers=workers, faults=faults)
    try:
        async with client_for(cluster) as http:
            yield Whole(cluster, http, tmp_path / "cache", started[0])
    finally:
        await cluster.stop()

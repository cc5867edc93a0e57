"""A local cluster's API server without controllers, over real HTTPS, and kubectl against it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiohttp.typedefs import Middleware

from k8s.local.cluster import LocalCluster, start_cluster
from k8s.local.store import Object

KUBECTL = Path(sys.executable).with_name("kubectl")
APPLY = {"Content-Type": "application/apply-patch+yaml"}
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
PODS = "/api/v1/namespaces/default/pods"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@dataclass
class Api:
    """A running server and a client for it."""

    cluster: LocalCluster
    http: httpx.AsyncClient
    cache: Path

    async def create(self, path: str, obj: Object, **params: str) -> Object:
        """POST, which must succeed."""
        response = await self.http.post(path, json=obj, params=params)
        assert response.status_code == 201, response.text
        found: Object = response.json()
        return found

    async def get(self, path: str, **params: str) -> Object:
        """GET, which must succeed."""
        response = await self.http.get(path, params=params)
        assert response.status_code == 200, response.text
        found: Object = response.json()
        return found

    async def apply(self, path: str, obj: Object, manager: str, **params: str) -> httpx.Response:
        """Server-side apply."""
        return await self.http.patch(
            path, content=json.dumps(obj), headers=APPLY, params={"fieldManager": manager, **params}
        )

    async def kubectl(self, *arguments: str, text: str = "", fails: bool = False) -> str:
        """Run kubectl and return what it printed; what it said on stderr when it fails."""
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            f"--kubeconfig={self.cluster.kubeconfig}",
            f"--cache-dir={self.cache}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(self.cache), "PATH": os.defpath},
        )
        out, err = await asyncio.wait_for(process.communicate(text.encode()), 30)
        assert (process.returncode != 0) is fails, err.decode()
        return (err if fails else out).decode()

    @contextlib.asynccontextmanager
    async def watch(self, path: str, **params: str) -> AsyncIterator[AsyncIterator[Any]]:
        """The events of a watch; it has begun when this hands them out."""
        query = {"watch": "1", "timeoutSeconds": "20", **params}
        async with self.http.stream("GET", path, params=query) as response:
            assert response.status_code == 200

            async def events() -> AsyncIterator[Any]:
                async for line in response.aiter_lines():
                    yield json.loads(line)

            yield events()


def client_for(cluster: LocalCluster) -> httpx.AsyncClient:
    """A client with the cluster's token, trusting its authority."""
    trust = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
    headers = {"Authorization": f"Bearer {cluster.token}", "User-Agent": "tests/1.0"}
    return httpx.AsyncClient(base_url=cluster.address, headers=headers, verify=trust, timeout=30)


@contextlib.asynccontextmanager
async def api_server(
    directory: Path, *, middlewares: tuple[Middleware, ...] = (), faults: bool = False
) -> AsyncIterator[Api]:
    """A running server; it has stopped afterwards."""
    cluster = await start_cluster(directory / "data", middlewares=middlewares, faults=faults)
    try:
        async with client_for(cluster) as http:
            yield Api(cluster, http, directory / "cache")
    finally:
        await cluster.stop()


def a_config_map(name: str = "a", **data: str) -> Object:
    """A ConfigMap."""
    return {"metadata": {"name": name}, "data": data or {"k": "1"}}


def a_pod(name: str = "p", **spec: Any) -> Object:
    """A pod of one container, on no node."""
    containers = [{"name": "c", "image": "example.local/busybox:1.35"}]
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": containers, **spec}}


def a_deployment(name: str = "d", **spec: Any) -> Object:
    """A deployment; ``spec`` overrides."""
    containers = [{"name": "c", "image": "example.local/busybox:1.35"}]
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}}
    own = {"replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": own}

"""A local cluster without its API server, for tests: real store, real controllers, real processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from k8s.local import controllers
from k8s.local.controllers import Controllers, NodeSpec, Timing
from k8s.local.registry import Registry
from k8s.local.store import Object, Store

#: Back-offs a hundred times shorter than real ones.
FAST = Timing(back_off=0.1, back_off_limit=1.0, config_retry=0.1, memory_check=0.1)
ROOMY = (NodeSpec("one", cpu="64", memory="64Gi"), NodeSpec("two", cpu="64", memory="64Gi"))


class Machinery:
    """What a test gets its hands on."""

    def __init__(self, store: Store, registry: Registry, running: Controllers) -> None:
        self.store = store
        self.registry = registry
        self.running = running

    def create(self, kind: str, obj: Object) -> Object:
        """As the API would."""
        return self.registry.create(kind, obj, manager="test")

    def pod(self, name: str = "p") -> Object:
        """The pod as it is now."""
        return self.store.get("pods", "default", name)

    def pods(self) -> list[Object]:
        """Those of the default namespace."""
        return self.store.list("pods", "default")

    def deployment(self, name: str = "house") -> Object:
        """The deployment as it is now."""
        return self.store.get("deployments.apps", "default", name)

    def container(self, name: str = "p") -> Object:
        """The status of a pod's first container; empty before there is one."""
        statuses = self.pod(name).get("status", {}).get("containerStatuses") or [{}]
        found: Object = statuses[0]
        return found

    def change(self, kind: str, name: str, change: Callable[[Object], None]) -> None:
        """Change an object of the default namespace."""
        self.store.update(kind, "default", name, change, manager="test")

    def scale(self, name: str, replicas: int) -> None:
        """Change a deployment's replica count."""
        self.change("deployments.apps", name, lambda obj: obj["spec"].update(replicas=replicas))

    def set_image(self, name: str, image: str) -> None:
        """Roll a deployment out to another image."""

        def change(obj: Object) -> None:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

        self.change("deployments.apps", name, change)

    def rolled_out(self, name: str = "house") -> bool:
        """As ``kubectl rollout status`` judges it."""
        deployment = self.deployment(name)
        status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
        return bool(
            status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
            and status.get("updatedReplicas", 0) == wanted
            and status.get("replicas", 0) == wanted
            and status.get("availableReplicas", 0) == wanted
        )

    def events(self, reason: str) -> list[Object]:
        """Events with that reason, in any namespace."""
        return [event for event in self.store.list("events") if event["reason"] == reason]

    async def log(self, pod: str = "p", **options: Any) -> str:
        """A container's log."""
        pieces = await self.running.kubelet.read_logs(self.pod(pod), **options)
        return b"".join([piece async for piece in pieces]).decode()


@contextlib.asynccontextmanager
async def machinery(
    data_dir: Path, *, nodes: Sequence[NodeSpec] = ROOMY, store: Store | None = None, timing: Timing = FAST
) -> AsyncIterator[Machinery]:
    """A running one; every process has ended afterwards."""
    store = store or Store()
    registry = Registry(store)
    running = await controllers.start(store, registry, data_dir=data_dir, nodes=nodes, timing=timing)
    try:
        await until(lambda: store.find("serviceaccounts", "default", "default"))
        yield Machinery(store, registry, running)
    finally:
        await running.stop()


async def until(holds: Callable[[], Any], *, seconds: float = 15.0) -> Any:
    """Wait until it holds and return what it gave; an assertion fails when it never does."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


def a_container(image: str = "local/house:1.0", **more: Any) -> Object:
    """A container with a readiness probe."""
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1}
    made: Object = {
        "name": "server",
        "image": image,
        "ports": [{"name": "http", "containerPort": 5001}],
        "readinessProbe": probe,
    }
    return {**made, **more}


def a_pod(name: str = "p", *, spec: Object | None = None, **container: Any) -> Object:
    """A pod of one container; ``spec`` adds to the pod's."""
    own = {"terminationGracePeriodSeconds": 2, "containers": [a_container(**container)], **(spec or {})}
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": name}}, "spec": own}


def a_deployment(
    name: str = "house", *, replicas: int = 2, spec: Object | None = None, **container: Any
) -> Object:
    """A deployment of pods of one container; ``spec`` adds to the deployment's."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [a_container(**container)]},
    }
    own = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template,
        **(spec or {}),
    }
    return {"metadata": {"name": name, "namespace": "default"}, "spec": own}


def a_service(name: str = "house", **spec: Any) -> Object:
    """A node-port service in front of the pods labelled ``app=name``."""
    ports = [{"port": 5001, "targetPort": "http"}]
    own = {"type": "NodePort", "selector": {"app": name}, "ports": ports, **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": own}

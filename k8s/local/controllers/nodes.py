"""The nodes of the local cluster: declared, registered, and kept alive by heartbeats."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
import yaml

from k8s.local.kubelet.context import HOST_ADDRESS, Context
from k8s.local.kubelet.images import ImageStore
from k8s.local.store import Object, timestamp

VERSION: Final = "v1.36.2"
LEASES: Final = "leases.coordination.k8s.io"
LEASE_NAMESPACE: Final = "kube-node-lease"
LEASE_SECONDS: Final = 40
RENEW_SECONDS: Final = 10.0
STATUS_SECONDS: Final = 300.0
_PRESSURES: Final = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


@dataclass(frozen=True)
class NodeSpec:
    """One node as declared. Quantities are Kubernetes', by default what this machine has.

    ``extended`` are counted resources such as ``nvidia.com/gpu``: nothing real is behind them.
    """

    name: str
    cpu: str = ""
    memory: str = ""
    pods: int = 110
    extended: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()
    #: Its pods run no process (see kubelet/hollow.py).
    hollow: bool = False

    def capacity(self) -> dict[str, str]:
        """As in the node's status."""
        return {
            "cpu": self.cpu or str(os.cpu_count() or 1),
            "memory": self.memory or f"{psutil.virtual_memory().total // 1024}Ki",
            "ephemeral-storage": f"{psutil.disk_usage('/').total // 1024}Ki",
            "pods": str(self.pods),
            **self.extended,
        }


DEFAULT_NODES: Final = (
    NodeSpec("local-1"),
    NodeSpec("local-2"),
    NodeSpec("local-gpu-1", extended={"nvidia.com/gpu": "2"}, labels={"nvidia.com/gpu.present": "true"}),
)


def load_nodes(path: Path | None) -> list[NodeSpec]:
    """Nodes from a YAML or JSON file; None gives the default three.

    The file is a list of objects with NodeSpec's fields, or an object with that list as ``nodes``.

    Raises:
        ValueError: the file does not describe nodes.
    """
    if path is None:
        return list(DEFAULT_NODES)
    text = path.read_text(encoding="utf-8")
    listed: Any = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    if isinstance(listed, dict):
        listed = listed.get("nodes")
    try:
        return [_node_spec(dict(entry)) for entry in listed]
    except (TypeError, KeyError) as problem:
        raise ValueError(f"{path}: expected a list of nodes: {problem}") from problem


def _node_spec(entry: dict[str, Any]) -> NodeSpec:
    known = {"name", "cpu", "memory", "pods", "extended", "labels", "taints", "hollow"}
    if unknown := sorted(set(entry) - known):
        raise TypeError(f"unknown fields {unknown}")
    return NodeSpec(
        name=str(entry["name"]),
        cpu=str(entry.get("cpu", "")),
        memory=str(entry.get("memory", "")),
        pods=int(entry.get("pods", 110)),
        extended={name: str(count) for name, count in (entry.get("extended") or {}).items()},
        labels={name: str(value) for name, value in (entry.get("labels") or {}).items()},
        taints=tuple(entry.get("taints") or ()),
        hollow=bool(entry.get("hollow", False)),
    )


class Nodes:
    """Registers the nodes and says from time to time that they live."""

    def __init__(self, context: Context, specs: Sequence[NodeSpec]) -> None:
        self._context = context
        self._store = context.store
        self._specs = specs
        self._images = context.images
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Register the nodes; remove those that are no longer declared."""
        names = {spec.name for spec in self._specs}
        for node in self._store.list("nodes"):
            if node["metadata"]["name"] not in names:
                self._store.remove("nodes", "", node["metadata"]["name"])
        for spec in self._specs:
            self._register(spec)
        self._task = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """No more heartbeats."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _register(self, spec: NodeSpec) -> None:
        if self._store.find("nodes", "", spec.name) is None:
            made = {
                "metadata": {"name": spec.name, "labels": _labels(spec)},
                "spec": {"taints": [dict(taint) for taint in spec.taints]} if spec.taints else {},
            }
            self._store.create("nodes", made, manager="kubelet")
        self._write_status(spec)

    async def _keep_alive(self) -> None:
        rounds = 0
        while True:
            for spec in self._specs:
                if spec.name in self._context.silent_nodes:
                    continue
                self._renew_lease(spec.name)
                if rounds and rounds % int(STATUS_SECONDS / RENEW_SECONDS) == 0:
                    self._write_status(spec)
            rounds += 1
            await asyncio.sleep(self._context.timing.heartbeat)

    def say_alive(self, name: str) -> None:
        """The node's kubelet has come back: what it says first."""
        for spec in self._specs:
            if spec.name == name:
                was_ready = self._is_ready(name)
                self._renew_lease(name)
                self._write_status(spec)
                if not was_ready and (node := self._store.find("nodes", "", name)) is not None:
                    told = f"Node {name} status is now: NodeReady"
                    self._context.events.emit(node, "Normal", "NodeReady", told, by="kubelet")

    def _is_ready(self, name: str) -> bool:
        conditions = (self._store.find("nodes", "", name) or {}).get("status", {}).get("conditions") or ()
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _write_status(self, spec: NodeSpec) -> None:
        def change(node: Object) -> None:
            node["metadata"].setdefault("labels", {}).update(_labels(spec))
            node["status"] = _status(spec, self._images, node.get("status", {}))

        # A node that somebody has deleted comes back at the next start.
        if self._store.find("nodes", "", spec.name) is not None:
            self._store.update("nodes", "", spec.name, change, manager="kubelet", subresource="status")

    def _renew_lease(self, name: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if self._store.find("namespaces", "", LEASE_NAMESPACE) is None:
            return
        if self._store.find(LEASES, LEASE_NAMESPACE, name) is None:
            spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
            lease = {"metadata": {"name": name, "namespace": LEASE_NAMESPACE}, "spec": spec}
            self._store.create(LEASES, lease, manager="kubelet")
            return

        def change(lease: Object) -> None:
            lease["spec"]["renewTime"] = now

        self._store.update(LEASES, LEASE_NAMESPACE, name, change, manager="kubelet")


def _labels(spec: NodeSpec) -> dict[str, str]:
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "beta.kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": "linux",
        **spec.labels,
    }


def _status(spec: NodeSpec, images: ImageStore, old: Object) -> Object:
    capacity = spec.capacity()
    return {
        "addresses": [
            {"type": "InternalIP", "address": HOST_ADDRESS},
            {"type": "Hostname", "address": spec.name},
        ],
        "capacity": capacity,
        "allocatable": dict(capacity),
        "conditions": _conditions(old),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        "images": [
            {"names": [image.reference], "sizeBytes": image.size_bytes} for image in images.images.values()
        ],
        "nodeInfo": {
            "architecture": _labels(spec)["kubernetes.io/arch"],
            "bootID": "",
            "containerRuntimeVersion": "local://1.0",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "machineID": spec.name,
            "operatingSystem": "linux",
            "osImage": "local cluster",
            "systemUUID": spec.name,
        },
    }


def _conditions(old: Object) -> list[Object]:
    known = {(entry["type"], entry["status"]): entry for entry in old.get("conditions") or ()}
    now = timestamp()
    rows = [(kind, "False", reason, told) for kind, reason, told in _PRESSURES]
    rows.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": told,
            "lastHeartbeatTime": now,
            "lastTransitionTime": known.get((kind, status), {}).get("lastTransitionTime", now),
        }
        for kind, status, reason, told in rows
    ]

"""What every pod on this machine shares: the store, the images, the folders, the clock's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from k8s.local.events import Events
from k8s.local.kubelet.images import ImageStore
from k8s.local.kubelet.logs import LogFile
from k8s.local.kubelet.process import ProcessLedger
from k8s.local.kubelet.sandbox import PodAddresses, Sandboxes, Users
from k8s.local.store import Object, Store

HOST_ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True)
class Timing:
    """Seconds; the defaults are a real kubelet's."""

    back_off: float = 10.0
    back_off_limit: float = 300.0
    #: A run this long makes the next crash a first one again.
    forgive_after: float = 600.0
    #: How often a container whose configuration is missing is tried again.
    config_retry: float = 5.0
    memory_check: float = 1.0
    #: How often the use of CPU and memory is measured.
    measure: float = 15.0
    #: How often an autoscaler looks.
    autoscale: float = 15.0
    #: How often a node says that it lives, and how often somebody looks whether it still does.
    heartbeat: float = 10.0
    node_check: float = 5.0
    #: A node that has been silent for so long is NotReady.
    node_grace: float = 50.0

    def crash_delay(self, crashes: int) -> float:
        """Before restart number ``crashes`` + 1: nothing, then 10 s, 20 s, 40 s ... 5 min."""
        if crashes == 0:
            return 0.0
        return float(min(self.back_off * 2 ** (crashes - 1), self.back_off_limit))

    def pull_delay(self, failures: int) -> float:
        """After that many failed pulls in a row: 10 s, 20 s ... 5 min."""
        return float(min(self.back_off * 2 ** max(0, failures - 1), self.back_off_limit))


@dataclass
class Context:
    """Shared by the workers of all pods."""

    store: Store
    events: Events
    images: ImageStore
    sandboxes: Sandboxes
    addresses: PodAddresses
    users: Users
    ledger: ProcessLedger
    log_root: Path
    timing: Timing
    #: Logs being written, by path.
    open_logs: dict[Path, LogFile] = field(default_factory=dict)
    #: Nodes whose kubelet has been stopped: it tells nothing and does nothing.
    silent_nodes: set[str] = field(default_factory=set)

    def is_silent(self, pod: Object) -> bool:
        """Whether the kubelet of the pod's node has been stopped."""
        return pod["spec"].get("nodeName", "") in self.silent_nodes

    def emit(self, pod: Object, kind: str, reason: str, message: str, *, field: str = "") -> None:
        """An event about a pod, unless its kubelet has been stopped; see ``Events.emit``."""
        if not self.is_silent(pod):
            self.events.emit(pod, kind, reason, message, by="kubelet", field=field)

    def log_folder(self, pod: Object) -> Path:
        """Where the logs of a pod are kept."""
        meta = pod["metadata"]
        return self.log_root / f"{meta['namespace']}_{meta['name']}_{meta['uid']}"

    def log_path(self, pod: Object, container: str, restarts: int) -> Path:
        """The log of one run of a container."""
        return self.log_folder(pod) / container / f"{restarts}.log"

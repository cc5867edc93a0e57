"""The cells of a pod: its status in one word, worked out as the API server does for kubectl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from k8s.local.server.durations import age
from k8s.local.store import Object


@dataclass
class Summary:
    """What the containers' states add up to."""

    reason: str
    restarts: int = 0
    last_restart: str = ""
    ready: int = 0

    def count(self, status: dict[str, Any]) -> None:
        """Add one container's restarts."""
        self.restarts += status.get("restartCount", 0)
        ended = status.get("lastState", {}).get("terminated", {}).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, ended)


def pod_cells(pod: Object) -> list[Any]:
    """Name, ready, status, restarts, age; and for -o wide IP, node, nominated node and readiness gates."""
    spec, status, meta = pod.get("spec", {}), pod.get("status", {}), pod["metadata"]
    found = summary(pod)
    restarts = str(found.restarts)
    if found.restarts and found.last_restart:
        restarts += f" ({age(found.last_restart)} ago)"
    ready = f"{found.ready}/{len(spec.get('containers', []))}"
    wide = [status.get("podIP"), spec.get("nodeName"), status.get("nominatedNodeName"), _gates(spec, status)]
    told = [value or "<none>" for value in wide]
    return [meta["name"], ready, found.reason, restarts, age(meta.get("creationTimestamp")), *told]


def _gates(spec: dict[str, Any], status: dict[str, Any]) -> str:
    gates = spec.get("readinessGates", [])
    if not gates:
        return ""
    return f"{sum(_condition(status, gate['conditionType']) for gate in gates)}/{len(gates)}"


def _condition(status: dict[str, Any], name: str) -> bool:
    return any(each["type"] == name and each["status"] == "True" for each in status.get("conditions", []))


def summary(pod: Object) -> Summary:
    """The pod's status in one word, its restarts and how many containers are ready."""
    status, meta = pod.get("status", {}), pod["metadata"]
    found = Summary(status.get("reason") or status.get("phase", "Unknown"))
    initializing = _init_containers(pod, found)
    if not initializing or _condition(status, "Initialized"):
        found = _containers(status, Summary(found.reason))
    if meta.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            found.reason = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            found.reason = "Terminating"
    return found


def _init_containers(pod: Object, found: Summary) -> bool:
    declared = pod.get("spec", {}).get("initContainers", [])
    for index, status in enumerate(pod.get("status", {}).get("initContainerStatuses", [])):
        found.count(status)
        state = status.get("state", {})
        terminated, waiting = state.get("terminated"), state.get("waiting", {})
        if terminated is not None:
            if terminated.get("exitCode") == 0:
                continue
            found.reason = f"Init:{_ended(terminated)}"
        elif waiting.get("reason") not in (None, "", "PodInitializing"):
            found.reason = f"Init:{waiting['reason']}"
        else:
            found.reason = f"Init:{index}/{len(declared)}"
        return True
    return False


def _ended(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _containers(status: dict[str, Any], found: Summary) -> Summary:
    running = False
    for each in reversed(status.get("containerStatuses", [])):
        found.count(each)
        state = each.get("state", {})
        if state.get("waiting", {}).get("reason"):
            found.reason = state["waiting"]["reason"]
        elif "terminated" in state:
            found.reason = _ended(state["terminated"])
        elif each.get("ready") and "running" in state:
            running = True
            found.ready += 1
    if found.reason == "Completed" and running:
        found.reason = "Running" if _condition(status, "Ready") else "NotReady"
    return found

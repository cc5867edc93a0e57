"""What a pod's containers are doing, told as a pod status. Pure: records in, status out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from k8s.local.store import Object, timestamp

WAITING_FOR_START: Final[Object] = {"waiting": {"reason": "ContainerCreating"}}
WAITING_FOR_INIT: Final[Object] = {"waiting": {"reason": "PodInitializing"}}


@dataclass
class ContainerRecord:
    """What the kubelet knows of one container. ``state`` and ``last`` are as in the API."""

    spec: Object
    init: bool = False
    state: Object = field(default_factory=lambda: dict(WAITING_FOR_START))
    last: Object = field(default_factory=dict)
    restarts: int = 0
    image_id: str = ""
    container_id: str = ""
    ready: bool = False
    started: bool = False
    #: Nothing will start it again.
    finished: bool = False

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def exit_code(self) -> int | None:
        """Of the run that has ended; None while it waits or runs."""
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    def as_status(self) -> Object:
        """One entry of containerStatuses."""
        status: Object = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.spec["image"],
            "imageID": self.image_id,
            "started": self.started,
        }
        if self.container_id:
            status["containerID"] = self.container_id
            status["resources"] = self.spec.get("resources") or {}
            requests = status["resources"].get("requests")
            if requests:
                status["allocatedResources"] = requests
        return status


def pod_phase(policy: str, init: list[ContainerRecord], main: list[ContainerRecord]) -> str:
    """Pending, Running, Succeeded or Failed, by the rules of a kubelet."""
    if any(record.finished and record.exit_code for record in init):
        return "Failed"
    if any(record.exit_code != 0 for record in init):
        return "Pending"
    if any("waiting" in record.state and "terminated" not in record.last for record in main):
        return "Pending"
    if any("running" in record.state for record in main) or policy == "Always":
        return "Running"
    codes = [record.exit_code for record in main]
    if all(code == 0 for code in codes):
        return "Succeeded"
    return "Failed" if all(record.finished for record in main) else "Running"


def write_status(
    pod: Object, init: list[ContainerRecord], main: list[ContainerRecord], *, address: str, host: str
) -> None:
    """Bring ``pod["status"]`` up to date in place. ``address`` is "" before the pod has one."""
    status = pod.setdefault("status", {})
    policy = pod["spec"].get("restartPolicy", "Always")
    status["phase"] = pod_phase(policy, init, main)
    status.setdefault("startTime", timestamp())
    status["hostIP"], status["hostIPs"] = host, [{"ip": host}]
    if address:
        status["podIP"], status["podIPs"] = address, [{"ip": address}]
    status["containerStatuses"] = [record.as_status() for record in main]
    if init:
        status["initContainerStatuses"] = [record.as_status() for record in init]
    generation = pod["metadata"].get("generation")
    if generation:
        status["observedGeneration"] = generation
    _write_conditions(status, init, main, bool(address), generation)


def _write_conditions(
    status: Object,
    init: list[ContainerRecord],
    main: list[ContainerRecord],
    has_address: bool,
    generation: int | None,
) -> None:
    over = status["phase"] in ("Succeeded", "Failed")
    set_condition(status, "PodReadyToStartContainers", has_address and not over, generation=generation)
    incomplete = [record.name for record in init if record.exit_code != 0]
    if incomplete:
        told = f"containers with incomplete status: [{' '.join(incomplete)}]"
        set_condition(status, "Initialized", False, "ContainersNotInitialized", told, generation)
    else:
        reason = "PodCompleted" if status["phase"] == "Succeeded" else ""
        set_condition(status, "Initialized", True, reason, generation=generation)
    unready = [record.name for record in main if not record.ready]
    for kind in ("Ready", "ContainersReady"):
        if over:
            reason = "PodCompleted" if status["phase"] == "Succeeded" else "PodFailed"
            set_condition(status, kind, False, reason, generation=generation)
        elif unready:
            told = f"containers with unready status: [{' '.join(unready)}]"
            set_condition(status, kind, False, "ContainersNotReady", told, generation)
        else:
            set_condition(status, kind, True, generation=generation)


def set_condition(
    status: Object, kind: str, holds: bool, reason: str = "", message: str = "", generation: int | None = None
) -> None:
    """Set one condition in place; its transition time moves only when its status does."""
    conditions: list[dict[str, Any]] = status.setdefault("conditions", [])
    old = next((condition for condition in conditions if condition["type"] == kind), None)
    word = "True" if holds else "False"
    new: Object = {"type": kind, "status": word, "lastProbeTime": None}
    new["lastTransitionTime"] = old["lastTransitionTime"] if old and old["status"] == word else timestamp()
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    if generation:
        new["observedGeneration"] = generation
    if old is None:
        conditions.append(new)
    else:
        conditions[conditions.index(old)] = new


def restored(pod: Object, spec: Object, *, init: bool = False) -> ContainerRecord:
    """The record of a container whose node has come back: what ran then counts as ended."""
    record = ContainerRecord(spec, init)
    field_name = "initContainerStatuses" if init else "containerStatuses"
    known = pod.get("status", {}).get(field_name) or ()
    old = next((status for status in known if status["name"] == record.name), None)
    if old is None or not old.get("containerID"):
        return record
    record.restarts = old["restartCount"] + 1
    record.image_id, record.container_id = old["imageID"], old["containerID"]
    ended = old["state"].get("terminated") or old["lastState"].get("terminated")
    if "running" in old["state"]:
        ended = {
            "exitCode": 255,
            "reason": "Unknown",
            "startedAt": old["state"]["running"].get("startedAt"),
            "finishedAt": timestamp(),
            "containerID": record.container_id,
        }
    record.last = {"terminated": ended} if ended else {}
    return record

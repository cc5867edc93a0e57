"""What the pods of a Job say about it: how many ended how, which indexes are done, whether it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from k8s.local.controllers.pods import condition, is_ready
from k8s.local.store import Object, timestamp

INDEX: Final = "batch.kubernetes.io/job-completion-index"
#: Kept on every pod of a Job until it has been counted, so that none goes uncounted.
TRACKING: Final = "batch.kubernetes.io/job-tracking"
#: Reason of a verdict -> the message that goes with it.
MESSAGES: Final = {
    "CompletionsReached": "Reached expected number of succeeded pods",
    "BackoffLimitExceeded": "Job has reached the specified backoff limit",
    "DeadlineExceeded": "Job was active longer than specified deadline",
}


@dataclass
class Tally:
    """The pods of a Job: at work, on their way out, and those that have ended and are not counted yet."""

    active: list[Object] = field(default_factory=list)
    terminating: list[Object] = field(default_factory=list)
    succeeded: list[Object] = field(default_factory=list)
    failed: list[Object] = field(default_factory=list)


def tally(job: Object, pods: Iterable[Object]) -> Tally:
    """Sort the pods of a Job.

    A pod that is being deleted has failed, unless the Job replaces only what has really ended
    (``podReplacementPolicy: Failed``), or the Job has succeeded without it.
    """
    found = Tally()
    waits = job["spec"].get("podReplacementPolicy") == "Failed"
    won = holds(job, "SuccessCriteriaMet")
    for pod in pods:
        phase = pod.get("status", {}).get("phase")
        leaving = "deletionTimestamp" in pod["metadata"]
        counted = TRACKING not in pod["metadata"].get("finalizers", ())
        over = phase in ("Succeeded", "Failed")
        if leaving and not over:
            found.terminating.append(pod)
        elif not over:
            found.active.append(pod)
        if counted:
            continue
        if phase == "Succeeded":
            found.succeeded.append(pod)
        elif phase == "Failed" or (leaving and not waits and not won):
            found.failed.append(pod)
    return found


def holds(job: Object, kind: str) -> bool:
    """Whether the Job has this condition."""
    found = condition(job, kind)
    return found is not None and found["status"] == "True"


def is_over(job: Object) -> bool:
    """Complete or Failed."""
    return holds(job, "Complete") or holds(job, "Failed")


def is_indexed(job: Object) -> bool:
    """Each pod of it has an index of its own."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Object) -> int | None:
    """The completion index that a pod works on."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdigit() else None


def completed_indexes(job: Object) -> set[int]:
    """Indexes that are done, from the status ("0,2-4")."""
    found: set[int] = set()
    for part in filter(None, job.get("status", {}).get("completedIndexes", "").split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def spelled_indexes(indexes: Iterable[int]) -> str:
    """As the status has them: {0, 2, 3, 4} -> "0,2-4"."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def seconds_since(moment: str) -> float:
    """How long ago that was."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def verdict(job: Object, counted: Tally) -> str:
    """Why the Job is decided (a key of MESSAGES), or "" while it is not. The status must be up to date."""
    spec, status = job["spec"], job["status"]
    failed, succeeded = status.get("failed", 0), status.get("succeeded", 0)
    limit = spec.get("backoffLimit", 6)
    if failed > limit or _restarted_too_often(job, counted.active):
        return "BackoffLimitExceeded"
    if seconds_to_deadline(job) == 0:
        return "DeadlineExceeded"
    wanted = spec.get("completions")
    if wanted is None:
        return "CompletionsReached" if succeeded and not counted.active else ""
    return "CompletionsReached" if succeeded >= wanted else ""


def _restarted_too_often(job: Object, active: list[Object]) -> bool:
    """With ``restartPolicy: OnFailure`` a failure is a restart of a container, not a pod that failed."""
    spec = job["spec"]
    if spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts: int = sum(
        container.get("restartCount", 0)
        for pod in active
        for group in ("initContainerStatuses", "containerStatuses")
        for container in pod.get("status", {}).get(group) or ()
    )
    limit: int = spec.get("backoffLimit", 6)
    return restarts > 0 if limit == 0 else restarts >= limit


def seconds_to_deadline(job: Object) -> float | None:
    """Until activeDeadlineSeconds run out; None without such a deadline."""
    deadline, started = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
    if deadline is None or not started or job["spec"].get("suspend"):
        return None
    return float(max(0.0, deadline - seconds_since(started)))


def set_condition(status: Object, kind: str, reason: str, message: str, *, holds: bool = True) -> None:
    """Add a condition to a Job's status, or change it in place."""
    conditions = [each for each in status.get("conditions") or () if each["type"] != kind]
    now = timestamp()
    conditions.append(
        {
            "type": kind,
            "status": "True" if holds else "False",
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
    )
    status["conditions"] = conditions


def count_pods(status: Object, job: Object, counted: Tally) -> None:
    """Write the counters into a status: what has newly ended is added to what was counted before."""
    succeeded = len(counted.succeeded)
    if is_indexed(job):
        done = completed_indexes(job)
        done |= {index for pod in counted.succeeded if (index := index_of(pod)) is not None}
        done = {index for index in done if index < job["spec"].get("completions", 0)}
        if done:
            status["completedIndexes"] = spelled_indexes(done)
        succeeded = len(done) - status.get("succeeded", 0)
    counters = {
        "active": len(counted.active),
        "succeeded": status.get("succeeded", 0) + succeeded,
        "failed": status.get("failed", 0) + len(counted.failed),
    }
    for name, number in counters.items():
        # Zero counters are absent, except the two below.
        if number:
            status[name] = number
        else:
            status.pop(name, None)
    status["ready"] = sum(is_ready(pod) for pod in counted.active)
    status["terminating"] = len(counted.terminating)
    status["uncountedTerminatedPods"] = {}

"""Jobs: run pods until enough of them have succeeded, or too many have failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from k8s.local.controllers.job_status import (
    INDEX,
    MESSAGES,
    TRACKING,
    Tally,
    completed_indexes,
    count_pods,
    holds,
    index_of,
    is_indexed,
    is_over,
    seconds_since,
    seconds_to_deadline,
    set_condition,
    tally,
    verdict,
)
from k8s.local.controllers.loop import Controller, controller_of, key_of, owner_key, owner_reference
from k8s.local.controllers.pods import condition, random_suffix
from k8s.local.errors import ApiError
from k8s.local.events import Events
from k8s.local.registry import Registry
from k8s.local.store import Change, Key, Object, Store, clone, timestamp

KIND: Final = "jobs.batch"
MANAGER: Final = "kube-controller-manager"
COMPONENT: Final = "job-controller"
BACK_OFF_LIMIT_SECONDS: Final = 600.0
CREATE_RETRY_SECONDS: Final = 5.0
#: So many pods are made in one step, so that a big job does not hold up everybody else.
BURST: Final = 50


class JobController(Controller):
    """Converges the pods of each Job."""

    watches = (KIND, "pods")

    def __init__(
        self, store: Store, registry: Registry, events: Events, *, back_off_seconds: float = 10.0
    ) -> None:
        super().__init__(store)
        self._registry = registry
        self._events = events
        self._back_off_seconds = back_off_seconds
        #: Names of pods by the uid of the Job that controls them.
        self._owned: dict[str, set[str]] = {}
        #: By uid of the Job: failures in a row, and when the last one was seen (monotonic).
        self._setbacks: dict[str, tuple[int, float]] = {}

    def initial(self) -> Iterable[Key]:
        for pod in self.store.list("pods"):
            self._index(pod, gone=False)
        return [key_of(KIND, job) for job in self.store.list(KIND)]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.key[0] == KIND:
            return [change.key]
        self._index(change.object, gone=change.type == "DELETED")
        return owner_key(change.object, "Job", KIND)

    def _index(self, pod: Object, *, gone: bool) -> None:
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "Job":
            return
        names = self._owned.setdefault(owner["uid"], set())
        if gone:
            names.discard(pod["metadata"]["name"])
        else:
            names.add(pod["metadata"]["name"])
        if not names:
            del self._owned[owner["uid"]]

    def _pods(self, job: Object) -> list[Object]:
        meta = job["metadata"]
        names = sorted(self._owned.get(meta["uid"], ()))
        found = (self.store.find("pods", meta["namespace"], name) for name in names)
        return [pod for pod in found if pod is not None and _belongs(pod, job)]

    def reconcile(self, key: Key) -> float | None:
        job = self.store.find(*key)
        if job is None or "deletionTimestamp" in job["metadata"]:
            self._release_all(key, job)
            return None
        pods = self._pods(job)
        if is_over(job):
            for pod in pods:
                self._release(pod)
            return self._expire(key, job)
        if self._settle_suspension(key, job):
            return 0.0
        counted = tally(job, pods)
        job = self._count(key, job, counted)
        decided = _decided(job) or verdict(job, counted)
        if decided:
            return self._conclude(key, job, decided, counted)
        again = self._manage(job, counted)
        job = self._count(key, job, tally(job, self._pods(job)))
        return _soonest(again, seconds_to_deadline(job))

    # Counting

    def _count(self, key: Key, job: Object, counted: Tally) -> Object:
        """Add what has ended to the status, and let those pods go."""
        uid = job["metadata"]["uid"]
        if counted.failed:
            setbacks, _ = self._setbacks.get(uid, (0, 0.0))
            self._setbacks[uid] = (setbacks + len(counted.failed), time.monotonic())
        elif counted.succeeded:
            self._setbacks.pop(uid, None)

        def change(new: Object) -> None:
            status = new.setdefault("status", {})
            if not new["spec"].get("suspend"):
                status.setdefault("startTime", timestamp())
            count_pods(status, job, counted)

        found = self._write(key, change)
        for pod in (*counted.succeeded, *counted.failed):
            self._release(pod)
        return found

    def _write(self, key: Key, change: Callable[[Object], None]) -> Object:
        return self.store.update(*key, change, manager=MANAGER, subresource="status")

    def _release(self, pod: Object) -> None:
        """Take our finalizer off a pod: it has been counted, or need not be."""
        _, namespace, name = key_of("pods", pod)
        current = self.store.find("pods", namespace, name)
        if current is None or TRACKING not in current["metadata"].get("finalizers", ()):
            return

        def change(new: Object) -> None:
            kept = [one for one in new["metadata"]["finalizers"] if one != TRACKING]
            if kept:
                new["metadata"]["finalizers"] = kept
            else:
                del new["metadata"]["finalizers"]

        self.store.update("pods", namespace, name, change, manager=MANAGER)

    def _release_all(self, key: Key, job: Object | None) -> None:
        """Let go of the pods of a Job that is going or gone; the garbage collector sees to them."""
        alive = self.store.find(*key)
        for pod in self.store.list("pods", key[1]):
            owner = controller_of(pod)
            if owner is None or (owner["kind"], owner["name"]) != ("Job", key[2]):
                continue
            if job is not None or alive is None or owner["uid"] != alive["metadata"]["uid"]:
                self._release(pod)
        if job is not None:
            self._setbacks.pop(job["metadata"]["uid"], None)

    # Ending

    def _conclude(self, key: Key, job: Object, reason: str, counted: Tally) -> float | None:
        """Announce the verdict, stop what still runs, and seal it once nothing does."""
        won = reason == "CompletionsReached"
        target, final = ("SuccessCriteriaMet", "Complete") if won else ("FailureTarget", "Failed")

        def announce(new: Object) -> None:
            set_condition(new["status"], target, reason, MESSAGES[reason])

        if not holds(job, target):
            job = self._write(key, announce)
        for pod in counted.active:
            self._delete(job, pod)
        left = tally(job, self._pods(job))
        job = self._count(key, job, left)
        if left.active or left.terminating:
            return None  # their end is a change that brings us here again

        def seal(new: Object) -> None:
            status = new["status"]
            set_condition(status, final, reason, MESSAGES[reason])
            if won:
                status["completionTime"] = timestamp()

        self._write(key, seal)
        if won:
            self._events.emit(job, "Normal", "Completed", "Job completed", by=COMPONENT)
        else:
            self._events.emit(job, "Warning", reason, MESSAGES[reason], by=COMPONENT)
        self._setbacks.pop(job["metadata"]["uid"], None)
        return None

    def _expire(self, key: Key, job: Object) -> float | None:
        """Delete a finished Job when its ttlSecondsAfterFinished are over."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return None
        ended = condition(job, "Complete") or condition(job, "Failed")
        left = ttl - seconds_since(ended["lastTransitionTime"]) if ended else 0.0
        if left > 0:
            return float(left)
        self.store.delete(*key, propagation="Foreground", expect_uid=job["metadata"]["uid"])
        return None

    def _settle_suspension(self, key: Key, job: Object) -> bool:
        """Stop the pods of a suspended Job, or note that it goes on. True if that changed it."""
        wanted, suspended = bool(job["spec"].get("suspend")), holds(job, "Suspended")
        if wanted == suspended or (not wanted and condition(job, "Suspended") is None):
            return False
        reason, message = ("JobSuspended", "Job suspended") if wanted else ("JobResumed", "Job resumed")
        if wanted:
            for pod in tally(job, self._pods(job)).active:
                # Not counted: it did not fail, it was stopped.
                self._release(pod)
                self._delete(job, pod)

        def change(new: Object) -> None:
            status = new.setdefault("status", {})
            set_condition(status, "Suspended", reason, message, holds=wanted)
            if wanted:
                status.pop("startTime", None)
            else:
                status["startTime"] = timestamp()

        self._write(key, change)
        told = "Suspended" if wanted else "Resumed"
        self._events.emit(job, "Normal", told, message, by=COMPONENT)
        return True

    # Pods

    def _manage(self, job: Object, counted: Tally) -> float | None:
        """Start or stop pods; returns seconds until a pod may replace one that failed."""
        spec = job["spec"]
        if spec.get("suspend"):
            return None
        succeeded, completions = job["status"].get("succeeded", 0), spec.get("completions")
        parallel, active = spec.get("parallelism", 1), len(counted.active)
        if completions is not None:
            wanted = min(parallel, completions - succeeded)
        else:
            # A queue of work: once a pod has found it empty, no new one is needed.
            wanted = active if succeeded else parallel
        if spec.get("podReplacementPolicy") == "Failed":
            active += len(counted.terminating)
        for pod in _dispensable(counted.active, active - wanted):
            self._release(pod)
            self._delete(job, pod)
        missing = wanted - active
        if missing <= 0:
            return None
        delay = self._delay(job["metadata"]["uid"])
        if delay > 0:
            return delay
        try:
            self._create(job, min(missing, BURST), counted)
        except ApiError as problem:
            told = f"Error creating: {problem.message}"
            self._events.emit(job, "Warning", "FailedCreate", told, by=COMPONENT)
            return CREATE_RETRY_SECONDS
        return 0.0 if missing > BURST else None

    def _delay(self, uid: str) -> float:
        """Seconds to wait after failures in a row: 10, 20, 40 ... 600 since the last one."""
        setbacks, last = self._setbacks.get(uid, (0, 0.0))
        if not setbacks:
            return 0.0
        wait: float = min(self._back_off_seconds * 2.0 ** (min(setbacks, 20) - 1), BACK_OFF_LIMIT_SECONDS)
        return max(0.0, last + wait - time.monotonic())

    def _create(self, job: Object, count: int, counted: Tally) -> None:
        for index in _free_indexes(job, counted, count) if is_indexed(job) else [None] * count:
            made = self._registry.create("pods", _new_pod(job, index), manager=MANAGER)
            self._index(made, gone=False)
            told = f"Created pod: {made['metadata']['name']}"
            self._events.emit(job, "Normal", "SuccessfulCreate", told, by=COMPONENT)

    def _delete(self, job: Object, pod: Object) -> None:
        name = pod["metadata"]["name"]
        try:
            self.store.delete("pods", pod["metadata"]["namespace"], name, expect_uid=pod["metadata"]["uid"])
        except ApiError:
            return  # gone already
        self._events.emit(job, "Normal", "SuccessfulDelete", f"Deleted pod: {name}", by=COMPONENT)


def _belongs(pod: Object, job: Object) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["uid"] == job["metadata"]["uid"]


def _decided(job: Object) -> str:
    """The reason of a verdict that was announced before."""
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        found = condition(job, kind)
        if found is not None and found["status"] == "True":
            return str(found["reason"])
    return ""


def _dispensable(active: list[Object], count: int) -> list[Object]:
    """The pods that are stopped first when there are too many: not running yet, then the youngest."""
    young_first = sorted(active, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    ordered = sorted(young_first, key=lambda pod: pod.get("status", {}).get("phase") == "Running")
    return ordered[: max(0, count)]


def _free_indexes(job: Object, counted: Tally, count: int) -> list[int]:
    busy = {index_of(pod) for pod in (*counted.active, *counted.terminating)}
    if job["spec"].get("podReplacementPolicy") != "Failed":
        busy = {index_of(pod) for pod in counted.active}
    done = completed_indexes(job)
    free = (i for i in range(job["spec"]["completions"]) if i not in done and i not in busy)
    return [index for _, index in zip(range(count), free, strict=False)]


def _new_pod(job: Object, index: int | None) -> Object:
    meta, template = job["metadata"], clone(job["spec"]["template"])
    prefix = meta["name"] if index is None else f"{meta['name']}-{index}"
    made: Object = {
        "metadata": {
            **{k: v for k, v in template["metadata"].items() if k in ("labels", "annotations")},
            "name": f"{prefix[:57]}-{random_suffix()}",
            "generateName": f"{prefix}-",
            "namespace": meta["namespace"],
            "finalizers": [TRACKING],
            "ownerReferences": [owner_reference("Job", "batch/v1", job)],
        },
        "spec": template["spec"],
    }
    if index is not None:
        made["metadata"].setdefault("annotations", {})[INDEX] = str(index)
        made["metadata"].setdefault("labels", {})[INDEX] = str(index)
        made["spec"]["hostname"] = f"{meta['name'][:52]}-{index}"
        for group in ("initContainers", "containers"):
            for container in made["spec"].get(group, ()):
                _tell_index(container)
    return made


def _tell_index(container: Object) -> None:
    """JOB_COMPLETION_INDEX in the container's environment, unless the template says something itself."""
    variables = container.setdefault("env", [])
    if not any(each["name"] == "JOB_COMPLETION_INDEX" for each in variables):
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        variables.append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})


def _soonest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)

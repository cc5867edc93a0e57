"""Facts to the judgement shown to people. Pure; no clock, no cluster."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from k8s.facts import Condition, ContainerFacts, DeploymentFacts, PodFacts
from k8s.labels import TEMPLATE
from k8s.quantities import format_bytes

State = Literal["pending", "deploying", "running", "degraded", "failed", "paused", "deleting"]

# A server that has answered once and then does not for this long is not merely starting.
UNREADY_PATIENCE: Final = timedelta(seconds=15)
# Beyond the start-up check's own patience.
STARTUP_PATIENCE: Final = timedelta(seconds=30)
# The first crash may be a start-up race; the second is a habit.
CRASHES: Final = 2
# A server that keeps ending is up for a moment each time: that is no sign of health yet.
STEADY_AFTER: Final = timedelta(seconds=30)
_MESSAGE_CHARACTERS: Final = 400
IMAGE_REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
START_REASONS: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
        "ContainerCannotRun",
    }
)
# Whether it is tried just now or backs off, the reason itself comes last and stays the same.
_ON_THE_WAY: Final = re.compile(
    r'^.*(?:failed to resolve reference|failed to pull and unpack image) "[^"]*": ', re.S
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a pod does not serve: in plain words, and Kubernetes' own reason word for word."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status word of the house and a sentence; `reason` is Kubernetes' own, "" when all is well.

    `ready` counts pods that serve, of any template; `updated` those of the newest template that exist.
    """

    state: State
    message: str
    ready: int
    updated: int
    reason: str = ""


def judge(
    deployment: DeploymentFacts | None,
    pods: Sequence[PodFacts],
    *,
    wanted: int,
    expected_revision: int,
    now: datetime,
) -> Judgement:
    """How a deployment is, by what the cluster says of it and of its pods.

    `wanted` and `expected_revision` are those of the newest applied wish.
    `running` needs as many pods of the newest template ready, by their own
    conditions, as are wanted, and no others left. Anything that prevents a pod
    from serving is `degraded` while some pod serves and `failed` when none does.
    """
    alive = [pod for pod in pods if is_alive(pod)]
    ready = sum(pod.ready for pod in alive)
    if deployment is None:
        return Judgement("pending", "not on the cluster yet", ready, 0)
    newest = [pod for pod in alive if is_newest(deployment, pod)]
    updated = len(newest)
    if deployment.deleting_since is not None:
        return Judgement("deleting", f"being deleted: {_pods(len(pods))} left", ready, updated)
    counted = f"{min(ready, wanted)} of {wanted} replicas ready"
    if not _seen(deployment, wanted, expected_revision):
        return Judgement("deploying", f"{counted}: the newest change is being rolled out", ready, updated)
    if wanted == 0:
        return _stopped(alive, ready, updated)
    newest_ready = sum(pod.ready and not is_unsteady(pod, now) for pod in newest)
    if newest_ready >= wanted and len(alive) == len(newest) == wanted:
        return Judgement("running", counted, ready, updated)
    problem = _worst(deployment, newest, wanted, now)
    if problem is not None:
        serves = any(pod.ready and not is_unsteady(pod, now) for pod in alive)
        state: State = "degraded" if serves else "failed"
        return Judgement(state, _sentence(counted, problem), ready, updated, problem.reason)
    return Judgement(
        "deploying", _progress(counted, len(alive), updated, newest_ready, wanted), ready, updated
    )


def is_alive(pod: PodFacts) -> bool:
    """Neither being deleted nor at its end; an evicted pod, for instance, has already been replaced."""
    return pod.deleting_since is None and pod.phase not in ("Failed", "Succeeded")


def is_unsteady(pod: PodFacts, now: datetime) -> bool:
    """Whether a pod that is ready has ended so often, and come up so lately, that it will hardly last."""
    return any(has_just_come_back(container, now) for container in pod.containers if not container.is_init)


def has_just_come_back(container: ContainerFacts, now: datetime) -> bool:
    """Whether a container runs that has ended more than once, and has not run for long."""
    is_back = container.state == "running" and container.restarts >= CRASHES
    return is_back and container.started_at is not None and now - container.started_at < STEADY_AFTER


def is_newest(deployment: DeploymentFacts, pod: PodFacts) -> bool:
    """Whether a pod was made from the Deployment's present template."""
    return pod.labels.get(TEMPLATE, "") == deployment.template


def is_stuck(deployment: DeploymentFacts, *, expected_revision: int) -> bool:
    """Whether the rollout of that revision has made no progress for as long as its deadline allows."""
    if deployment.revision != expected_revision or deployment.observed_generation < deployment.generation:
        return False
    progressing = _condition(deployment.conditions, "Progressing")
    return progressing is not None and progressing.reason == "ProgressDeadlineExceeded"


def reason_of(pod: PodFacts) -> str:
    """One word for a pod's row, as `kubectl get pods` says it: "OOMKilled", "Terminating"; "" when well."""
    if pod.deleting_since is not None:
        return "Terminating"
    if pod.reason:
        return pod.reason
    for container in pod.containers:
        if container.state == "waiting" or (container.state == "terminated" and container.exit_code):
            if container.is_init and container.reason != "PodInitializing":
                return f"Init:{container.reason}"
            if not container.is_init:
                return container.reason
    unscheduled = _condition(pod.conditions, "PodScheduled")
    if unscheduled is not None and not unscheduled.holds:
        return unscheduled.reason
    return ""


def problem_of(pod: PodFacts, now: datetime) -> Problem | None:
    """What keeps a pod from serving, None when it serves or is only starting."""
    if pod.ready:
        return _comeback(pod, now)
    unscheduled = _condition(pod.conditions, "PodScheduled")
    if unscheduled is not None and unscheduled.reason == "Unschedulable":
        return Problem("Unschedulable", f"no node has room for it: {unscheduled.message}")
    for container in pod.containers:
        problem = _container_problem(pod, container)
        if problem is not None:
            return problem
    return _unready_problem(pod, now)


def _comeback(pod: PodFacts, now: datetime) -> Problem | None:
    for container in pod.containers:
        if not container.is_init and has_just_come_back(container, now):
            crash = _crash(pod, container, "the server")
            return Problem(crash.reason, f"up again for the moment, but {crash.text}")
    return None


def _container_problem(pod: PodFacts, container: ContainerFacts) -> Problem | None:
    what = "its preparation" if container.is_init else "the server"
    if container.reason in IMAGE_REASONS:
        why = _ON_THE_WAY.sub("", container.message)
        return Problem(container.reason, f"the image {container.image} cannot be pulled: {why}".rstrip(": "))
    if container.reason in START_REASONS:
        return Problem(container.reason, f"{what} cannot be started: {container.message}".rstrip(": "))
    if container.reason == "CrashLoopBackOff" or crashes(container):
        return _crash(pod, container, what)
    return None


def crashes(container: ContainerFacts) -> bool:
    """Whether a container keeps ending, by its restarts and its last end."""
    # CrashLoopBackOff itself is hardly ever visible since 1.36: between two
    # runs the state stays `terminated`, and during one it is `running`.
    if container.is_init and container.state == "terminated" and container.exit_code == 0:
        return False
    ended_again = container.state == "terminated" and container.restarts >= 1
    return ended_again or (container.restarts >= CRASHES and not container.ready)


def _crash(pod: PodFacts, container: ContainerFacts, what: str) -> Problem:
    ended_now = container.state == "terminated"
    reason = container.reason if ended_now else container.last_reason
    code = container.exit_code if ended_now else container.last_exit_code
    restarted = f"restarted {container.restarts} {'time' if container.restarts == 1 else 'times'}"
    if reason == "OOMKilled":
        limit = f" of {format_bytes(pod.memory_limit)}" if pod.memory_limit else ""
        text = f"{what} used more memory than its limit{limit} and was stopped ({reason}, {restarted})"
        return Problem(reason, text)
    with_code = f" with exit code {code}" if code is not None else ""
    word = reason if reason not in ("", "Error", "Completed") else "CrashLoopBackOff"
    return Problem(word, f"{what} keeps ending{with_code} ({word}, {restarted})")


def _unready_problem(pod: PodFacts, now: datetime) -> Problem | None:
    ready = _condition(pod.conditions, "Ready")
    servers = [container for container in pod.containers if not container.is_init]
    if ready is None or not servers or not all(c.state == "running" and c.started for c in servers):
        return None
    if all(container.ready for container in servers):
        # The node's own word is from before it fell silent.
        return Problem("NodeNotReady", f"its node {pod.node} does not answer")
    started = max((c.started_at for c in servers if c.started_at), default=now)
    # Never ready in this run: it may have passed its start-up check a moment
    # ago, and nothing says when. Ready before: the condition says when it ended.
    lost_at = ready.since if ready.since is not None and ready.since > started else None
    may_start = STARTUP_PATIENCE + timedelta(seconds=pod.start_seconds)
    if now < (lost_at + UNREADY_PATIENCE if lost_at else started + may_start):
        return None
    return Problem(ready.reason or "Unhealthy", "the server runs but fails its readiness check")


def _worst(
    deployment: DeploymentFacts, newest: Sequence[PodFacts], wanted: int, now: datetime
) -> Problem | None:
    refused = _condition(deployment.conditions, "ReplicaFailure")
    if refused is not None and refused.holds and len(newest) < wanted:
        return Problem(refused.reason, f"the cluster refuses to create pods: {refused.message}")
    for pod in newest:
        problem = problem_of(pod, now)
        if problem is not None:
            return problem
    if is_stuck(deployment, expected_revision=deployment.revision):
        return Problem("ProgressDeadlineExceeded", "the rollout has stopped making progress")
    return None


def _seen(deployment: DeploymentFacts, wanted: int, expected_revision: int) -> bool:
    # The controller has not seen the newest spec, or we have not seen it arrive:
    # counts and conditions describe the old one. Do not trust them.
    if deployment.observed_generation < deployment.generation:
        return False
    return deployment.wanted_replicas == wanted and deployment.revision == expected_revision


def _stopped(alive: Sequence[PodFacts], ready: int, updated: int) -> Judgement:
    if alive:
        return Judgement("deploying", f"stopping: {_pods(len(alive))} left", ready, updated)
    return Judgement("paused", "no replicas wanted", ready, updated)


def _progress(counted: str, alive: int, updated: int, newest_ready: int, wanted: int) -> str:
    if newest_ready >= wanted:
        return f"{counted}: {_pods(alive - wanted)} still to stop"
    return f"{counted}: {newest_ready} of {wanted} updated" if alive > updated else counted


def _sentence(counted: str, problem: Problem) -> str:
    text = f"{counted}: {problem.text}"
    if problem.reason and problem.reason not in text:
        text = f"{text} ({problem.reason})"
    return text if len(text) <= _MESSAGE_CHARACTERS else text[: _MESSAGE_CHARACTERS - 1] + "…"


def _condition(conditions: Sequence[Condition], kind: str) -> Condition | None:
    return next((condition for condition in conditions if condition.type == kind), None)


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"

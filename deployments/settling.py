"""From wish, apply and sight to the judgement shown, and to the end of operations.

Used by whoever changed one of the three: intent, worker, observer. Callers hold
the deployment's row lock.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.utils import timezone

from deployments import counts, endpoint, milestones, operations
from deployments.models import Deployment, Operation, OperationState, Pod, Revision, State, TimelineEntry
from deployments.webhooks.outbox import tell
from k8s.facts import DeploymentFacts, PodFacts
from k8s.health import Judgement, judge
from k8s.health import is_stuck as is_past_deadline

# A rollout that shows trouble may still come round: a first crash, a node that
# makes room. Operations end as failed only when the trouble stays.
FAILED_FOR = timedelta(seconds=4)
DEGRADED_FOR = timedelta(seconds=30)

# What a team's programs are told of; the other words are on the way to one of these.
_TOLD = (State.RUNNING, State.DEGRADED, State.FAILED, State.DELETED)
# As long as it stays at one of these, no rollout comes any further.
_AT_REST = (State.RUNNING, State.PAUSED, State.DELETING, State.DELETED)
_ROLLOUTS = ("create", "update", "restart", "rollback")
_JUDGED_COLUMNS = (
    "state",
    "state_since",
    "message",
    "wanted_replicas",
    "ready_replicas",
    "updated_replicas",
)


def refresh(
    deployment: Deployment,
    pods: Sequence[PodFacts] | None = None,
    *,
    now: datetime | None = None,
    may_end: bool = True,
) -> bool:
    """Judges a deployment anew, stores what changed, moves its operations. True if people see a change.

    `pods` are its observed pods; None reads them from the database. `may_end` False
    says that no operation is waiting, which spares asking.
    """
    now = now or timezone.now()
    if pods is None:
        pods = stored_pods(deployment)
    judged = assess(deployment, pods, now)
    before = tuple(getattr(deployment, column) for column in _JUDGED_COLUMNS)
    if judged.state != deployment.state:
        deployment.state = judged.state
        deployment.state_since = now
        deployment.message = judged.message
        _note_served(deployment, now)
        if judged.state in _TOLD:
            tell(deployment, f"deployment.{judged.state}", judged.message, at=now)
        if not _is_own_work_begun(deployment, judged.state):
            text = f"{judged.state}: {judged.message}"
            TimelineEntry.objects.create(deployment=deployment, at=now, kind="state", text=text[:400])
    deployment.message = judged.message
    deployment.wanted_replicas = counts.wanted_replicas(deployment)
    deployment.ready_replicas = judged.ready
    deployment.updated_replicas = judged.updated
    changed = before != tuple(getattr(deployment, column) for column in _JUDGED_COLUMNS)
    if changed:
        deployment.save(update_fields=_JUDGED_COLUMNS)
    if not (before[0] == deployment.state and deployment.state in _AT_REST):
        milestones.note(deployment, pods, now)
    return (may_end and _end_operations(deployment, now)) or changed


def _note_served(deployment: Deployment, now: datetime) -> None:
    """A revision that has run is one to come back to."""
    if deployment.state == State.RUNNING:
        newest = Revision.objects.filter(deployment=deployment, number=deployment.revision, served_at=None)
        newest.update(served_at=now)


def _is_own_work_begun(deployment: Deployment, state: State) -> bool:
    """Whether a state only says that the newest wish is under way, which the wish's own entry tells."""
    if state not in (State.PENDING, State.DEPLOYING, State.DELETING) or deployment.drifted:
        return False
    if deployment.delete_requested_at or deployment.applied_generation < deployment.generation:
        return True
    facts = stored_facts(deployment)
    return facts is None or facts.generation < deployment.cluster_generation


def stored_pods(deployment: Deployment) -> list[PodFacts]:
    rows = Pod.objects.filter(deployment=deployment).values_list("facts", flat=True)
    return [msgspec.convert(facts, PodFacts) for facts in rows]


def stored_facts(deployment: Deployment) -> DeploymentFacts | None:
    return msgspec.convert(deployment.facts, DeploymentFacts) if deployment.facts else None


def assess(deployment: Deployment, pods: Sequence[PodFacts], now: datetime) -> "Assessment":
    """The judgement, without storing it: the newest wish first, then what the cluster shows."""
    facts = stored_facts(deployment)
    wanted = counts.wanted_replicas(deployment)
    judged = judge(facts, pods, wanted=wanted, expected_revision=deployment.revision, now=now)
    counted = f"{judged.ready} of {wanted} replicas ready"
    if deployment.deleted_at is not None:
        return Assessment(State.DELETED, "Deleted; its history is kept", 0, 0)
    if deployment.delete_requested_at is not None:
        return _with(judged, State.DELETING, _deleting_message(deployment, pods))
    if deployment.refused_generation == deployment.generation:
        state = State.DEGRADED if judged.ready else State.FAILED
        return _with(judged, state, deployment.apply_error)
    if deployment.applied_generation < deployment.generation:
        never = deployment.applied_generation == 0
        message = deployment.apply_error or ("Waiting to be applied" if never else f"{counted}: applying")
        return _with(judged, State.PENDING if never else State.DEPLOYING, message)
    if deployment.drifted:
        return _with(judged, State.DEPLOYING, f"{counted}: changed outside Timoneiro, being put back")
    if facts is None:
        return _with(judged, State.DEPLOYING, "Applied; the cluster has not shown it yet")
    # What we saw is older than what we wrote: its counts describe another wish.
    if facts.generation < deployment.cluster_generation:
        return _with(judged, State.DEPLOYING, f"{counted}: the newest change is being rolled out")
    if judged.state == "paused" and deployment.paused_at is not None:
        return _with(judged, State.PAUSED, _paused_message(deployment))
    if judged.state == "running" and endpoint.is_unanswered(deployment, facts):
        state, message = endpoint.told(deployment, pods, counted, now)
        return Assessment(state, message, judged.ready, judged.updated, unanswered=True)
    return _with(judged, State(judged.state), judged.message)


def awaits_answer(deployment: Deployment, pods: Sequence[PodFacts], now: datetime) -> bool:
    """Whether nothing but an answer from its address is missing for `running`; for a judged deployment."""
    facts = stored_facts(deployment)
    if facts is None or deployment.state not in (State.DEPLOYING, State.FAILED):
        return False
    return endpoint.is_unanswered(deployment, facts) and assess(deployment, pods, now).unanswered


class Assessment(msgspec.Struct, frozen=True):
    """A status word, its sentence, and pods ready and of the newest template.

    `unanswered` says that all is as wished but that its address has not answered yet.
    """

    state: State
    message: str
    ready: int
    updated: int
    unanswered: bool = False


def _with(judged: Judgement, state: State, message: str) -> Assessment:
    return Assessment(state, message, judged.ready, judged.updated)


def _deleting_message(deployment: Deployment, pods: Sequence[PodFacts]) -> str:
    if deployment.apply_error:
        return deployment.apply_error
    if deployment.applied_generation < deployment.generation:
        return "Waiting to be deleted"
    return f"Deleting: {len(pods)} {'pod' if len(pods) == 1 else 'pods'} left"


def _paused_message(deployment: Deployment) -> str:
    count = counts.replicas_to_begin_with(deployment)
    return f"Paused; {count} {'replica comes' if count == 1 else 'replicas come'} back on resume"


def is_drifted(deployment: Deployment, now: datetime) -> bool:
    """Whether the cluster shows a newer object than the one we wrote, or none where we wrote one.

    Says nothing while a worker writes: its own change looks the same until it is stored.
    """
    if deployment.applied_generation < deployment.generation or deployment.delete_requested_at:
        return False
    if deployment.lease_until is not None and deployment.lease_until > now:
        return False
    facts = stored_facts(deployment)
    return facts is not None and facts.generation > deployment.cluster_generation > 0


def adopt_if_autoscaled(deployment: Deployment, *, count_before: int | None) -> bool:
    """Whether a newer object than ours is the autoscaler's doing, which is then no drift.

    It changes the count and nothing else; `count_before` is the count of the object we knew,
    None when we knew none: then nothing speaks of another hand. The row is saved by the caller.
    """
    facts = stored_facts(deployment)
    if facts is None or not counts.autoscaler_owns_count(deployment):
        return False
    # An autoscaler never goes to none, and never starts from there: that is another hand.
    if facts.generation <= deployment.cluster_generation or facts.wanted_replicas in (0, count_before):
        return False
    deployment.cluster_generation = facts.generation
    return True


def is_stuck(deployment: Deployment) -> bool:
    """Whether the newest wish has been rolling out for longer than its deadline without progress."""
    facts = stored_facts(deployment)
    if facts is None or deployment.paused_at or deployment.delete_requested_at or deployment.drifted:
        return False
    if deployment.applied_generation < deployment.generation:
        return False
    # Conditions of an older object say nothing about the newest wish.
    if facts.generation < deployment.cluster_generation:
        return False
    return is_past_deadline(facts, expected_revision=deployment.revision)


def may_roll_back(deployment: Deployment) -> bool:
    """Whether a stuck rollout asks for an automatic rollback, as far as the row alone tells."""
    rollout: dict[str, object] = deployment.spec.get("rollout") or {}
    return rollout.get("auto_rollback") is True and is_stuck(deployment)


def mark_drifted(deployment: Deployment, text: str, now: datetime) -> None:
    """Remembers that the wish must be written again, and tells so in the timeline."""
    deployment.drifted = True
    deployment.save(update_fields=["drifted"])
    TimelineEntry.objects.create(deployment=deployment, at=now, kind="drift", text=text)


def _end_operations(deployment: Deployment, now: datetime) -> bool:
    ended = False
    if deployment.state in (State.RUNNING, State.PAUSED, State.DELETED):
        for operation in deployment.operations.filter(state=OperationState.WAITING):
            ended = _succeed(deployment, operation) or ended
    elif _has_failed(deployment, now):
        error = {
            "type": "about:blank",
            "title": "The rollout failed",
            "status": 422,
            "code": "rollout_failed",
            "detail": deployment.message,
            "errors": [],
        }
        for operation in deployment.operations.filter(state=OperationState.WAITING):
            operations.move(operation, OperationState.FAILED, detail=deployment.message, error=error)
            ended = True
    return ended


def _succeed(deployment: Deployment, operation: Operation) -> bool:
    if operation.action == "delete_pod" and deployment.state != State.DELETED:
        name = operation.arguments.get("pod", "")
        if Pod.objects.filter(deployment=deployment, name=name).exists():
            return False
    elif operation.generation > deployment.applied_generation or not _is_within_bounds(deployment):
        return False
    operations.move(operation, OperationState.SUCCEEDED, detail=deployment.message)
    if operation.action in _ROLLOUTS and deployment.state == State.RUNNING:
        tell(deployment, "rollout.finished", f"Revision {deployment.revision} serves")
    return True


def _is_within_bounds(deployment: Deployment) -> bool:
    """False while an autoscaler has yet to bring the count between its bounds."""
    bounds = counts.autoscaling_of(deployment)
    facts = stored_facts(deployment)
    if bounds is None or facts is None or deployment.state != State.RUNNING:
        return True
    return bounds.min_replicas <= facts.wanted_replicas <= bounds.max_replicas


def _has_failed(deployment: Deployment, now: datetime) -> bool:
    lasted = now - deployment.state_since
    return (deployment.state == State.FAILED and lasted >= FAILED_FOR) or (
        deployment.state == State.DEGRADED and lasted >= DEGRADED_FOR
    )

"""The newest revision's rollout as a line of steps, each with the time that it took."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deployments.milestones import STEPS, last_step
from deployments.models import Deployment, Revision, State

Progress = Literal["done", "now", "stuck", "ahead"]

_STUCK = (State.DEGRADED, State.FAILED)
_NOTHING_COMES = (State.RUNNING, State.PAUSED, State.DELETED)


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """One step of a rollout.

    `seconds` is the time from the step before it; None for the first and what is ahead. `since`
    is when the step that is under way began, None for all others; "stuck" is one under way that
    something prevents.
    """

    name: str
    progress: Progress
    at: datetime | None = None
    seconds: float | None = None
    since: datetime | None = None


def rollout_steps(deployment: Deployment) -> list[RolloutStep]:
    """From asked to answering; empty when nothing is known of the newest revision's rollout.

    A step that was passed unseen is left out: a change of the Service alone schedules no pods.
    """
    newest = Revision.objects.filter(deployment=deployment, number=deployment.revision)
    revision = newest.only("created_at", "milestones").first()
    if revision is None or not revision.milestones:
        return []
    reached = reached_steps(revision)
    last = reached[-1].name
    end = STEPS.index(last_step())
    ahead = STEPS[STEPS.index(last) + 1 if last in STEPS else 0 : end + 1]
    if not ahead or deployment.delete_requested_at or deployment.state in _NOTHING_COMES:
        return reached
    progress: Progress = "stuck" if deployment.state in _STUCK else "now"
    under_way = RolloutStep(ahead[0], progress, since=reached[-1].at)
    return [*reached, under_way, *(RolloutStep(name, "ahead") for name in ahead[1:])]


def reached_steps(revision: Revision) -> list[RolloutStep]:
    """Those that have come, in their order, beginning with asked."""
    found = [RolloutStep("asked", "done", at=revision.created_at)]
    before = revision.created_at
    for name in STEPS:
        if name in revision.milestones:
            at = datetime.fromisoformat(revision.milestones[name])
            found.append(RolloutStep(name, "done", at=at, seconds=max(0.0, (at - before).total_seconds())))
            before = at
    return found

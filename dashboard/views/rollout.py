"""How far the newest revision's rollout is, and the way back when it does not come round."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments import counts, selectors, settling
from deployments.models import Deployment, Revision, State
from deployments.spec import spec_of
from k8s.facts import DeploymentFacts
from k8s.health import is_alive, is_newest


@dataclass(frozen=True)
class Rollout:
    """Pods by template: `updated` exist and `ready` serve of the newest, `old` still serve of the one before.

    `deadline_at` is when the cluster gives up waiting for progress, None when it does not
    wait. `target` is the revision that one click brings back, None while that is no help.
    """

    wanted: int
    updated: int
    ready: int
    old: int
    deadline_at: datetime | None
    stuck: bool
    target: Revision | None


def rollout_of(deployment: Deployment) -> Rollout:
    """The rollout from what was last seen; asks no cluster."""
    facts = settling.stored_facts(deployment)
    alive = [pod for pod in settling.stored_pods(deployment) if is_alive(pod)]
    newest = [pod for pod in alive if facts is not None and is_newest(facts, pod)]
    stuck = settling.is_stuck(deployment)
    return Rollout(
        wanted=counts.wanted_replicas(deployment),
        updated=len(newest),
        ready=sum(pod.ready for pod in newest),
        old=sum(pod.ready for pod in alive) - sum(pod.ready for pod in newest),
        deadline_at=None if stuck else _deadline_of(deployment, facts),
        stuck=stuck,
        target=way_back(deployment),
    )


def way_back(deployment: Deployment) -> Revision | None:
    """The revision to offer while the newest one fails that has never served.

    One that has served fails for another reason than its spec: going back would not help.
    """
    if deployment.state not in (State.FAILED, State.DEGRADED) or deployment.delete_requested_at:
        return None
    newest = selectors.revisions_of(deployment).filter(number=deployment.revision).first()
    if newest is None or newest.served_at is not None:
        return None
    return selectors.rollback_target(deployment)


def _deadline_of(deployment: Deployment, facts: DeploymentFacts | None) -> datetime | None:
    """The newest moment by which the cluster wants to see progress."""
    if deployment.state not in (State.DEPLOYING, State.DEGRADED) or deployment.applied_at is None:
        return None
    conditions = facts.conditions if facts else ()
    began = [one.since for one in conditions if one.type == "Progressing" and one.since is not None]
    return max([deployment.applied_at, *began]) + timedelta(
        seconds=spec_of(deployment).rollout.deadline_seconds
    )

"""Whether a deployment's own address has answered for its newest pods, as our row knows.

Ready pods alone do not make a rollout `running`: a Service that leads elsewhere, or a
server that only the node reaches, serves nobody. A worker asks (`endpoint_check`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from deployments.models import Deployment, State
from k8s.facts import DeploymentFacts, PodFacts

# So long may ready pods be without an answer: Endpoints and proxies take a moment to follow.
PATIENCE = timedelta(seconds=30)


def is_unanswered(deployment: Deployment, facts: DeploymentFacts) -> bool:
    """Whether a worker has yet to hear the newest template answer at its address."""
    if not settings.ENDPOINT_CHECK or facts.template == deployment.answered_template:
        return False
    # What ran before addresses were asked goes on running until its next rollout.
    return bool(deployment.answered_template) or deployment.state != State.RUNNING


def told(deployment: Deployment, pods: Sequence[PodFacts], counted: str, now: datetime) -> tuple[State, str]:
    """Word and sentence of a deployment whose pods are ready and whose address has not answered."""
    if deployment.answer_problem and now - ready_since(deployment, pods, now) >= PATIENCE:
        return State.FAILED, f"{counted}: its address does not answer: {deployment.answer_problem}"
    return State.DEPLOYING, f"{counted}: waiting for its address to answer"


def ready_since(deployment: Deployment, pods: Sequence[PodFacts], now: datetime) -> datetime:
    """Since when all ready pods are; when that is not told, since the wish was applied."""
    since = [pod.ready_since for pod in pods if pod.ready_since is not None]
    return max(since, default=deployment.applied_at or now)

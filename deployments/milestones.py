"""When the rollout of a deployment's newest revision first came so far, kept on the revision."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from deployments import counts
from deployments.models import Deployment, Event, Pod, Revision, State
from k8s.facts import DeploymentFacts, PodFacts
from k8s.health import is_alive, is_newest

STEPS = ("applied", "scheduled", "pulled", "started", "ready", "answering")
"""In the order in which they come; `asked`, before them all, is the revision's own time."""

# Kubernetes tells whole seconds: what is that young is timed better by when we saw it.
_ROUNDED = timedelta(seconds=1.5)


def note(deployment: Deployment, pods: Sequence[PodFacts], now: datetime) -> None:
    """Keeps what is seen of the newest revision's rollout for the first time. Call with the row locked."""
    revision = Revision.objects.filter(deployment=deployment, number=deployment.revision).first()
    if revision is None or last_step() in revision.milestones:
        return
    seen = _seen(deployment, revision, pods, now)
    new = {step: at for step, at in seen.items() if step not in revision.milestones}
    for step, at in new.items():
        revision.milestones[step] = _in_order(revision, step, at, now).isoformat()
    if new:
        revision.save(update_fields=["milestones"])


def note_pulls(cluster_id: int, event_uids: Sequence[str]) -> None:
    """Keeps when images were pulled, which only events tell: they may come after all the rest."""
    if not event_uids:
        return
    told = Event.objects.filter(cluster_id=cluster_id, uid__in=event_uids, deployment__deleted_at=None)
    lacking = Revision.objects.filter(
        deployment__in=told.values("deployment"), number=F("deployment__revision")
    ).exclude(milestones__has_key="pulled")
    for pk in list(lacking.values_list("deployment_id", flat=True)):
        with transaction.atomic():
            row = Deployment.objects.select_for_update().get(pk=pk)
            revision = Revision.objects.get(deployment=row, number=row.revision)
            at = _pulled_at(row, _made_for(revision, row, _pods_of(row)))
            if at is not None and "pulled" not in revision.milestones:
                revision.milestones["pulled"] = _in_order(revision, "pulled", at, timezone.now()).isoformat()
                revision.save(update_fields=["milestones"])


def last_step() -> str:
    """What a rollout ends with: without the endpoint check nobody asks whether it answers."""
    return STEPS[-1] if settings.ENDPOINT_CHECK else STEPS[-2]


def _seen(
    deployment: Deployment, revision: Revision, pods: Sequence[PodFacts], now: datetime
) -> dict[str, datetime]:
    """By step, when it came, as far as the cluster and our row tell."""
    seen: dict[str, datetime | None] = {}
    if deployment.applied_generation >= deployment.generation:
        seen["applied"] = deployment.applied_at
    facts = _facts_of(deployment)
    if facts is not None and facts.revision == revision.number:
        made = _made_for(revision, deployment, pods)
        seen["scheduled"] = _first(
            c.since for pod in made for c in pod.conditions if _is_scheduled(c.type, c.holds)
        )
        seen["started"] = _first(c.started_at for pod in made for c in pod.containers if not c.is_init)
        if "pulled" not in revision.milestones and seen["scheduled"] is not None:
            seen["pulled"] = _pulled_at(deployment, made)
        seen["ready"] = _ready_at(deployment, facts, pods, now)
    if deployment.state == State.RUNNING and settings.ENDPOINT_CHECK:
        seen["answering"] = now
    return {step: _as_seen(at, now) for step in STEPS if (at := seen.get(step)) is not None}


def _is_scheduled(kind: str, holds: bool) -> bool:
    return kind == "PodScheduled" and holds


def _ready_at(
    deployment: Deployment, facts: DeploymentFacts, pods: Sequence[PodFacts], now: datetime
) -> datetime | None:
    """When the last wanted pod of the newest template became ready, None while one is not."""
    wanted = counts.wanted_replicas(deployment)
    ready = [pod for pod in pods if is_alive(pod) and is_newest(facts, pod) and pod.ready]
    if not wanted or len(ready) < wanted or facts.generation < deployment.cluster_generation:
        return None
    return max(pod.ready_since or now for pod in ready)


def _made_for(revision: Revision, deployment: Deployment, pods: Iterable[PodFacts]) -> list[PodFacts]:
    """Pods that this rollout brought: a change of the Service alone keeps those that are there."""
    facts = _facts_of(deployment)
    began = revision.created_at.replace(microsecond=0)
    if facts is None:
        return []
    return [pod for pod in pods if is_newest(facts, pod) and (pod.created_at or began) >= began]


def _pulled_at(deployment: Deployment, pods: Sequence[PodFacts]) -> datetime | None:
    names = [pod.name for pod in pods]
    events = Event.objects.filter(deployment=deployment, reason="Pulled", object_name__in=names)
    return _first(events.values_list("first_at", flat=True)) if names else None


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)


def _as_seen(at: datetime, now: datetime) -> datetime:
    return now if now - at < _ROUNDED else at


def _in_order(revision: Revision, step: str, at: datetime, now: datetime) -> datetime:
    """The moment, but not before an earlier step nor after a later one: clocks and seconds differ."""
    place = STEPS.index(step)
    known = revision.milestones
    before = [datetime.fromisoformat(known[name]) for name in STEPS[:place] if name in known]
    after = [datetime.fromisoformat(known[name]) for name in STEPS[place + 1 :] if name in known]
    return min([max([at, revision.created_at, *before]), *after, max(now, revision.created_at)])


def _facts_of(deployment: Deployment) -> DeploymentFacts | None:
    return msgspec.convert(deployment.facts, DeploymentFacts) if deployment.facts else None


def _pods_of(deployment: Deployment) -> list[PodFacts]:
    rows = Pod.objects.filter(deployment=deployment).values_list("facts", flat=True)
    return [msgspec.convert(facts, PodFacts) for facts in rows]

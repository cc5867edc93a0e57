"""From rows to a case, and from a case to the diagnosis that is shown. Used by observer and worker."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Q
from django.utils import timezone

from deployments import counts, selectors, settling
from deployments.models import CapturedLog, Deployment, Event, ModelVersion, State
from deployments.nudges import Nudge
from deployments.preflight.subject import nodes_of, placed_pods_of
from deployments.spec import spec_of
from k8s.diagnosis import Case, diagnose
from k8s.facts import AutoscalerFacts, EventFacts, PodFacts
from k8s.health import is_newest

_TROUBLED = (State.PENDING, State.DEPLOYING, State.DEGRADED, State.FAILED)
_MOST_EVENTS = 100
_LAST_LINES = 40
# Of each line: lines are shown with the diagnosis, and programs write some without end.
_LONGEST_LINE = 1_000


def rediagnose(deployment_ids: Iterable[int], *, now: datetime | None = None) -> dict[int, Nudge]:
    """Finds anew why these are not as they should be; answers whom to tell of a change.

    Those that run well, and have no diagnosis to lose, cost one query together.
    """
    now = now or timezone.now()
    concerned = Deployment.objects.filter(pk__in=list(deployment_ids), deleted_at=None).filter(
        Q(state__in=_TROUBLED) | Q(diagnosis__isnull=False) | Q(autoscaling__isnull=False)
    )
    told = {}
    for row in concerned.select_related("team", "cluster", "version__model").order_by("pk"):
        found = _diagnosis_of(row, now)
        # Looked at without a lock, since hardly ever there is something to store: workers are not
        # held up. What was found about an older wish is dropped.
        if found != row.diagnosis and _store(row, found):
            told[row.pk] = Nudge(team=row.team.name, deployment=row.name)
    return told


def _store(row: Deployment, found: dict[str, Any] | None) -> bool:
    same_wish = Deployment.objects.filter(pk=row.pk, generation=row.generation, deleted_at=None)
    return bool(same_wish.update(diagnosis=found))


def _diagnosis_of(row: Deployment, now: datetime) -> dict[str, Any] | None:
    if row.deleted_at or row.delete_requested_at or row.paused_at:
        return None
    if row.state == State.RUNNING and row.autoscaling is None:
        return None
    # What was seen belongs to an older wish: say nothing rather than something of yesterday.
    if row.applied_generation < row.generation and row.refused_generation != row.generation:
        return None
    found = diagnose(case_of(row, now))
    if found is None:
        return None
    # As JSON gives it back: a tuple is never equal to the list that was stored of it.
    kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    # A newer wish makes it old at once, though nothing has been seen of that one yet.
    return {**kept, "generation": row.generation}


def case_of(row: Deployment, now: datetime) -> Case:
    """All that is known of a deployment's trouble. Nodes and others' pods are read where they matter only."""
    facts = settling.stored_facts(row)
    pods = settling.stored_pods(row)
    newest = [pod for pod in pods if facts is None or is_newest(facts, pod)]
    spec = spec_of(row)
    good = selectors.rollback_target(row)
    unplaced = any(_is_unplaced(pod) for pod in newest)
    return Case(
        spec=spec,
        wanted=counts.wanted_replicas(row),
        now=now,
        deployment=facts,
        pods=newest,
        events=_events_of(row),
        last_lines=_last_lines(row, newest),
        nodes=nodes_of(row.cluster) if newest and not all(pod.ready for pod in newest) else (),
        other_pods=placed_pods_of(row.cluster) if unplaced else (),
        gpu_resource=row.cluster.gpu_resource,
        autoscaler=msgspec.convert(row.autoscaler, AutoscalerFacts) if row.autoscaler else None,
        good_revision=good.number if good else None,
        versions=_versions_of(row),
        refusal=row.apply_error if row.refused_generation == row.generation else "",
        answer_problem=_answer_problem(row, pods, now),
    )


def _answer_problem(row: Deployment, pods: list[PodFacts], now: datetime) -> str:
    """What the address of ready pods says instead of an answer, once it has been waited for."""
    is_over = row.state == State.FAILED and settling.awaits_answer(row, pods, now)
    return row.answer_problem if is_over else ""


def _is_unplaced(pod: PodFacts) -> bool:
    return any(condition.reason == "Unschedulable" for condition in pod.conditions)


def _events_of(row: Deployment) -> list[EventFacts]:
    rows = Event.objects.filter(deployment=row).order_by("-last_at", "-id")[:_MOST_EVENTS]
    return [
        EventFacts(
            uid=event.uid,
            name=event.uid,
            type=event.type,
            reason=event.reason,
            message=event.message,
            object_kind=event.object_kind,
            object_name=event.object_name,
            count=event.count,
            first_at=event.first_at,
            last_at=event.last_at,
        )
        for event in rows
    ]


def _last_lines(row: Deployment, pods: Iterable[PodFacts]) -> dict[str, list[str]]:
    names = {pod.uid: pod.name for pod in pods if not pod.ready}
    if not names:
        return {}
    kept = CapturedLog.objects.filter(deployment=row, pod_uid__in=names).order_by("captured_at", "pk")
    return {
        names[uid]: [line[:_LONGEST_LINE] for line in text.splitlines()[-_LAST_LINES:]]
        for uid, text in kept.values_list("pod_uid", "text")
        if text
    }


def _versions_of(row: Deployment) -> list[str]:
    rows = ModelVersion.objects.filter(model=row.version.model, deleted_at=None, archived_at=None)
    return list(rows.values_list("version", flat=True))

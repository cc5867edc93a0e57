"""Storing what was seen: bulk upserts, then one judgement per deployment concerned. Runs in a thread."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal, cast

import msgspec
from django.utils import timezone

from deployments import capturing, counts, diagnosing, milestones, odd, settling
from deployments.locking import lock_rows
from deployments.models import Deployment, Operation, OperationState, Pod
from deployments.nudges import Nudge
from deployments.observe import around, foreign
from deployments.observe.batches import KindBatch, Word, chunks, reduce_words
from k8s.facts import AutoscalerFacts, DeploymentFacts, EventFacts, NodeFacts, PodFacts, ServiceFacts
from k8s.labels import INSTANCE, TEMPLATE

Key = tuple[str, str]
"""Namespace and name of a deployment in a cluster."""

_CHUNK = 200


@dataclass(slots=True)
class Recorded:
    """What follows from a batch: names to tell, deployments that a worker must look at."""

    nudges: dict[int, Nudge] = field(default_factory=dict)
    to_reconcile: set[int] = field(default_factory=set)
    to_roll_back: set[int] = field(default_factory=set)
    to_capture: set[int] = field(default_factory=set)
    to_check: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Work:
    """All that a batch says about deployments, by their key."""

    pods: dict[Key, list[PodFacts]] = field(default_factory=lambda: defaultdict(list))
    # By uid. Of no deployment of ours: others', and those that carry our labels with nothing behind them.
    foreign_pods: dict[str, PodFacts] = field(default_factory=dict)
    gone_pods: set[str] = field(default_factory=set)
    deployments: dict[Key, DeploymentFacts] = field(default_factory=dict)
    services: dict[Key, ServiceFacts] = field(default_factory=dict)
    gone_deployments: dict[Key, str] = field(default_factory=dict)
    gone_services: set[Key] = field(default_factory=set)
    autoscalers: dict[Key, AutoscalerFacts] = field(default_factory=dict)
    gone_autoscalers: dict[Key, str] = field(default_factory=dict)
    touched: set[Key] = field(default_factory=set)


def record(cluster_id: int, words: Sequence[Word]) -> Recorded:
    """Stores a batch. Safe to repeat after a failure: it says how things are, not what changed.

    Raises:
        django.db.Error.
    """
    kinds = reduce_words(words)
    recorded = Recorded()
    work = _sorted_by_deployment(cluster_id, kinds)
    for keys in chunks(work.touched, _CHUNK):
        odd.store(keys, partial(_record_deployments, cluster_id, work, recorded), name="deployment {}")
    foreign.record_foreign(cluster_id, list(work.foreign_pods.values()), work.gone_pods)
    if "Event" in kinds:
        events = cast("Iterable[EventFacts]", kinds["Event"].changed.values())
        recorded.nudges.update(around.record_events(cluster_id, list(events)))
        milestones.note_pulls(cluster_id, [event.uid for event in events if event.reason == "Pulled"])
    if "Node" in kinds:
        nodes = cast("Iterable[NodeFacts]", kinds["Node"].changed.values())
        around.record_nodes(cluster_id, list(nodes), set(kinds["Node"].gone), complete=kinds["Node"].complete)
    recorded.nudges.update(diagnosing.rediagnose(recorded.nudges))
    return recorded


def _sorted_by_deployment(cluster_id: int, kinds: dict[str, KindBatch]) -> _Work:
    work = _Work()
    pods = kinds.get("Pod", KindBatch())
    for pod in cast("Iterable[PodFacts]", pods.changed.values()):
        if INSTANCE in pod.labels:
            work.pods[pod.namespace, pod.labels[INSTANCE]].append(pod)
        else:
            work.foreign_pods[pod.uid] = pod
    work.gone_pods = set(pods.gone) | (_ghost_pods(cluster_id, pods) if pods.complete else set())
    deployments = kinds.get("Deployment", KindBatch())
    for facts in cast("Iterable[DeploymentFacts]", deployments.changed.values()):
        work.deployments[facts.namespace, facts.name] = facts
    work.gone_deployments = {(gone.namespace, gone.name): gone.uid for gone in deployments.gone.values()}
    if deployments.complete:
        work.gone_deployments |= _ghosts(cluster_id, "facts", deployments)
    services = kinds.get("Service", KindBatch())
    for service in cast("Iterable[ServiceFacts]", services.changed.values()):
        work.services[service.namespace, service.name] = service
    work.gone_services = {(gone.namespace, gone.name) for gone in services.gone.values()}
    autoscalers = kinds.get("HorizontalPodAutoscaler", KindBatch())
    for scaler in cast("Iterable[AutoscalerFacts]", autoscalers.changed.values()):
        work.autoscalers[scaler.namespace, scaler.name] = scaler
    work.gone_autoscalers = {(gone.namespace, gone.name): gone.uid for gone in autoscalers.gone.values()}
    if autoscalers.complete:
        work.gone_autoscalers |= _ghosts(cluster_id, "autoscaler", autoscalers)
    work.touched = {
        *work.pods,
        *work.deployments,
        *work.gone_deployments,
        *work.services,
        *work.gone_services,
        *work.autoscalers,
        *work.gone_autoscalers,
        *_keys_of_pods(cluster_id, work.gone_pods),
    }
    return work


def _ghost_pods(cluster_id: int, listed: KindBatch) -> set[str]:
    """Pods we know that a whole list no longer has."""
    known = Pod.objects.filter(cluster_id=cluster_id).values_list("uid", flat=True)
    return set(known) - set(listed.changed)


def _ghosts(cluster_id: int, column: Literal["facts", "autoscaler"], listed: KindBatch) -> dict[Key, str]:
    """Objects we know, by the column that holds them, that a whole list no longer has."""
    known = Deployment.objects.filter(cluster_id=cluster_id, deleted_at=None, **{f"{column}__isnull": False})
    rows = known.values_list("namespace", "name", f"{column}__uid")
    return {(space, name): uid for space, name, uid in rows if uid not in listed.changed}


def _keys_of_pods(cluster_id: int, uids: set[str]) -> set[Key]:
    keys: set[Key] = set()
    for chunk in chunks(uids, _CHUNK):
        rows = Pod.objects.filter(cluster_id=cluster_id, uid__in=chunk, deployment__isnull=False)
        keys |= set(rows.values_list("deployment__namespace", "deployment__name"))
    return keys


def _record_deployments(cluster_id: int, work: _Work, recorded: Recorded, keys: Sequence[Key]) -> None:
    alive = Deployment.objects.filter(cluster_id=cluster_id, deleted_at=None)
    rows = lock_rows(alive.filter(namespace__in={key[0] for key in keys}, name__in={key[1] for key in keys}))
    wanted = set(keys)
    by_key = {(row.namespace, row.name): row for row in rows if (row.namespace, row.name) in wanted}
    _store_pods(cluster_id, by_key, keys, work)
    pks = [row.pk for row in by_key.values()]
    stored = _stored_pods(pks)
    waiting = set(
        Operation.objects.filter(state=OperationState.WAITING, deployment_id__in=pks).values_list(
            "deployment_id", flat=True
        )
    )
    for key, row in by_key.items():
        pods = [pod for pod, _ in stored[row.pk]]
        _record_one(key, row, work, pods, may_end=row.pk in waiting, recorded=recorded)
    _number_pods(cluster_id, by_key.values(), stored)


def _store_pods(cluster_id: int, by_key: dict[Key, Deployment], keys: Sequence[Key], work: _Work) -> None:
    ours = [(by_key[key], pod) for key in keys if key in by_key for pod in work.pods.get(key, ())]
    foreign.store_pods(
        [
            foreign.pod_row(cluster_id, pod, deployment_id=row.pk, facts=msgspec.to_builtins(pod))
            for row, pod in ours
        ]
    )
    for key in keys:
        if key not in by_key:
            work.foreign_pods.update((pod.uid, pod) for pod in work.pods.get(key, ()))
    pks = [row.pk for row in by_key.values()]
    for chunk in chunks(work.gone_pods, _CHUNK):
        Pod.objects.filter(cluster_id=cluster_id, deployment_id__in=pks, uid__in=chunk).delete()


def _stored_pods(pks: Sequence[int]) -> dict[int, list[tuple[PodFacts, int]]]:
    """Pods of each deployment, with the revision they are known to run."""
    found: dict[int, list[tuple[PodFacts, int]]] = defaultdict(list)
    rows = Pod.objects.filter(deployment_id__in=pks).values_list("deployment_id", "facts", "revision")
    for pk, facts, revision in rows:
        found[pk].append((msgspec.convert(facts, PodFacts), revision))
    return found


def _number_pods(
    cluster_id: int, rows: Iterable[Deployment], stored: Mapping[int, Sequence[tuple[PodFacts, int]]]
) -> None:
    """Notes which revision pods run: the newest one that has their template.

    Pods carry no number themselves (docs/decisions/0006). Those of the newest
    template have the Deployment's; when a newer template comes, the others keep theirs.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        facts = settling.stored_facts(row)
        if facts is None or not facts.template:
            continue
        for pod, revision in stored[row.pk]:
            if pod.labels.get(TEMPLATE) == facts.template and revision != facts.revision:
                found[facts.revision].append(pod.uid)
    for revision, uids in found.items():
        for chunk in chunks(uids, _CHUNK):
            Pod.objects.filter(cluster_id=cluster_id, uid__in=chunk).update(revision=revision)


def _record_one(
    key: Key,
    row: Deployment,
    work: _Work,
    pods: Sequence[PodFacts],
    *,
    may_end: bool,
    recorded: Recorded,
) -> None:
    now = timezone.now()
    removed = _store_seen(key, row, work, now)
    _notice_drift(row, removed, now, recorded)
    settling.refresh(row, pods, now=now, may_end=may_end)
    if capturing.missing_runs(row, pods, now):
        recorded.to_capture.add(row.pk)
    if settling.awaits_answer(row, pods, now):
        recorded.to_check.add(row.pk)
    if settling.may_roll_back(row):
        recorded.to_roll_back.add(row.pk)
    if row.delete_requested_at is not None and not pods and row.facts is None:
        # All we knew of is gone: a worker makes sure and ends the deployment.
        recorded.to_reconcile.add(row.pk)
    recorded.nudges[row.pk] = Nudge(team=row.team.name, deployment=row.name)


def _store_seen(key: Key, row: Deployment, work: _Work, now: datetime) -> str:
    """Puts what was seen into the row; answers the kind of an object of ours that is gone, "" for none."""
    removed = ""
    if key in work.services:
        row.node_port = _node_port(work.services[key])
    elif key in work.gone_services:
        removed = "Service"
    if key in work.autoscalers:
        row.autoscaler = msgspec.to_builtins(work.autoscalers[key])
    elif _is_gone(row.autoscaler, work.gone_autoscalers.get(key)):
        row.autoscaler = None
        # Where none is wished for, it was a worker that took it away.
        removed = "HorizontalPodAutoscaler" if counts.autoscaler_owns_count(row) else removed
    if key in work.deployments:
        count_before = (row.facts or {}).get("wanted_replicas")
        if (row.facts or {}).get("template") != work.deployments[key].template:
            # What an address did not answer to is of older pods.
            row.answer_problem = ""
        row.facts = msgspec.to_builtins(work.deployments[key])
        settling.adopt_if_autoscaled(row, count_before=count_before)
    elif _is_gone(row.facts, work.gone_deployments.get(key)):
        row.facts = None
        removed = "Deployment"
    row.observed_at = now
    row.save(
        update_fields=[
            "facts",
            "autoscaler",
            "cluster_generation",
            "node_port",
            "observed_at",
            "answer_problem",
        ]
    )
    return removed


def _is_gone(known: dict[str, Any] | None, gone_uid: str | None) -> bool:
    """Whether the object that we saw last is gone, and not an older one of the same name."""
    return known is not None and known.get("uid") == gone_uid


def _notice_drift(row: Deployment, removed: str, now: datetime, recorded: Recorded) -> None:
    if row.delete_requested_at is not None or row.applied_generation == 0:
        return
    if row.drifted:
        recorded.to_reconcile.add(row.pk)
    elif removed:
        settling.mark_drifted(row, f"The {removed} was deleted outside Timoneiro; being created again", now)
        recorded.to_reconcile.add(row.pk)
    elif settling.is_drifted(row, now):
        settling.mark_drifted(row, "Changed outside Timoneiro; being put back", now)
        recorded.to_reconcile.add(row.pk)


def _node_port(service: ServiceFacts) -> int | None:
    if service.type != "NodePort" or not service.ports:
        return None
    return service.ports[0].node_port

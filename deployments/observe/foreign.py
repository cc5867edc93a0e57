"""Pods that are nobody's here: kept for what they hold of their nodes, and no more. Runs in a thread."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from deployments import odd
from deployments.models import Pod
from deployments.models.observed import ENDED_PHASES
from deployments.observe.batches import chunks
from k8s.facts import PodFacts
from k8s.health import reason_of

_HELD: Final = ("cpu_request", "memory_request", "gpu_request", "cpu_limit", "memory_limit")
_POD_COLUMNS: Final = (
    "deployment",
    "namespace",
    "name",
    "phase",
    "ready",
    "restarts",
    "reason",
    "node",
    "created_at",
    "deleting",
    *_HELD,
    "facts",
)
_COMPARED: Final = ("deployment_id", "phase", "ready", "node", "deleting", *_HELD)
_CHUNK: Final = 500


def pod_row(cluster_id: int, pod: PodFacts, *, deployment_id: int | None, facts: dict[str, Any]) -> Pod:
    """A pod's columns. One that has ended holds nothing any more."""
    held = (
        dict.fromkeys(_HELD, 0) if pod.phase in ENDED_PHASES else {name: getattr(pod, name) for name in _HELD}
    )
    return Pod(
        cluster_id=cluster_id,
        deployment_id=deployment_id,
        uid=pod.uid,
        namespace=pod.namespace,
        name=pod.name,
        phase=pod.phase[:20],
        ready=pod.ready,
        restarts=pod.restarts,
        reason=reason_of(pod)[:100],
        node=pod.node,
        created_at=pod.created_at,
        deleting=pod.deleting_since is not None,
        facts=facts,
        **held,
    )


def record_foreign(cluster_id: int, pods: Sequence[PodFacts], gone: Iterable[str]) -> None:
    """Writes those that differ from what is stored: lists come every ten minutes and say mostly the same.

    Those that have ended hold nothing, and are forgotten; finished jobs may be many.
    """
    known = Pod.objects.filter(cluster_id=cluster_id, deployment=None)
    ended = {pod.uid for pod in pods if pod.phase in ENDED_PHASES}
    holding = [pod for pod in pods if pod.phase not in ENDED_PHASES]
    for chunk in chunks(ended.union(gone), _CHUNK):
        known.filter(uid__in=chunk).delete()
    for part in chunks(holding, _CHUNK):
        rows = [pod_row(cluster_id, pod, deployment_id=None, facts={}) for pod in part]
        stored = Pod.objects.filter(cluster_id=cluster_id, uid__in=[row.uid for row in rows])
        before = {uid: told for uid, *told in stored.values_list("uid", *_COMPARED)}
        store_pods([row for row in rows if before.get(row.uid) != [getattr(row, name) for name in _COMPARED]])


def store_pods(rows: Sequence[Pod]) -> None:
    """Writes these, whether they are known or not."""
    write = partial(
        Pod.objects.bulk_create,
        update_conflicts=True,
        unique_fields=("cluster", "uid"),
        update_fields=_POD_COLUMNS,
    )
    odd.store(rows, write, name="pod {0.namespace}/{0.name}")

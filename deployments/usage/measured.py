"""Storing what metrics.k8s.io said: the newest measurement of each pod and node. Runs in a thread."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from deployments import odd
from deployments.models import Cluster, Node, Pod, PodUsage
from k8s.errors import ClusterError, Forbidden, NotFound, Unauthorized
from k8s.metrics import Measured

# Times of pods and of measurements are whole seconds.
_ROUNDING: Final = timedelta(seconds=1)


def record_pods(cluster_id: int, measured: Sequence[Measured]) -> None:
    """Keeps each pod's newest measurement. Safe to repeat, and to be late: an older one changes nothing.

    Measurements bear names alone. One whose window began before the pod there is now was
    made is of an earlier pod of that name.
    """
    by_key = {(one.namespace, one.name): one for one in measured}
    pods = Pod.objects.filter(cluster_id=cluster_id, name__in=[one.name for one in measured])
    columns = ("pk", "namespace", "name", "created_at", "usage__at")
    newer = []
    for pk, namespace, name, created_at, stored_at in pods.order_by().values_list(*columns):
        one = by_key.get((namespace, name))
        if one is None or (stored_at is not None and stored_at >= one.at):
            continue
        began = one.at - timedelta(seconds=one.window_seconds) + _ROUNDING
        if created_at is None or began >= created_at:
            newer.append(PodUsage(pod_id=pk, cpu=one.cpu, memory=one.memory, at=one.at))
    # Where a pod goes between the look and the write, the write fails, and all of this is done again.
    write = partial(
        PodUsage.objects.bulk_create,
        update_conflicts=True,
        unique_fields=("pod",),
        update_fields=("cpu", "memory", "at"),
    )
    odd.store(newer, write, name="use of the pod with key {0.pod_id}")


def record_nodes(cluster_id: int, measured: Sequence[Measured]) -> None:
    """Keeps each node's newest measurement, and that metrics.k8s.io has answered."""
    by_name = {one.name: one for one in measured}
    changed = []
    for node in Node.objects.filter(cluster_id=cluster_id).only("name", "used_at"):
        one = by_name.get(node.name)
        if one is not None and (node.used_at is None or node.used_at < one.at):
            node.cpu_used, node.memory_used, node.used_at = one.cpu, one.memory, one.at
            changed.append(node)
    write = partial(Node.objects.bulk_update, fields=("cpu_used", "memory_used", "used_at"), batch_size=200)
    odd.store(changed, write, name="use of node {0.name}")
    message = "" if measured else "metrics-server answers, but has not measured any node yet."
    Cluster.objects.filter(pk=cluster_id).update(metrics_at=timezone.now(), metrics_message=message)


def record_trouble(cluster_id: int, error: ClusterError) -> None:
    """Keeps why nothing new is known of use; what was requested is known all the same."""
    Cluster.objects.filter(pk=cluster_id).update(metrics_message=odd.storable(told(error)))


def told(error: ClusterError) -> str:
    """What is missing, and what to do."""
    if isinstance(error, NotFound):
        return (
            "This cluster has no metrics-server, so only requests are known, not what is used. "
            "Install metrics-server, and figures come within a minute."
        )
    if isinstance(error, (Forbidden, Unauthorized)):
        return (
            "The cluster does not let Timoneiro read metrics.k8s.io, so only requests are known. "
            "Allow its account to get and list pods and nodes of metrics.k8s.io."
        )
    return (
        f"metrics-server does not answer ({str(error)[:200]}), so what is used now is not known. "
        "Look at its pods, usually in kube-system; it is asked again by itself."
    )

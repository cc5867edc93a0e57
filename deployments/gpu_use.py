"""How busy GPUs are, where a cluster's Prometheus knows it from NVIDIA's DCGM exporter. For workers."""

import logging
import math
from collections.abc import Iterable, Mapping

from deployments import prometheus
from deployments.models import Cluster, Pod

logger = logging.getLogger(__name__)

#: Of each GPU that a pod holds, over as long as right sizes are made from.
QUERY = "avg_over_time(DCGM_FI_DEV_GPU_UTIL[7d])"
SECONDS = 10.0


def gpu_percents(cluster: Cluster) -> dict[int, float]:
    """The average of the GPUs of a deployment's present pods, by its primary key.

    Empty where no Prometheus is set, it does not answer, or it has never heard of GPUs.
    """
    if not cluster.prometheus_url:
        return {}
    try:
        series = prometheus.ask(cluster.prometheus_url, "query", {"query": QUERY}, seconds=SECONDS)
    except prometheus.NoAnswer as exc:
        logger.warning("GPUs of cluster %s are not known: Prometheus %s", cluster.name, exc)
        return {}
    return _by_deployment(cluster, series)


def _pod_of(labels: Mapping[str, str]) -> tuple[str, str]:
    # Prometheus sets its own target's labels over the exporter's, and keeps those with a prefix.
    return (
        labels.get("exported_namespace") or labels.get("namespace", ""),
        labels.get("exported_pod") or labels.get("pod", ""),
    )


def _by_deployment(cluster: Cluster, series: Iterable[prometheus.Measured]) -> dict[int, float]:
    ours = Pod.objects.filter(cluster=cluster, gpu_request__gt=0).exclude(deployment=None)
    owners = {
        (namespace, name): deployment
        for namespace, name, deployment in ours.order_by().values_list("namespace", "name", "deployment_id")
    }
    percents: dict[int, list[float]] = {}
    for one in series:
        owner = owners.get(_pod_of(one.labels))
        # Not a number is what an average over nothing is.
        if owner is not None:
            known = [percent for _, percent in one.points if not math.isnan(percent)]
            percents.setdefault(owner, []).extend(known)
    return {owner: sum(each) / len(each) for owner, each in percents.items() if each}

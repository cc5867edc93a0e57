"""How busy GPUs are, where a cluster's Prometheus knows it from NVIDIA's DCGM exporter. For workers."""

import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import urllib3

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
        series = _ask(cluster.prometheus_url)
    except (urllib3.exceptions.HTTPError, msgspec.MsgspecError, LookupError, TypeError, ValueError) as exc:
        logger.warning("GPUs of cluster %s: Prometheus does not tell: %s", cluster.name, exc)
        return {}
    return _by_deployment(cluster, series)


def _ask(address: str) -> list[tuple[str, str, float]]:
    """Namespace, pod and percent of each GPU."""
    url = f"{address.rstrip('/')}/api/v1/query"
    answer = urllib3.request("GET", url, fields={"query": QUERY}, timeout=SECONDS, retries=False)
    if answer.status != 200:
        raise ValueError(f"HTTP status {answer.status}")
    found: Iterable[Mapping[str, Any]] = msgspec.json.decode(answer.data)["data"]["result"]
    return [(*_pod_of(one["metric"]), float(one["value"][1])) for one in found]


def _pod_of(labels: Mapping[str, str]) -> tuple[str, str]:
    # Prometheus sets its own target's labels over the exporter's, and keeps those with a prefix.
    return (
        labels.get("exported_namespace") or labels.get("namespace", ""),
        labels.get("exported_pod") or labels.get("pod", ""),
    )


def _by_deployment(cluster: Cluster, series: Iterable[tuple[str, str, float]]) -> dict[int, float]:
    ours = Pod.objects.filter(cluster=cluster, gpu_request__gt=0).exclude(deployment=None)
    owners = {
        (namespace, name): deployment
        for namespace, name, deployment in ours.order_by().values_list("namespace", "name", "deployment_id")
    }
    percents: dict[int, list[float]] = {}
    for namespace, pod, percent in series:
        owner = owners.get((namespace, pod))
        # Not a number is what an average over nothing is.
        if owner is not None and not math.isnan(percent):
            percents.setdefault(owner, []).append(percent)
    return {owner: sum(each) / len(each) for owner, each in percents.items()}

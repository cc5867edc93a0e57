"""The worker's connections to clusters, kept between tasks."""

import threading
from collections.abc import Callable

from deployments.access import access_of
from deployments.models import Cluster
from k8s.client import KubernetesCluster
from k8s.cluster import Cluster as ClusterClient

Connect = Callable[[Cluster], ClusterClient]
"""How a cluster is reached; tests give another one than `client_of`."""

_kept: dict[int, tuple[str, KubernetesCluster]] = {}
_lock = threading.Lock()


def client_of(cluster: Cluster) -> KubernetesCluster:
    """A client for the cluster's present credentials; the same one as long as they stay.

    Raises:
        UnusableCredentials.
    """
    with _lock:
        known = _kept.get(cluster.pk)
        if known is not None and known[0] == cluster.credentials:
            return known[1]
        client = KubernetesCluster(access_of(cluster))
        _kept[cluster.pk] = (cluster.credentials, client)
    if known is not None:
        known[1].close()
    return client


def forget(cluster: Cluster) -> None:
    """Drops the connections, so that the next task begins with fresh ones."""
    with _lock:
        known = _kept.pop(cluster.pk, None)
    if known is not None:
        known[1].close()

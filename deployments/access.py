"""From a cluster's row to how it is reached. For worker and observer: opens the sealed credentials."""

from deployments.models import Cluster
from deployments.sealing import SealBroken, unseal
from k8s.connect import Access, load_kubeconfig
from k8s.errors import UnusableCredentials


def access_of(cluster: Cluster) -> Access:
    """Raises: UnusableCredentials: none stored, sealed with another key, or not a usable kubeconfig."""
    if not cluster.credentials:
        raise UnusableCredentials(f"cluster {cluster.name} has no credentials")
    try:
        return load_kubeconfig(unseal(cluster.credentials))
    except SealBroken as exc:
        raise UnusableCredentials(f"cluster {cluster.name}: {exc}") from exc

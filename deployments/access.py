"""From a cluster's row to how it is reached. For worker and observer: opens the sealed credentials."""

from django.conf import settings

from deployments.models import Cluster
from deployments.sealing import SealBroken, unseal
from k8s.connect import IN_CLUSTER, Access, in_cluster_access, load_kubeconfig
from k8s.errors import UnusableCredentials


def is_by_own_accounts(cluster: Cluster) -> bool:
    """Whether each process reaches a cluster by its own pod's account: one cannot ask for another then."""
    try:
        return bool(cluster.credentials) and unseal(cluster.credentials) == IN_CLUSTER
    except SealBroken:
        return False


def access_of(cluster: Cluster) -> Access:
    """Raises: UnusableCredentials: none stored, sealed with another key, or not a usable kubeconfig."""
    if not cluster.credentials:
        raise UnusableCredentials(f"cluster {cluster.name} has no credentials")
    try:
        text = unseal(cluster.credentials)
    except SealBroken as exc:
        raise UnusableCredentials(f"cluster {cluster.name}: {exc}") from exc
    if text != IN_CLUSTER:
        return load_kubeconfig(text, allow_insecure_tls=cluster.insecure_tls)
    # Each process by the service account of its own pod: worker and observer may do different things.
    return in_cluster_access(
        settings.SERVICE_ACCOUNT_DIR,
        host=settings.KUBERNETES_SERVICE_HOST,
        port=settings.KUBERNETES_SERVICE_PORT,
    )

"""Each cluster: as the observer last saw it, and asked from here with the credentials that are stored."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec
from cryptography import x509
from django.utils import timezone

from deployments import clients, inspecting
from deployments.access import access_of
from deployments.doctor import clock
from deployments.doctor.findings import Area
from deployments.inspection import Inspection
from deployments.models import Cluster, ClusterState
from deployments.sealing import SealBroken, unseal
from deployments.selectors.status import stale_since
from k8s.client import KubernetesCluster
from k8s.connect import IN_CLUSTER, Access
from k8s.errors import ClusterError, Unauthorized, UnusableCredentials
from k8s.permissions import Need, roles

Who = Literal["worker", "observer"]

_OLDEST_MINOR: Final = 27
_SOON: Final = timedelta(days=14)
_CONNECT: Final = "On the page Clusters, give it a new kubeconfig: "
_KUBECONFIG: Final = "kubectl config view --raw --flatten --minify"


def look_at_clusters(area: Area, who: Who) -> None:
    """`who` is as whom this process is known to the cluster it runs in: there, each has its own account."""
    rows = list(Cluster.objects.exclude(state=ClusterState.DISCONNECTED))
    if not rows:
        area.warning(
            "no_clusters",
            "No cluster is connected.",
            why="Nothing can be deployed.",
            remedy=f"Connect one on the page Clusters, with the output of: {_KUBECONFIG}",
        )
    for row in rows:
        _look_at_sight(area, row)
        _look_directly(area, row, who)


def _look_at_sight(area: Area, row: Cluster) -> None:
    since = stale_since(row)
    if since is not None:
        said = f": {row.message}" if row.message else ""
        area.problem(
            "cluster_not_seen",
            f"The observer has had no word from cluster {row.name} since {since:%Y-%m-%d %H:%M:%S} UTC{said}",
            why="Its deployments are shown as unknown, and what changes there is not noticed.",
            remedy="See that the observer runs and reaches it: docker compose logs --tail 50 observer",
        )
    if row.metrics_message:
        area.warning(
            "cluster_not_measured",
            f"Cluster {row.name} does not say what its pods use: {row.metrics_message}",
            why="Usage, charts, right sizes and autoscaling by CPU need metrics.k8s.io.",
            remedy="Install metrics-server there: kubectl apply -f "
            "https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml",
        )
    if row.insecure_tls:
        area.warning(
            "cluster_tls_unverified",
            f"The certificate of cluster {row.name} is not verified.",
            why="Whoever sits between can take its credentials.",
            remedy=f"{_CONNECT}one with certificate-authority-data, as of: {_KUBECONFIG}",
        )


def _look_directly(area: Area, row: Cluster, who: Who) -> None:
    try:
        access = access_of(row)
        client = clients.client_of(row)
        _look_at_certificate(area, row, access)
        asked_at = timezone.now()
        theirs = client.clock()
        if theirs is not None:
            # Told in whole seconds.
            clock.compare(area, f"cluster {row.name}", theirs, asked_at - timedelta(seconds=1))
        _look_at_version(area, row, client)
        _look_at_permissions(area, row, who)
    except UnusableCredentials as exc:
        area.problem(
            "cluster_credentials",
            f"The credentials of cluster {row.name} cannot be used: {exc}",
            why="Nothing is written there.",
            remedy=f"{_CONNECT}{_KUBECONFIG}",
        )
    except Unauthorized as exc:
        area.problem(
            "cluster_unauthorized",
            f"Cluster {row.name} does not know our credentials any more: {exc.message}",
            why="Nothing is written there, and nothing is seen.",
            remedy=f"{_CONNECT}with a fresh token (kubectl create token timoneiro), as of {_KUBECONFIG}",
        )
    except ClusterError as exc:
        area.problem(
            "cluster_unreachable",
            f"Cluster {row.name} cannot be asked from here: {exc}",
            why="Wishes wait until it answers.",
            remedy=f"Ask it from this machine: curl -k {_server_of(row)}/version; then its firewall",
        )


def _server_of(row: Cluster) -> str:
    try:
        return access_of(row).server
    except UnusableCredentials:
        return "https://SERVER"


def _look_at_version(area: Area, row: Cluster, client: KubernetesCluster) -> None:
    version = client.version()
    area.note(f"cluster {row.name}: Kubernetes {version}")
    found = re.match(r"v1\.(\d+)", version)
    if found and int(found[1]) < _OLDEST_MINOR:
        area.warning(
            "cluster_version",
            f"Cluster {row.name} runs Kubernetes {version}, older than what is tested (1.{_OLDEST_MINOR}).",
            why="What newer versions do by themselves may be missing there.",
            remedy="Upgrade it, one minor version at a time: kubeadm upgrade plan",
        )


def _look_at_certificate(area: Area, row: Cluster, access: Access) -> None:
    if not access.client_cert_pem:
        return
    ends = x509.load_pem_x509_certificate(access.client_cert_pem.encode()).not_valid_after_utc
    if ends < datetime.now(UTC):
        area.problem(
            "cluster_certificate_expired",
            f"The client certificate for cluster {row.name} ended on {ends:%Y-%m-%d}.",
            why="The cluster refuses us.",
            remedy=f"{_CONNECT}{_KUBECONFIG}",
        )
    elif ends < datetime.now(UTC) + _SOON:
        area.warning(
            "cluster_certificate_ends",
            f"The client certificate for cluster {row.name} ends on {ends:%Y-%m-%d}.",
            why="From then on the cluster refuses us.",
            remedy=f"{_CONNECT}{_KUBECONFIG}",
        )


def _look_at_permissions(area: Area, row: Cluster, who: Who) -> None:
    found = msgspec.convert(inspecting.inspect(row.pk), Inspection)
    missing = [need for need in found.missing if need.who == who or not _runs_inside(row)]
    if _runs_inside(row):
        area.note(
            f"cluster {row.name}: permissions of the {who} alone; --as tells of the other's, in its pod"
        )
    if not missing:
        return
    area.problem(
        "cluster_permissions",
        f"Cluster {row.name} does not allow us: {'; '.join(_said(need) for need in missing)}",
        why="; ".join(dict.fromkeys(f"{need.name}: {need.why}" for need in missing)),
        remedy="Apply this there, and bind it to the account that we use (kubectl apply -f -):\n"
        + roles(missing, name="timoneiro-missing"),
    )


def _said(need: Need) -> str:
    return f"{', '.join(need.verbs)} {need.name} (for the {need.who})"


def _runs_inside(row: Cluster) -> bool:
    try:
        return unseal(row.credentials) == IN_CLUSTER
    except SealBroken:
        return False

"""What may be wrong with a cluster, or with our way to it, is named with its remedy."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID
from django.utils import timezone

from deployments.doctor import Area, clusters
from deployments.models import Cluster, ClusterState
from deployments.sealing import seal
from k8s.connect import load_kubeconfig
from tests.deployments.found import found_by, named
from tests.deployments.small_api_server import SmallApiServer, serving
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db


def look(area: Area) -> None:
    clusters.look_at_clusters(area, "worker")


def connected(name: str, kubeconfig: str, **columns: Any) -> Cluster:
    sealed = seal(load_kubeconfig(kubeconfig).as_kubeconfig())
    columns = {"state": ClusterState.CONNECTED, "seen_at": timezone.now(), **columns}
    return Cluster.objects.create(name=name, credentials=sealed, **columns)


@pytest.fixture
def small() -> Iterator[SmallApiServer]:
    with serving() as server:
        yield server


def test_a_cluster_that_is_well_has_no_findings(local_cluster: ClusterServer) -> None:
    connected("well", local_cluster.kubeconfig.read_text())
    assert not found_by(look)


def test_no_cluster() -> None:
    assert named(found_by(look)["no_clusters"], "No cluster", "kubectl config view")


def test_a_cluster_that_the_observer_has_lost() -> None:
    with serving() as server:
        long_ago = timezone.now() - timedelta(minutes=5)
        connected("far", server.kubeconfig, seen_at=long_ago, message="connection refused")
        found = found_by(look)
    assert set(found) == {"cluster_not_seen"}
    assert named(found["cluster_not_seen"], f"far since {long_ago:%Y-%m-%d %H:%M}", "--tail 50 observer")
    assert "connection refused" in found["cluster_not_seen"].what
    # Now it does not answer here either.
    found = found_by(look)
    assert named(found["cluster_unreachable"], "far cannot be asked", f":{server.port}/version")


def test_a_cluster_that_knows_our_token_no_more(local_cluster: ClusterServer) -> None:
    text = local_cluster.kubeconfig.read_text()
    access = load_kubeconfig(text)
    assert access.token
    connected("locked", text.replace(access.token, "not-the-token"))
    found = found_by(look)
    assert named(found["cluster_unauthorized"], "locked does not know", "kubectl create token")
    assert "not-the-token" not in f"{found}"


def test_a_cluster_that_does_not_allow_what_we_need(small: SmallApiServer) -> None:
    connected("strict", small.kubeconfig)
    assert not found_by(look)
    small.refused = {"poddisruptionbudgets", "nodes"}
    finding = found_by(look)["cluster_permissions"]
    assert named(finding, "get, create, patch, delete poddisruptionbudgets.policy", "kind: ClusterRole")
    assert "list, watch nodes (for the observer)" in finding.what
    assert "poddisruptionbudgets" in finding.remedy


def test_the_cluster_that_we_should_run_in_and_do_not(settings: Any, tmp_path: Path) -> None:
    settings.SERVICE_ACCOUNT_DIR = tmp_path
    Cluster.objects.create(name="home", credentials=seal("in-cluster"), seen_at=timezone.now())
    finding = found_by(look)["cluster_credentials"]
    assert named(finding, "does not run in a Kubernetes cluster", "kubectl config view")


@pytest.mark.parametrize(("ahead", "words"), [(40, "ahead of"), (-40, "behind")])
def test_a_cluster_whose_clock_is_off(ahead: int, words: str, small: SmallApiServer) -> None:
    connected("late", small.kubeconfig)
    small.ahead = timedelta(seconds=ahead)
    finding = found_by(look)["clock_skew"]
    assert named(finding, "cluster late", "timedatectl set-ntp true")
    assert words in finding.what


def test_an_old_cluster_an_unverified_one_and_one_without_metrics(small: SmallApiServer) -> None:
    small.version = "v1.19.4"
    connected("old", small.kubeconfig, insecure_tls=True, metrics_message="no metrics.k8s.io")
    found = found_by(look)
    assert named(found["cluster_version"], "v1.19.4", "kubeadm upgrade")
    assert named(found["cluster_tls_unverified"], "not verified", "certificate-authority-data")
    assert named(found["cluster_not_measured"], "no metrics.k8s.io", "metrics-server")
    assert {finding.severity for finding in found.values()} == {"warning"}


@pytest.mark.parametrize(
    ("days", "code"), [(-1, "cluster_certificate_expired"), (3, "cluster_certificate_ends")]
)
def test_a_client_certificate_that_ends(days: int, code: str, small: SmallApiServer) -> None:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "timoneiro")])
    ends = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(ends - timedelta(days=30)).not_valid_after(ends)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with_certificate = small.kubeconfig.replace(
        "token: small-token",
        f"client-certificate-data: {base64.b64encode(pem).decode()}\n"
        f"    client-key-data: {base64.b64encode(private).decode()}",
    )
    connected("signed", with_certificate)
    assert named(found_by(look)[code], f"{ends:%Y-%m-%d}", "kubectl config view")

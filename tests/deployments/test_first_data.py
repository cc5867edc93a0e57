"""What a new installation begins with."""

import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import RequestFactory

from deployments.access import access_of
from deployments.first_data import ensure_first_data
from deployments.models import Cluster, Model, ModelVersion, Namespace, SealingKey, SizePreset
from deployments.sealing import seal_for_workers
from k8s.client import KubernetesCluster
from k8s.connect import load_kubeconfig
from k8s.errors import UnusableCredentials
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: first
clusters:
- {name: one, cluster: {server: "https://127.0.0.1:6443"}}
- {name: two, cluster: {server: "https://10.0.0.9:6443"}}
users:
- {name: me, user: {token: secret-one}}
- {name: other, user: {token: secret-two}}
contexts:
- {name: first, context: {cluster: one, user: me}}
- {name: second, context: {cluster: two, user: other}}
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


def test_accounts_have_passwords_that_only_the_owner_reads(tmp_path: Path) -> None:
    ensure_first_data(kubeconfig=None, context="", data_dir=tmp_path)
    file = tmp_path / "passwords"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    accounts = dict(line.split() for line in file.read_text().splitlines())
    assert list(accounts) == ["deployer", "viewer", "lead", "admin"]
    for name, password in accounts.items():
        assert authenticate(RequestFactory().post("/sign-in/"), username=name, password=password) is not None
    assert User.objects.get(is_superuser=True).username == "admin"


def test_the_samples_are_in_the_catalogue(tmp_path: Path) -> None:
    ensure_first_data(kubeconfig=None, context="", data_dir=tmp_path)
    assert set(Model.objects.values_list("name", flat=True)) == {"house", "iris", "sentiment"}
    assert ModelVersion.objects.filter(model__name="house", port=5001).count() == 2


def test_a_second_start_changes_nothing(tmp_path: Path, kubeconfig: Path) -> None:
    ensure_first_data(kubeconfig=kubeconfig, context="", data_dir=tmp_path)
    before = (tmp_path / "passwords").read_text()
    sealed = Cluster.objects.get().credentials
    Model.objects.filter(name="iris").delete()
    ensure_first_data(kubeconfig=kubeconfig, context="", data_dir=tmp_path)
    assert (tmp_path / "passwords").read_text() == before
    assert Cluster.objects.get().credentials == sealed
    assert not Model.objects.filter(name="iris").exists()


def test_one_context_is_kept_and_sealed(tmp_path: Path, kubeconfig: Path) -> None:
    ensure_first_data(kubeconfig=kubeconfig, context="second", data_dir=tmp_path)
    cluster = Cluster.objects.get()
    assert (cluster.name, cluster.node_address) == ("second", "10.0.0.9")
    assert "secret" not in cluster.credentials
    assert access_of(cluster).token == "secret-two"
    assert Namespace.objects.get().name == "pricing"


def test_credentials_follow_the_kubeconfig(tmp_path: Path, kubeconfig: Path) -> None:
    ensure_first_data(kubeconfig=kubeconfig, context="", data_dir=tmp_path)
    kubeconfig.write_text(KUBECONFIG.replace("secret-one", "renewed"))
    ensure_first_data(kubeconfig=kubeconfig, context="", data_dir=tmp_path)
    assert access_of(Cluster.objects.get()).token == "renewed"


def test_credentials_sealed_with_another_key_are_not_opened(
    tmp_path: Path, kubeconfig: Path, settings: object
) -> None:
    ensure_first_data(kubeconfig=kubeconfig, context="", data_dir=tmp_path)
    settings.ENCRYPTION_KEY = "b3RoZXIta2V5LW90aGVyLWtleS1vdGhlci1rZXktMDA="  # type: ignore[attr-defined]
    with pytest.raises(UnusableCredentials, match="another key"):
        access_of(Cluster.objects.get())


def test_sizes_and_the_key_for_secrets_are_there_from_the_start(tmp_path: Path, settings: Any) -> None:
    ensure_first_data(kubeconfig=None, context="", data_dir=tmp_path)
    assert list(SizePreset.objects.values_list("name", flat=True)) == ["small", "medium", "large", "gpu"]
    SizePreset.objects.filter(name="gpu").delete()
    key = SealingKey.objects.get().public_key
    ensure_first_data(kubeconfig=None, context="", data_dir=tmp_path)
    assert SizePreset.objects.count() == 3
    assert SealingKey.objects.get().public_key == key
    settings.ENCRYPTION_KEY = ""
    assert seal_for_workers("x").startswith("hpke2:")


def test_the_cluster_that_we_run_in_needs_no_kubeconfig(
    tmp_path: Path, settings: Any, local_cluster: ClusterServer
) -> None:
    ensure_first_data(kubeconfig=Path("in-cluster"), context="production", data_dir=tmp_path)
    cluster = Cluster.objects.get()
    assert (cluster.name, cluster.node_address) == ("production", "")
    with pytest.raises(UnusableCredentials, match="does not run in a Kubernetes cluster"):
        access_of(cluster)
    told = load_kubeconfig(local_cluster.kubeconfig.read_text())
    (tmp_path / "ca.crt").write_text(told.ca_pem or "")
    (tmp_path / "token").write_text(f"{told.token}\n")
    where = urlsplit(told.server)
    settings.SERVICE_ACCOUNT_DIR = tmp_path
    settings.KUBERNETES_SERVICE_HOST, settings.KUBERNETES_SERVICE_PORT = where.hostname, str(where.port)
    assert KubernetesCluster(access_of(cluster)).version().startswith("v1.")

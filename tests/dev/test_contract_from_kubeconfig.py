"""`./dev test --kubeconfig` holds a cluster that it did not start to the contract."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.suites import from_here, of_contract
from k8s.client import KubernetesCluster
from k8s.connect import load_kubeconfig
from tests.processes import new_cluster

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600


@pytest.mark.timeout(SECONDS)
def test_a_local_cluster_passes_as_if_it_were_foreign_and_nothing_is_skipped(tmp_path: Path) -> None:
    server = new_cluster(tmp_path / "cluster")
    server.start()
    try:
        command = [sys.executable, "-m", "devtools.suites", "--kubeconfig", str(server.kubeconfig)]
        ran = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS - 30, check=False
        )
        assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2000:]
        assert re.search(r"\d+ passed", ran.stdout)
        assert "skipped" not in ran.stdout
        assert left_in(server.kubeconfig) == set(), "its namespaces are removed"
    finally:
        server.stop()


def left_in(kubeconfig: Path) -> set[str]:
    """Namespaces of the contract that nobody has asked to go."""
    cluster = KubernetesCluster(load_kubeconfig(kubeconfig.read_text()))
    found = cluster.list("Namespace")
    cluster.close()
    return {
        each["metadata"]["name"]
        for each in found
        if each["metadata"]["name"].startswith("contract-") and "deletionTimestamp" not in each["metadata"]
    }


def test_a_kubeconfig_is_looked_for_where_the_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(["--kubeconfig", "mine", "-x"]) == ["--kubeconfig", str(tmp_path / "mine"), "-x"]
    assert from_here(["--kubeconfig=mine"]) == [f"--kubeconfig={tmp_path / 'mine'}"]
    assert from_here(["tests/k8s"]) == ["tests/k8s"]


def test_it_runs_the_contract_and_says_what_it_skips() -> None:
    told = of_contract(["--kubeconfig", "/x", "--image", "house:1.0"])
    assert "tests/contract" in told
    assert "-rs" in told
    assert told[-2:] == ["--image", "house:1.0"]
    assert "tests/contract" not in of_contract(["--kubeconfig", "/x", "tests/contract/test_life.py"])

"""The compose file is consistent with the settings' idea of who may know what."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, Any] = loaded["services"]
    return found


def test_every_process_of_the_product_is_there(services: dict[str, Any]) -> None:
    ours = {"migrate", "web", "live", "worker", "answers", "chores", "beat", "observer"}
    assert set(services) == {"postgres", "redis", *ours}


def test_only_the_cluster_side_can_open_credentials(services: dict[str, Any]) -> None:
    for name in ("web", "live", "beat"):
        assert not {"ENCRYPTION_KEY", "KUBECONFIG_PATH"} & services[name]["environment"].keys(), name
        assert "secrets" not in services[name]
    for name in ("migrate", "worker", "answers", "chores", "observer"):
        assert "ENCRYPTION_KEY" in services[name]["environment"], name


def test_nothing_listens_beyond_the_host(services: dict[str, Any]) -> None:
    for service in services.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_no_secret_has_a_default(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if name.endswith(("_KEY", "_PASSWORD")):
                assert ":?" in value, name

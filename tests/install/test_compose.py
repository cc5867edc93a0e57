"""The compose file keeps its promises: who may know what, what is pinned, what has to be set."""

import ipaddress
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management.base import CommandError
from django.urls import reverse

from deployments.management.commands.prepare import kubeconfig_at
from k8s.connect import load_kubeconfig
from tests.install import compose
from tests.processes import ClusterServer

SECRETS = {"SECRET_KEY", "ENCRYPTION_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}
TOLD = {name: f"some-{name.lower().replace('_', '-')}" for name in (*SECRETS, "SITE_HOST")}
OURS = {"migrate", "web", "live", "worker", "answers", "chores", "beat", "observer"}
FOR_A_CLUSTER = {"k3s", "hand-over"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return compose.services(TOLD)


def test_every_process_of_the_product_is_there(services: dict[str, Any]) -> None:
    assert set(services) == {"proxy", "postgres", "redis", *OURS, *FOR_A_CLUSTER}
    assert {name for name, one in services.items() if one.get("profiles") == ["cluster"]} == FOR_A_CLUSTER


def test_only_the_cluster_side_can_open_credentials(services: dict[str, Any]) -> None:
    for name in ("web", "live", "beat"):
        assert not {"ENCRYPTION_KEY", "KUBECONFIG_PATH"} & services[name]["environment"].keys(), name
    for name in ("migrate", "worker", "answers", "chores", "observer"):
        assert "ENCRYPTION_KEY" in services[name]["environment"], name
    having = {
        name for name, one in services.items() if any("kubeconfig" in v for v in one.get("volumes", []))
    }
    assert having == {"migrate", "hand-over"}


def test_an_earlier_key_is_still_read_by_every_process_of_ours() -> None:
    told = compose.services({**TOLD, "SECRET_KEY_FALLBACKS": "the-one-before"})
    for name in OURS:
        assert told[name]["environment"]["SECRET_KEY_FALLBACKS"] == "the-one-before", name


def test_traces_are_told_where_to_go_to_those_who_make_some_and_get_there() -> None:
    told = compose.services({**TOLD, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    telling = {
        name
        for name in OURS
        if told[name]["environment"].get("OTEL_EXPORTER_OTLP_ENDPOINT") == "http://collector:4318"
    }
    assert telling == {"web", "worker", "answers", "chores"}
    assert all("outside" in told[name]["networks"] for name in telling)


def test_each_process_that_stays_is_asked_whether_it_is_well(services: dict[str, Any]) -> None:
    by_file = {"worker", "answers", "chores", "beat", "observer"}
    for name in by_file:
        file = services[name]["environment"]["ALIVE_FILE"]
        assert services[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "deployments.alive", file]
        assert str(Path(file).parent) in services[name]["tmpfs"], "a file of another process"
    # The image's own check, over HTTP.
    assert not any("healthcheck" in services[name] for name in ("web", "live"))


def test_people_reach_the_proxy_alone(services: dict[str, Any]) -> None:
    assert {name for name, one in services.items() if one.get("ports")} == {"proxy"}
    networks = compose.written()["networks"]
    assert networks["store"]["internal"] and networks["front"]["internal"]
    for name in ("postgres", "redis"):
        assert services[name]["networks"] == ["store"], name


def test_the_proxy_alone_is_believed_about_who_asks(services: dict[str, Any]) -> None:
    address = services["proxy"]["networks"]["front"]["ipv4_address"]
    front = compose.filled_in(compose.written()["networks"]["front"], TOLD)
    assert ipaddress.ip_address(address) in ipaddress.ip_network(front["ipam"]["config"][0]["subnet"])
    for name in ("web", "live"):
        assert services[name]["environment"]["FORWARDED_ALLOW_IPS"] == address, name


@pytest.mark.parametrize("name", sorted(TOLD))
def test_nothing_starts_without(name: str) -> None:
    with pytest.raises(compose.NotSet, match=rf"{name}: set {name} in \.env, see \.env\.example"):
        compose.services({**TOLD, name: ""})


def test_the_example_names_what_is_needed_and_gives_no_secret() -> None:
    assert compose.example_variables() == dict.fromkeys(TOLD, "")


def test_no_secret_is_on_a_command_line(services: dict[str, Any]) -> None:
    for name, one in services.items():
        told = str([one.get("command"), one.get("healthcheck"), one.get("entrypoint")])
        assert not any(TOLD[secret] in told for secret in SECRETS), name


def test_every_image_is_pinned_by_tag_and_digest(services: dict[str, Any]) -> None:
    for name, one in services.items():
        if "build" not in one:
            assert re.fullmatch(r"[a-z0-9/]+:[a-z0-9.-]*\d[a-z0-9.-]*@sha256:[0-9a-f]{64}", one["image"]), (
                name
            )


def test_ours_run_with_as_little_as_they_need(services: dict[str, Any]) -> None:
    for name in OURS:
        one = services[name]
        assert one["read_only"] and one["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in one["security_opt"], name
        assert not one.get("privileged") and not one.get("cap_add"), name


def test_what_streams_goes_to_the_streaming_server() -> None:
    """Of each route that may answer with a stream, and of its neighbours, which do not."""
    caddyfile = (compose.ROOT / "Caddyfile").read_text()
    streams = re.search(r"@streams path_regexp (\S+)", caddyfile)
    assert streams
    one = {"team": "pricing", "name": "house"}
    streaming = [
        reverse("live"),
        reverse("deployment-logs-follow", kwargs=one),
        reverse("api:watch"),
        reverse("api:logs", kwargs=one),
    ]
    others = [
        reverse("deployment-logs", kwargs=one),
        reverse("api:captured-logs", kwargs=one),
        "/",
        "/api/v1/me",
    ]
    for path in [*streaming, *(f"{path.rstrip('/')}/" for path in streaming if path.startswith("/api/"))]:
        assert re.search(streams[1], path), path
    for path in others:
        assert not re.search(streams[1], path), path


K3S_WRITES = """
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    token: some-default-token
"""


def test_the_kubeconfig_of_k3s_is_handed_over_with_the_name_it_is_reached_by(
    services: dict[str, Any], tmp_path: Path, local_cluster: ClusterServer
) -> None:
    ca = yaml.safe_load(local_cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    output, handed = tmp_path / "output", tmp_path / "handed"
    output.mkdir()
    handed.mkdir()
    (output / "kubeconfig").write_text(K3S_WRITES.format(ca=ca["certificate-authority-data"]))
    (command,) = services["hand-over"]["command"]
    script = command.replace("/output", str(output)).replace("/handed", str(handed))
    # Whoever runs the tests may own nothing in another's name.
    script = script.replace("chown 10001:10001", "true")
    subprocess.run([*services["hand-over"]["entrypoint"], script], check=True)
    access = load_kubeconfig(kubeconfig_at(handed).read_text())
    assert (access.server, access.context, access.token) == ("https://k3s:6443", "k3s", "some-default-token")


def test_a_kubeconfig_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    """Docker makes a folder of a file that it does not find."""
    with pytest.raises(CommandError, match="KUBECONFIG_FILE name a file that exists"):
        kubeconfig_at(tmp_path)

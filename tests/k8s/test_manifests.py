"""What a wish becomes on the cluster. The golden files are what people see in the preview."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.manifests import build, label_value, namespace, template_fingerprint, to_yaml
from k8s.spec import PRESETS, EnvVar, Resources, Rollout, Service, Wish
from tests.k8s.wishes import WISH, built, changed

GOLDEN = Path(__file__).parents[1] / "fixtures" / "manifests"
EVERYTHING = changed(
    spec={
        "env": (EnvVar(name="LOG_LEVEL", value="info"), EnvVar(name="ANSWER", value="yes")),
        "resources": PRESETS["gpu"],
        "health_path": "/v2/health/ready",
        "version": "2.0+cu121",
        "service": Service(type="LoadBalancer", port=80),
        "rollout": Rollout(max_surge=2, max_unavailable=1),
    },
    replicas=5,
    revision=7,
    restarted_at="2026-11-23T20:00:00Z",
    change_cause="roll out 2.0",
)


@pytest.mark.parametrize(("name", "wish"), [("ordinary", WISH), ("everything", EVERYTHING)])
def test_a_wish_becomes_these_objects(name: str, wish: Wish) -> None:
    assert to_yaml(build(wish)) == (GOLDEN / f"{name}.yaml").read_text()


def test_yaml_reads_back_as_the_objects() -> None:
    assert list(yaml.safe_load_all(to_yaml(build(EVERYTHING)))) == build(EVERYTHING)


def template(wish: Wish, **options: Any) -> dict[str, Any]:
    (deployment,) = (made for made in build(wish, **options) if made["kind"] == "Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]
    return found


@pytest.mark.parametrize(
    "wish",
    [
        changed(replicas=9),
        changed(revision=3),
        changed(change_cause="why"),
        changed(spec={"service": Service(type="ClusterIP", port=80)}),
        changed(spec={"rollout": Rollout(max_surge=3)}),
    ],
)
def test_pods_are_kept_where_nothing_of_theirs_changes(wish: Wish) -> None:
    assert template(wish) == template(WISH)
    assert template_fingerprint(wish) == template_fingerprint(WISH)


@pytest.mark.parametrize(
    "wish",
    [
        changed(spec={"image": "local/house:2.0"}),
        changed(spec={"env": (EnvVar(name="A"),)}),
        changed(spec={"resources": Resources(cpu="1", cpu_limit="1")}),
        changed(spec={"port": 8080}),
        changed(spec={"health_path": "/ready"}),
        changed(restarted_at="2026-11-23T20:00:00Z"),
    ],
)
def test_pods_are_replaced_where_something_of_theirs_changes(wish: Wish) -> None:
    assert template_fingerprint(wish) != template_fingerprint(WISH)


def test_going_back_to_an_old_spec_goes_back_to_its_pods() -> None:
    assert template_fingerprint(changed(revision=9)) == template_fingerprint(changed(revision=1))


def test_the_selector_holds_what_never_changes() -> None:
    deployment, service = built(EVERYTHING), built(EVERYTHING, "Service")
    assert deployment["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/instance": "house-prices"}}
    assert service["spec"]["selector"] == {"app.kubernetes.io/instance": "house-prices"}


def test_pods_are_valid_where_pod_security_is_restricted() -> None:
    pod = template(WISH)["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {key for volume in pod["volumes"] for key in volume} == {"name", "emptyDir"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod)
    assert pod["automountServiceAccountToken"] is False


def test_gpus_are_requested_and_limited_alike() -> None:
    resources = template(EVERYTHING)["spec"]["containers"][0]["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "1"
    (other,) = template(EVERYTHING, gpu_resource="amd.com/gpu")["spec"]["containers"]
    assert other["resources"]["limits"]["amd.com/gpu"] == "1"


def test_home_can_be_chosen() -> None:
    wish = changed(spec={"env": (EnvVar(name="HOME", value="/models"),)})
    assert template(wish)["spec"]["containers"][0]["env"] == [{"name": "HOME", "value": "/models"}]


def test_a_node_port_is_left_to_the_cluster_unless_named_and_usable() -> None:
    chosen = changed(spec={"service": Service(type="NodePort", port=80)})
    inside = changed(spec={"service": Service(type="ClusterIP", port=80, node_port=30001)})
    assert "nodePort" not in built(chosen, "Service")["spec"]["ports"][0]
    assert "nodePort" not in built(inside, "Service")["spec"]["ports"][0]
    assert built(WISH, "Service")["spec"]["ports"][0]["nodePort"] == 30001


@pytest.mark.parametrize(
    ("text", "value"),
    [("2.0+cu121", "2.0_cu121"), ("-x-", "x"), ("a" * 80, "a" * 63), ("", ""), ("v1/β", "v1")],
)
def test_labels_hold_what_labels_may(text: str, value: str) -> None:
    assert label_value(text) == value


def test_a_namespace_of_a_team_is_restricted() -> None:
    labels = namespace("pricing", "pricing")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["timoneiro.dev/team"] == "pricing"

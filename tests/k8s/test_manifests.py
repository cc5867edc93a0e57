"""What a wish becomes on the cluster, rule by rule."""

import base64
import json
import re
from typing import Any

import pytest
import yaml

from k8s.manifests import (
    build,
    diff,
    handover,
    label_value,
    namespace,
    placeholders,
    registry_secret_name,
    replaces_pods,
    template_fingerprint,
    to_yaml,
)
from k8s.spec import (
    PRESETS,
    Autoscaling,
    EnvVar,
    PullCredentials,
    Resources,
    Rollout,
    Secrets,
    Security,
    Service,
    Wish,
)
from tests.k8s.representative import WISHES
from tests.k8s.wishes import WISH, built, changed

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


def kinds(wish: Wish, **options: Any) -> list[str]:
    return [made["kind"] for made in build(wish, **options)]


def test_objects_come_in_the_order_to_write_them() -> None:
    assert kinds(WISHES["everything"]) == [
        "Secret",
        "Secret",
        "Service",
        "Deployment",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
    ]


@pytest.mark.parametrize(
    ("wish", "budget"),
    [
        (changed(replicas=0), False),
        (changed(replicas=1), False),
        (changed(replicas=2), True),
        (changed(replicas=None, autoscaling=Autoscaling(max_replicas=9, target_cpu_percent=50)), False),
        (
            changed(
                replicas=None,
                autoscaling=Autoscaling(min_replicas=2, max_replicas=9, target_cpu_percent=50),
            ),
            True,
        ),
    ],
)
def test_two_pods_or_more_have_a_budget_of_disruptions(wish: Wish, budget: bool) -> None:
    assert ("PodDisruptionBudget" in kinds(wish)) is budget


def test_a_count_left_to_the_autoscaler_is_not_sent() -> None:
    wish = WISHES["autoscaled"]
    assert "replicas" not in built(wish)["spec"]
    assert built(wish, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == wish.name
    assert "replicas" in built(WISH)["spec"]
    assert handover(wish, 3) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "house-prices", "namespace": "pricing"},
        "spec": {"replicas": 3},
    }


SECRETS = Secrets(
    values={"API_KEY.b7c2e1": "s3cr3t-ü", "API_KEY.old": "before"},
    pull=PullCredentials(registry="docker.io", username="robot", password="p4ssword"),
)


def opened(wish: Wish, secrets: Secrets) -> list[dict[str, str]]:
    """The data of the Secrets of a wish, decoded."""
    found = [made["data"] for made in build(wish, secrets=secrets) if made["kind"] == "Secret"]
    return [{key: base64.b64decode(value).decode() for key, value in data.items()} for data in found]


def test_secrets_are_in_clear_only_where_they_are_written() -> None:
    env, pull = opened(WISHES["everything"], SECRETS)
    assert env == {"API_KEY.b7c2e1": "s3cr3t-ü", "API_KEY.old": "before"}
    (login,) = json.loads(pull[".dockerconfigjson"])["auths"].items()
    assert login == (
        "https://index.docker.io/v1/",
        {"username": "robot", "password": "p4ssword", "auth": base64.b64encode(b"robot:p4ssword").decode()},
    )
    secret_free = [made for made in build(WISHES["everything"], secrets=SECRETS) if made["kind"] != "Secret"]
    shown = to_yaml([*build(WISHES["everything"]), *secret_free])
    assert not [word for word in ("s3cr3t", "p4ssword", "robot", "\ndata:") if word in shown]
    assert "s3cr3t" not in repr(SECRETS)
    assert "p4ssword" not in repr(SECRETS)


def test_values_of_the_revision_before_are_kept_while_its_pods_may_restart() -> None:
    assert kinds(changed(), secrets=Secrets(values={"OLD.1": "x"}))[0] == "Secret"
    assert "Secret" not in kinds(changed(), secrets=Secrets())


def test_placeholders_stand_for_every_value_a_wish_needs() -> None:
    env, pull = opened(WISHES["everything"], placeholders(WISHES["everything"]))
    assert set(env) == {"API_KEY.b7c2e1", "DATABASE_URL.0a9f44"}
    assert json.loads(pull[".dockerconfigjson"])["auths"]
    assert opened(WISH, placeholders(WISH)) == []


def test_a_secret_that_is_set_anew_replaces_pods() -> None:
    old, new = (EnvVar(name="API_KEY", secret=True, ref=ref) for ref in ("one", "two"))
    assert replaces_pods(changed(spec={"env": (old,)}), changed(spec={"env": (new,)}))
    assert not replaces_pods(changed(spec={"env": (old,)}), changed(spec={"env": (old,)}, replicas=7))


def test_registries_that_look_alike_have_secrets_of_their_own() -> None:
    names = {registry_secret_name(host) for host in ("a.example:50", "a.example-50", "a-example.50")}
    assert len(names) == 3
    for name in (*names, registry_secret_name("r" * 200 + ".example")):
        assert re.fullmatch(r"timoneiro-registry-[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
        assert len(name) <= 63


def test_root_is_said_to_be_root() -> None:
    context = template(changed(spec={"security": Security(run_as_user=0)}))["spec"]["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (False, 0)


def test_a_read_only_root_keeps_a_place_to_write() -> None:
    pod = template(WISHES["confined"])["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    assert {"name": "HOME", "value": "/tmp"} in container["env"]  # noqa: S108


def test_a_difference_shows_what_a_change_changes_and_nothing_else() -> None:
    assert diff(build(WISH), build(WISH)) == ""
    told = diff(build(WISH), build(changed(replicas=5)), names=("revision 2", "now")).splitlines()
    assert told[:2] == ["--- revision 2", "+++ now"]
    assert [line for line in told[2:] if line[0] in "+-"] == ["-  replicas: 2", "+  replicas: 5"]
    added = diff([], build(WISH)).splitlines()
    assert {line[0] for line in added[3:]} == {"+"}
    scaled = diff(build(changed(replicas=1)), build(changed(replicas=2))).splitlines()
    assert "+kind: PodDisruptionBudget" in scaled
    assert [line for line in scaled[2:] if line.startswith("-")] == ["-  replicas: 1"]


def test_yaml_has_the_letters_of_any_language_and_hides_nothing() -> None:
    same = {"port": "http"}
    said = {"cause": "Atualização", "trap": "a\u202eb\x1b[31m", "once": same, "again": same}
    text = to_yaml([said])
    assert "cause: Atualização" in text
    assert '"a\\u202Eb\\e[31m"' in text
    assert "&" not in text
    assert yaml.safe_load(text) == said

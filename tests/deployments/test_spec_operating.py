"""What people may ask for beyond a first deploy: scaling, rollout, security, secrets, nodes, logins."""

from typing import Any

import pytest

from deployments.errors import InvalidInput
from deployments.models import (
    Cluster,
    Deployment,
    Model,
    ModelVersion,
    NodePreset,
    RegistryCredential,
    SizePreset,
)
from deployments.spec import parse_autoscaling, parse_changes, parse_create, spec_of
from deployments.spec.changes import describe_changes
from k8s.spec import Autoscaling, EnvVar, Resources, Rollout, Security
from teams.models import Team

IMAGE = {"name": "h", "image": "local/house:3.0"}
HPA = {"max_replicas": 5, "target_cpu_percent": 70}

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"autoscaling": 5}, "autoscaling", "not_an_object"),
    ({"autoscaling": {}}, "autoscaling.max_replicas", "required"),
    ({"autoscaling": {"max_replicas": 5}}, "autoscaling.target_cpu_percent", "required"),
    ({"autoscaling": {**HPA, "min_replicas": 6}}, "autoscaling.min_replicas", "min_above_max"),
    ({"autoscaling": {**HPA, "min_replicas": 0}}, "autoscaling.min_replicas", "out_of_range"),
    ({"autoscaling": {**HPA, "max_replicas": 10**6}}, "autoscaling.max_replicas", "out_of_range"),
    ({"autoscaling": {**HPA, "max_replicas": "5"}}, "autoscaling.max_replicas", "not_a_number"),
    ({"autoscaling": {**HPA, "target_cpu_percent": 0}}, "autoscaling.target_cpu_percent", "out_of_range"),
    (
        {"autoscaling": {**HPA, "target_memory_percent": "70%"}},
        "autoscaling.target_memory_percent",
        "not_a_number",
    ),
    ({"autoscaling": {**HPA, "scale_down_seconds": -1}}, "autoscaling.scale_down_seconds", "out_of_range"),
    ({"autoscaling": {**HPA, "metric": "rps"}}, "autoscaling.metric", "unknown_field"),
    ({"rollout": {"strategy": "BlueGreen"}}, "rollout.strategy", "not_a_choice"),
    ({"rollout": {"deadline_seconds": 5}}, "rollout.deadline_seconds", "out_of_range"),
    ({"rollout": {"deadline_seconds": 60}}, "rollout.deadline_seconds", "shorter_than_start"),
    ({"start_seconds": 900}, "rollout.deadline_seconds", "shorter_than_start"),
    ({"rollout": {"auto_rollback": "yes"}}, "rollout.auto_rollback", "not_a_boolean"),
    ({"rollout": {"paused": True}}, "rollout.paused", "unknown_field"),
    ({"start_seconds": 0}, "start_seconds", "out_of_range"),
    ({"start_seconds": 1.5}, "start_seconds", "not_a_number"),
    ({"security": {"run_as_user": -1}}, "security.run_as_user", "out_of_range"),
    ({"security": {"run_as_user": "root"}}, "security.run_as_user", "not_a_number"),
    ({"security": {"read_only_root": 1}}, "security.read_only_root", "not_a_boolean"),
    ({"security": {"privileged": True}}, "security.privileged", "unknown_field"),
    ({"node_preset": "a100"}, "node_preset", "unknown_node_preset"),
    ({"node_preset": 5}, "node_preset", "not_text"),
    ({"node_selector": {"a": "b"}}, "node_selector", "unknown_field"),
    ({"tolerations": []}, "tolerations", "unknown_field"),
    ({"registry": "ghcr.io"}, "registry", "unknown_registry"),
    ({"env": [{"name": "A", "secret": True}]}, "env[0].value", "required"),
    ({"env": [{"name": "A", "secret": True, "value": ""}]}, "env[0].value", "empty"),
    ({"env": [{"name": "A", "secret": "yes", "value": "x"}]}, "env[0].secret", "not_a_boolean"),
    ({"env": [{"name": "A", "secret": True, "value": 5}]}, "env[0].value", "not_text"),
    ({"env": [{"name": "A", "secret": True, "value": "x\0"}]}, "env[0].value", "invalid"),
    ({"env": [{"name": "A", "secret": True, "value": "x", "ref": "r"}]}, "env[0].ref", "unknown_field"),
    (
        {"env": [{"name": f"A{n}", "secret": True, "value": "x" * 32_000} for n in range(13)]},
        "env",
        "too_large",
    ),
    ({"paused": True}, "paused", "read_only"),
]


@pytest.mark.parametrize(("change", "field", "code"), BAD, ids=lambda value: str(value)[:50])
def test_bad_input_is_refused_at_its_field(
    team: Team, cluster: Cluster, change: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_create(team, {**IMAGE, **change})
    found = {(error.field, error.code): error.message for error in refused.value.errors}
    assert (field, code) in found
    assert len(found[field, code]) > 12
    assert refused.value.status == 422


def test_what_nobody_chose_is_safe(team: Team, cluster: Cluster) -> None:
    request = parse_create(team, IMAGE)
    assert (request.autoscaling, request.secret_values) == (None, {})
    assert (request.spec.rollout, request.spec.security) == (Rollout(), Security())
    assert (request.spec.start_seconds, request.spec.placement, request.spec.registry) == (120, None, "")


def test_a_whole_wish_is_read(team: Team, cluster: Cluster) -> None:
    rollout: dict[str, Any] = {
        "strategy": "Recreate",
        "max_surge": 0,
        "max_unavailable": 0,
        "deadline_seconds": 300,
        "auto_rollback": True,
    }
    payload = {
        **IMAGE,
        "autoscaling": {"min_replicas": 2, **HPA, "scale_down_seconds": 60},
        "rollout": rollout,
        "security": {"run_as_user": 0, "read_only_root": True},
        "start_seconds": 30,
    }
    request = parse_create(team, payload)
    expected = Autoscaling(min_replicas=2, max_replicas=5, target_cpu_percent=70, scale_down_seconds=60)
    assert request.autoscaling == expected
    assert request.spec.rollout == Rollout(**rollout)
    assert request.spec.security == Security(run_as_user=0, read_only_root=True)
    assert request.spec.start_seconds == 30


def test_autoscaling_merges_into_what_it_was() -> None:
    current = Autoscaling(min_replicas=2, max_replicas=5, target_cpu_percent=70)
    changed = parse_autoscaling({"max_replicas": 8, "target_memory_percent": 80}, current)
    assert changed == Autoscaling(
        min_replicas=2, max_replicas=8, target_cpu_percent=70, target_memory_percent=80
    )
    swapped = parse_autoscaling({"target_cpu_percent": None, "target_memory_percent": 80}, current)
    assert swapped is not None
    assert (swapped.target_cpu_percent, swapped.target_memory_percent) == (None, 80)
    assert parse_autoscaling(None, current) is None
    with pytest.raises(InvalidInput) as refused:
        parse_autoscaling({"target_cpu_percent": None}, current)
    assert [error.field for error in refused.value.errors] == ["target_cpu_percent"]


def test_sizes_are_those_that_admins_keep(team: Team, cluster: Cluster) -> None:
    tiny = SizePreset(name="tiny", cpu="50m", memory="64Mi", cpu_limit="100m", memory_limit="64Mi")
    tiny.save()
    expected = Resources(cpu="50m", memory="64Mi", cpu_limit="100m", memory_limit="64Mi")
    assert parse_create(team, {**IMAGE, "preset": "tiny"}).spec.resources == expected
    # The only size there is; "small" is none of them.
    assert parse_create(team, IMAGE).spec.resources == expected
    with pytest.raises(InvalidInput) as refused:
        parse_create(team, {**IMAGE, "preset": "small"})
    assert "tiny" in refused.value.errors[0].message


def test_a_node_preset_is_copied_as_it_is(team: Team, cluster: Cluster, deployment: Deployment) -> None:
    preset = NodePreset.objects.create(
        cluster=cluster, name="a100", node_selector={"gpu": "a100"}, tolerations=[{"key": "gpu"}]
    )
    placement = parse_changes(deployment, {"node_preset": "a100"}).spec.placement
    assert placement is not None
    assert (placement.preset, placement.node_selector) == ("a100", {"gpu": "a100"})
    assert placement.tolerations[0].key == "gpu"
    deployment.spec = {**deployment.spec, "placement": {"preset": "a100", "node_selector": {"gpu": "a100"}}}
    preset.node_selector = {"gpu": "h100"}
    preset.save()
    kept = parse_changes(deployment, {"port": 1}).spec.placement
    assert kept is not None
    assert kept.node_selector == {"gpu": "a100"}
    assert parse_changes(deployment, {"node_preset": None}).spec.placement is None


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("ghcr.io/team/house:1", "ghcr.io"),
        ("house:1", "docker.io"),
        ("team/house:1", "docker.io"),
        ("other.example/house:1", ""),
    ],
)
def test_the_login_is_that_of_the_images_registry(
    team: Team, cluster: Cluster, image: str, registry: str
) -> None:
    for host in ("ghcr.io", "docker.io"):
        RegistryCredential.objects.create(team=team, registry=host, username="u", updated_by="lead")
    assert parse_create(team, {"name": "h", "image": image}).spec.registry == registry
    assert parse_create(team, {"name": "h", "image": image, "registry": None}).spec.registry == ""


def test_a_login_stays_until_the_image_changes(team: Team, deployment: Deployment) -> None:
    RegistryCredential.objects.create(team=team, registry="docker.io", username="u", updated_by="lead")
    assert parse_changes(deployment, {"port": 1}).spec.registry == ""
    assert parse_changes(deployment, {"registry": "docker.io"}).spec.registry == "docker.io"
    assert parse_changes(deployment, {"version": "2.0"}).spec.registry == "docker.io"


def with_schema(version: ModelVersion, *rules: dict[str, Any]) -> None:
    version.env_schema = [{"default": "", "required": False, "secret": False, **rule} for rule in rules]
    version.save()


def test_variables_that_a_version_needs(team: Team, cluster: Cluster, house: ModelVersion) -> None:
    with_schema(house, {"name": "KEY", "required": True, "secret": True}, {"name": "MODE", "default": "fast"})
    payload = {"name": "h", "model": "house", "version": "1.0"}
    with pytest.raises(InvalidInput) as missing:
        parse_create(team, payload)
    assert [(error.field, error.code) for error in missing.value.errors] == [("env", "required")]
    with pytest.raises(InvalidInput) as clear:
        parse_create(team, {**payload, "env": [{"name": "KEY", "value": "x"}]})
    assert [error.field for error in clear.value.errors] == ["env[0].secret"]
    request = parse_create(team, {**payload, "env": [{"name": "KEY", "secret": True, "value": "x"}]})
    assert [(one.name, one.secret, one.value) for one in request.spec.env] == [
        ("KEY", True, ""),
        ("MODE", False, "fast"),
    ]
    assert list(request.secret_values.values()) == ["x"]


def test_new_demands_of_a_version_stop_only_what_has_to_do_with_them(
    deployment: Deployment, house: ModelVersion
) -> None:
    with_schema(house, {"name": "KEY", "required": True})
    deployment.refresh_from_db()
    parse_changes(deployment, {"rollout": {"max_surge": 2}})
    with pytest.raises(InvalidInput):
        parse_changes(deployment, {"env": []})


def test_the_user_follows_the_version(deployment: Deployment) -> None:
    ModelVersion.objects.filter(version="2.0").update(run_as_user=65534)
    assert parse_changes(deployment, {"version": "2.0"}).spec.security.run_as_user == 65534
    chosen = {"version": "2.0", "security": {"run_as_user": 5}}
    assert parse_changes(deployment, chosen).spec.security.run_as_user == 5


@pytest.mark.parametrize("archived", ["version", "model"])
def test_archived_versions_are_not_for_new_wishes(
    team: Team, cluster: Cluster, deployment: Deployment, archived: str
) -> None:
    now = deployment.created_at
    if archived == "model":
        Model.objects.update(archived_at=now)
    else:
        ModelVersion.objects.update(archived_at=now)
    for payload in ({"model": "house", "version": "2.0"}, {"image": "local/house:2.0"}):
        for parse in (
            lambda p: parse_create(team, {"name": "h", **p}),
            lambda p: parse_changes(deployment, p),
        ):
            with pytest.raises(InvalidInput) as refused:
                parse(payload)
            assert [(e.field, e.code) for e in refused.value.errors] == [("version", "version_archived")]
    # What runs of it goes on, whatever a form sends along.
    assert parse_changes(deployment, {"version": "1.0", "port": 7000}).spec.port == 7000


def test_changes_are_told_without_secrets(deployment: Deployment) -> None:
    old = spec_of(deployment)
    payload = {
        "env": [{"name": "API_KEY", "secret": True, "value": "hunter2"}, {"name": "MODE", "value": "fast"}],
        "rollout": {"strategy": "Recreate", "auto_rollback": True, "deadline_seconds": 900},
        "security": {"run_as_user": 0, "read_only_root": True},
        "start_seconds": 60,
    }
    new = parse_changes(deployment, payload).spec
    assert describe_changes(old, new) == (
        "seconds to start 120 -> 60; rollout RollingUpdate -> Recreate; rollout deadline 600 s -> 900 s; "
        "automatic rollback off -> on; user id 1000 -> 0; read-only root off -> on; "
        "environment MODE; API_KEY (secret) added"
    )
    renewed = parse_changes(deployment, {"env": [{"name": "API_KEY", "secret": True, "value": "x"}]}).spec
    assert "API_KEY (secret) changed" in describe_changes(new, renewed)
    assert "API_KEY (secret) removed" in describe_changes(new, old)
    assert new.env[0] == EnvVar(name="API_KEY", secret=True, ref=new.env[0].ref)

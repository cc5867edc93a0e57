"""No field of any body gives power over the cluster, over others, or over what only the product may say."""

from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.db import transaction

from deployments.models import Cluster, Deployment, Model
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import by_token
from tests.deployments.api.test_permissions import RULES, callers, kept

__all__ = ["callers", "kept"]
LIST = "teams/pricing/deployments/"
ONE = f"{LIST}house/"
GOOD = {"name": "new", "model": "house", "version": "1.0"}

POWERS: list[dict[str, Any]] = [
    {"namespace": "kube-system"},
    {"hostNetwork": True},
    {"host_pid": True},
    {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
    {"volume_mounts": [{"name": "root", "mountPath": "/host"}]},
    {"serviceAccountName": "admin"},
    {"service_account": "admin"},
    {"automount_service_account_token": True},
    {"privileged": True},
    {"securityContext": {"privileged": True}},
    {"security": {"privileged": True}},
    {"security": {"allow_privilege_escalation": True}},
    {"security": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    {"security": {"run_as_user": -1}},
    {"security": {"proc_mount": "Unmasked"}},
    {"command": ["sh", "-c", "id"]},
    {"args": ["--x"]},
    {"labels": {"timoneiro.dev/team": "fraud"}},
    {"annotations": {"container.apparmor.security.beta.kubernetes.io/model": "unconfined"}},
    {"tolerations": [{"operator": "Exists"}]},
    {"node_selector": {"node-role.kubernetes.io/control-plane": ""}},
    {"node_name": "control-plane"},
    {"containers": [{"name": "x"}]},
    {"init_containers": [{"name": "x"}]},
    {"image_pull_secrets": ["theirs"]},
    {"spec": {"template": {}}},
    {"manifests": [{"kind": "ClusterRoleBinding"}]},
    {"service": {"type": "ExternalName"}},
    {"service": {"external_ips": ["10.0.0.1"]}},
    {"service": {"selector": {"app": "theirs"}}},
    {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}]},
    {"env": [{"name": "A", "secret": True, "ref": "0" * 32}]},
    {"resources": {"ephemeral-storage": "1Ti"}},
]


@pytest.mark.parametrize("power", POWERS, ids=lambda power: str(next(iter(power.items())))[:60])
def test_no_field_of_a_deployment_gives_power_over_the_cluster(
    power: dict[str, Any], api: Caller, house: Deployment
) -> None:
    (name,) = power
    for method, address, body in (
        ("POST", LIST, {**GOOD, **power}),
        ("POST", f"{LIST}?dry_run=true", {**GOOD, **power}),
        ("PATCH", ONE, power),
        ("POST", "teams/pricing/models/house/versions/", {"version": "9", "image": "local/house:9", **power}),
    ):
        answer = api.send(method, address, body)
        assert answer.status_code == 422, (method, address, answer.content[:300])
        assert any(field.startswith(name) for field in fields(answer)), answer.content
    assert Deployment.objects.count() == 1


# What only the product, or another route, may say of a thing.
READ_ONLY = (
    "id",
    "pk",
    "created_by",
    "created_at",
    "user_id",
    "team_id",
    "is_superuser",
    "credentials",
    "generation",
)


@pytest.mark.parametrize(
    ("route", "method"), sorted(key for key in RULES if key[1] in ("POST", "PUT", "PATCH"))
)
def test_no_body_sets_what_is_not_its_to_set(
    route: str, method: str, kept: dict[str, object], admin: User
) -> None:
    _, address, body = RULES[route, method]
    with transaction.atomic():
        answer = by_token(admin, Scope.ADMIN).send(
            method, address.format_map(kept), {**(body or {}), **dict.fromkeys(READ_ONLY, 1)}
        )
        transaction.set_rollback(True)
    assert answer.status_code == 422, answer.content[:500]
    assert set(READ_ONLY) <= set(fields(answer))


OUTSIDE = ("..", "../../etc/passwd", "a/b", "a\\b", "%2e%2e", ".", "\u202ea", "a\nb", "\u2028")
NAMED: tuple[tuple[str, dict[str, object], str], ...] = (
    (LIST, {**GOOD}, "name"),
    ("teams/pricing/models/", {}, "name"),
    ("teams/pricing/models/house/versions/", {"image": "local/house:9"}, "version"),
    ("teams/pricing/service-accounts/", {}, "name"),
    ("teams/pricing/registries/", {"username": "a", "password": "b"}, "registry"),
    ("sizes/", {}, "name"),
    ("clusters/", {"in_cluster": True}, "name"),
    ("clusters/local/node-presets/", {"node_selector": {"a": "b"}}, "name"),
    ("clusters/local/namespaces/", {"team": "fraud"}, "namespace"),
)


@pytest.mark.parametrize(("address", "body", "field"), NAMED, ids=lambda value: str(value)[:40])
def test_no_name_leads_out_of_its_folder_or_moves_its_line(
    address: str,
    body: dict[str, Any],
    field: str,
    admin: User,
    house: Deployment,
    other_team: Team,
    sealed: None,
) -> None:
    api = by_token(admin, Scope.ADMIN)
    for name in OUTSIDE:
        answer = api.post(address, {**body, field: name})
        assert answer.status_code in (400, 422), (name, answer.content[:300])
        assert field in fields(answer), (name, answer.content)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"headers": {"Authorization": "Bearer x"}}, "headers"),
        ({"host": "169.254.169.254"}, "host"),
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"namespace": "kube-system"}, "namespace"),
        ({"port": 22}, "port"),
        ({"method": "GET\r\nX-Forwarded-For: 1.2.3.4"}, "method"),
        ({"method": "CONNECT"}, "method"),
        ({"method": "get /admin HTTP/1.1"}, "method"),
    ],
)
def test_a_question_to_a_model_goes_to_its_service_with_nothing_smuggled(
    asked: dict[str, Any], field: str, api: Caller, house: Deployment
) -> None:
    answer = api.post(f"{ONE}predict/", {"body": {}, **asked})
    assert answer.status_code == 422, answer.content
    assert list(fields(answer)) == [field]


@pytest.mark.parametrize(
    "value",
    [
        "a\n---\nkind: Pod\nmetadata: {name: evil}",
        "!!python/object/apply:os.system [id]",
        "&a [*a]",
        "}}: {{",
        "\u2028kind: Pod",
        "'\"`$(id)${HOME}",
    ],
)
def test_a_value_stays_a_value_in_the_yaml_that_people_copy(
    value: str, api: Caller, model: Model, cluster: Cluster
) -> None:
    assert api.post(LIST, {**GOOD, "env": [{"name": "A", "value": value}]}).status_code == 202
    manifests = api.get(f"{LIST}new/manifests/").json()["manifests"]
    text = api.get(f"{LIST}new/manifests/", accept="application/yaml").content.decode()
    assert list(yaml.safe_load_all(text)) == manifests
    assert (
        {"Deployment", "Service"}
        <= {found["kind"] for found in manifests}
        <= {*("Deployment", "Service", "ConfigMap", "Secret", "PodDisruptionBudget", "ServiceAccount")}
    )

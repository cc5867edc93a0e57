"""What people may ask for, field by field."""

from typing import Any

import pytest

from deployments.errors import DomainError, InvalidInput, VersionHasAnotherImage
from deployments.models import Cluster, Deployment, ModelVersion
from deployments.spec import parse_changes, parse_create, parse_image, parse_replicas
from k8s.spec import PRESETS
from teams.models import Team

IMAGE = {"name": "h", "image": "local/house:3.0"}

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "House"}, "name", "invalid_name"),
    ({"name": "a_b"}, "name", "invalid_name"),
    ({"name": "-a"}, "name", "invalid_name"),
    ({"name": "a\n"}, "name", "invalid_name"),
    ({"name": "9a"}, "name", "invalid_name"),
    ({"name": "é"}, "name", "invalid_name"),
    ({"name": "a" * 51}, "name", "too_long"),
    ({"name": ""}, "name", "required"),
    ({"name": 5}, "name", "not_text"),
    ({"image": "Not An Image"}, "image", "invalid_image"),
    ({"image": "a:b:c"}, "image", "invalid_image"),
    ({"image": "house@sha256:1"}, "image", "invalid_image"),
    ({"image": ""}, "image", "required"),
    ({"image": None}, "image", "required"),
    ({"image": None, "model": "nope", "version": "1"}, "model", "unknown_model"),
    ({"image": None, "model": "house"}, "version", "required"),
    ({"image": None, "model": "house", "version": "9"}, "version", "unknown_version"),
    ({"cluster": "moon"}, "cluster", "unknown_cluster"),
    ({"replicas": -1}, "replicas", "out_of_range"),
    ({"replicas": 10**9}, "replicas", "out_of_range"),
    ({"replicas": "3"}, "replicas", "not_a_number"),
    ({"replicas": 1.0}, "replicas", "not_a_number"),
    ({"replicas": True}, "replicas", "not_a_number"),
    ({"replicas": None}, "replicas", "not_a_number"),
    ({"preset": "huge"}, "preset", "not_a_choice"),
    ({"resources": {"memory": "1Gb"}}, "resources.memory", "invalid_quantity"),
    ({"resources": {"memory": "-1"}}, "resources.memory", "invalid_quantity"),
    ({"resources": {"memory": "1"}}, "resources.memory", "invalid_quantity"),
    ({"resources": {"cpu": "0.0001m"}}, "resources.cpu", "invalid_quantity"),
    ({"resources": {"cpu": "-1"}}, "resources.cpu", "invalid_quantity"),
    ({"resources": {"cpu": 1}}, "resources.cpu", "not_text"),
    ({"resources": {"cpu": "2"}}, "resources.cpu_limit", "limit_below_request"),
    ({"resources": {"memory": "1Gi"}}, "resources.memory_limit", "limit_below_request"),
    ({"resources": {"gpu": -1}}, "resources.gpu", "out_of_range"),
    ({"resources": {"disk": "1Gi"}}, "resources.disk", "unknown_field"),
    ({"resources": "big"}, "resources", "not_an_object"),
    ({"port": 0}, "port", "out_of_range"),
    ({"port": 70000}, "port", "out_of_range"),
    ({"health_path": "healthz"}, "health_path", "invalid_path"),
    ({"service": {"type": "Ingress"}}, "service.type", "not_a_choice"),
    ({"service": {"port": 0}}, "service.port", "out_of_range"),
    ({"service": {"type": "NodePort", "node_port": 80}}, "service.node_port", "out_of_range"),
    ({"service": {"type": "NodePort", "node_port": "30001"}}, "service.node_port", "not_a_number"),
    ({"service": {"node_port": 30001}}, "service.node_port", "not_applicable"),
    ({"service": {"externalIPs": []}}, "service.externalIPs", "unknown_field"),
    ({"env": {}}, "env", "not_a_list"),
    ({"env": [{"name": "9LIVES"}]}, "env[0].name", "invalid_env_name"),
    ({"env": [{"name": "A B"}]}, "env[0].name", "invalid_env_name"),
    ({"env": [{"value": "x"}]}, "env[0].name", "required"),
    ({"env": [{"name": "A"}, {"name": "A"}]}, "env[1].name", "doubled"),
    ({"env": [{"name": "A", "value": 1}]}, "env[0].value", "not_text"),
    ({"env": ["A=1"]}, "env[0]", "not_an_object"),
    ({"rollout": {"max_surge": 0, "max_unavailable": 0}}, "rollout.max_surge", "both_zero"),
    ({"rollout": {"max_surge": "25%"}}, "rollout.max_surge", "not_a_number"),
    ({"namespace": "kube-system"}, "namespace", "read_only"),
    ({"hostPath": "/"}, "hostPath", "unknown_field"),
]


@pytest.mark.parametrize(("change", "field", "code"), BAD, ids=lambda value: str(value)[:50])
def test_bad_input_is_refused_at_its_field(
    team: Team, cluster: Cluster, house: ModelVersion, change: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_create(team, {**IMAGE, **change})
    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]
    assert refused.value.status == 422


def test_all_mistakes_are_told_at_once(team: Team, cluster: Cluster) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_create(team, {"name": "A", "image": "B C", "replicas": "3", "nonsense": 1})
    fields = {error.field for error in refused.value.errors}
    assert fields == {"name", "image", "replicas", "nonsense"}


@pytest.mark.parametrize("payload", [[], "text", None, 3])
def test_a_payload_that_is_no_object_is_refused(team: Team, cluster: Cluster, payload: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_create(team, payload)


def test_everything_but_name_and_image_has_a_default(team: Team, cluster: Cluster) -> None:
    request = parse_create(team, IMAGE)
    assert (request.cluster, request.namespace, request.replicas) == (cluster, "pricing", 1)
    assert (request.choice.model, request.choice.version, request.choice.known) == ("house", "3.0", None)
    assert request.spec.resources == PRESETS["small"]
    assert (request.spec.service.type, request.spec.service.port) == ("ClusterIP", request.spec.port)


def test_the_port_comes_from_the_version(team: Team, cluster: Cluster, house: ModelVersion) -> None:
    request = parse_create(team, {"name": "h", "model": "house", "version": "1.0"})
    assert (request.spec.port, request.spec.service.port, request.choice.known) == (5001, 5001, house)


def test_an_image_that_is_registered_is_that_version(
    team: Team, cluster: Cluster, house: ModelVersion
) -> None:
    assert parse_create(team, {"name": "h", "image": "local/house:1.0"}).choice.known == house


def test_another_image_with_a_registered_tag_is_a_conflict(
    team: Team, cluster: Cluster, house: ModelVersion
) -> None:
    with pytest.raises(VersionHasAnotherImage) as refused:
        parse_create(team, {"name": "h", "image": "elsewhere/house:1.0"})
    assert refused.value.status == 409


def test_presets_are_a_start_that_single_fields_override(team: Team, cluster: Cluster) -> None:
    payload = {**IMAGE, "preset": "medium", "resources": {"memory": "768Mi"}}
    resources = parse_create(team, payload).spec.resources
    assert (resources.cpu, resources.memory, resources.memory_limit) == ("500m", "768Mi", "1Gi")


def test_a_node_port_of_another_deployment_is_taken(
    team: Team, cluster: Cluster, deployment: Deployment
) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(node_port=30001)
    with pytest.raises(InvalidInput) as refused:
        parse_create(team, {**IMAGE, "service": {"type": "NodePort", "node_port": 30001}})
    assert [error.code for error in refused.value.errors] == ["node_port_taken"]


def test_a_change_keeps_what_it_does_not_name(deployment: Deployment) -> None:
    request = parse_changes(deployment, {"env": [{"name": "A", "value": "1"}]})
    assert request.spec.image == "local/house:1.0"
    assert request.replicas is None
    assert request.spec.env[0].name == "A"


def test_a_port_that_was_the_versions_own_follows_the_new_version(deployment: Deployment) -> None:
    assert parse_changes(deployment, {"version": "2.0"}).spec.port == 5002
    assert parse_changes(deployment, {"version": "2.0", "port": 7000}).spec.port == 7000


@pytest.mark.parametrize("field", ["name", "cluster", "team", "status", "generation"])
def test_what_never_changes_is_refused_in_a_change(deployment: Deployment, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_changes(deployment, {field: "x"})
    assert [(error.field, error.code) for error in refused.value.errors] == [(field, "read_only")]


def test_zero_replicas_are_a_wish_too() -> None:
    assert parse_replicas(0) == 0


@pytest.mark.parametrize(
    ("text", "model", "version"),
    [
        ("house", "house", "latest"),
        ("local/house:1.0", "house", "1.0"),
        ("registry:5000/a/b/my_model:v2", "my-model", "v2"),
        ("registry.example/x@sha256:" + "a" * 64, "x", "a" * 12),
        ("x:1@sha256:" + "a" * 64, "x", "1"),
    ],
)
def test_images_name_a_model_and_a_version(text: str, model: str, version: str) -> None:
    reference = parse_image(text)
    assert (reference.model_name, reference.version) == (model, version)


@pytest.mark.parametrize(
    "text", ["", ":1", "a/B", "a//b", "a/b:", "a b", "a\n", "http://a/b", "a@sha256:zz", "a" * 500]
)
def test_what_is_no_image_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="image reference"):
        parse_image(text)

"""Representative wishes become these objects, which Kubernetes' own models know every field of."""

from typing import Any

import msgspec
import pytest
import yaml
from kubernetes.client import ApiClient, Configuration

from k8s.manifests import build, placeholders, to_yaml
from k8s.spec import Autoscaling, Rollout, Security, Spec
from tests.k8s.representative import GOLDEN, WISHES, golden

MODELS = {
    "Secret": "V1Secret",
    "Service": "V1Service",
    "Deployment": "V1Deployment",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
}


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_becomes_these_objects(name: str) -> None:
    assert to_yaml(build(WISHES[name])) == golden(name).read_text(), (
        "see tests/k8s/representative.py for how to write the files anew"
    )


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(WISHES)


@pytest.mark.parametrize("struct", [Spec, Rollout, Security, Autoscaling])
def test_every_choice_is_made_by_some_wish(struct: type[msgspec.Struct]) -> None:
    specs = [wish.spec for wish in WISHES.values()]
    found: dict[type[msgspec.Struct], list[Any]] = {
        Spec: specs,
        Rollout: [spec.rollout for spec in specs],
        Security: [spec.security for spec in specs],
        Autoscaling: [wish.autoscaling for wish in WISHES.values() if wish.autoscaling],
    }
    for field in struct.__struct_fields__:
        values = {msgspec.json.encode(getattr(each, field)) for each in found[struct]}
        # One model serves all of them; its name is that of every wish.
        assert len(values) > 1 or field in {"model", "port"}, field


@pytest.mark.parametrize("name", WISHES)
def test_yaml_reads_back_as_the_objects(name: str) -> None:
    assert list(yaml.safe_load_all(golden(name).read_text())) == build(WISHES[name])


@pytest.mark.parametrize("name", WISHES)
def test_the_official_client_knows_every_field(name: str) -> None:
    client: Any = ApiClient(Configuration())
    for manifest in build(WISHES[name], secrets=placeholders(WISHES[name])):
        text = msgspec.json.encode(manifest).decode()
        read = client.deserialize(text, MODELS[manifest["kind"]], "application/json")
        assert client.sanitize_for_serialization(read) == manifest

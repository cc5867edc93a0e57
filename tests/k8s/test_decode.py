"""Recorded objects become facts."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from k8s import errors
from k8s.decode import decode_line, decode_list, facts_of
from k8s.facts import (
    AutoscalerFacts,
    DeploymentFacts,
    EventFacts,
    MetricFacts,
    NodeFacts,
    PodFacts,
    ReplicaSetFacts,
    ServiceFacts,
)
from k8s.manifests import template_fingerprint
from tests.k8s.samples import document, exchange, objects
from tests.k8s.wishes import WISH, built


def pod(name: str) -> PodFacts:
    found = facts_of("Pod", objects("bad_pods", "Pod")[name])
    assert isinstance(found, PodFacts)
    return found


def test_a_running_pod() -> None:
    raw = next(iter(objects("demo_objects", "Pod").values()))
    facts = facts_of("Pod", raw)
    assert isinstance(facts, PodFacts)
    assert facts.ready
    assert (facts.phase, facts.node, facts.restarts) == ("Running", "real-1", 0)
    assert (facts.cpu_request, facts.cpu_limit) == (100, 150)
    assert (facts.memory_request, facts.memory_limit) == (32 * 2**20, 128 * 2**20)
    assert facts.owner == raw["metadata"]["ownerReferences"][0]["name"]
    assert facts.ready_since is not None
    assert facts.ready_since.tzinfo is not None


def test_a_pod_that_was_killed_for_its_memory() -> None:
    (container,) = pod("oom").containers
    assert "OOMKilled" in (container.reason, container.last_reason)
    assert container.restarts >= 3
    assert not pod("oom").ready


def test_a_pod_whose_image_cannot_be_pulled() -> None:
    (container,) = pod("pull").containers
    assert (container.state, container.reason) == ("waiting", "ImagePullBackOff")
    assert "example.local/house:9.9" in container.message


def test_a_pod_nobody_can_place_has_no_containers_yet() -> None:
    facts = pod("gpu")
    assert (facts.node, facts.containers, facts.gpu_request) == ("", (), 1)


def test_init_containers_are_told_from_the_others() -> None:
    assert [(c.name, c.is_init) for c in pod("initfail").containers] == [
        ("download", True),
        ("server", False),
    ]


def test_a_deployment_and_its_replica_set() -> None:
    deployment = facts_of("Deployment", objects("demo_objects", "Deployment")["burner"])
    assert isinstance(deployment, DeploymentFacts)
    assert (deployment.wanted_replicas, deployment.ready_replicas, deployment.updated_replicas) == (3, 3, 3)
    assert (deployment.generation, deployment.observed_generation) == (2, 2)
    assert deployment.images == ("example.local/house:1.0",)
    assert deployment.annotations == {"deployment.kubernetes.io/revision": "1"}
    (name,) = [n for n in objects("demo_objects", "ReplicaSet") if n.startswith("burner")]
    replica_set = facts_of("ReplicaSet", objects("demo_objects", "ReplicaSet")[name])
    assert isinstance(replica_set, ReplicaSetFacts)
    assert (replica_set.owner, replica_set.revision, replica_set.ready_replicas) == ("burner", 1, 3)


def test_counters_that_are_absent_are_zero() -> None:
    stuck = facts_of("Deployment", objects("stuck_deployment", "Deployment")["stuck"])
    assert isinstance(stuck, DeploymentFacts)
    assert (stuck.ready_replicas, stuck.available_replicas, stuck.unavailable_replicas) == (0, 0, 1)


def test_a_deployment_of_ours_names_its_revision_and_its_template() -> None:
    facts = facts_of("Deployment", built(WISH))
    assert isinstance(facts, DeploymentFacts)
    assert (facts.revision, facts.template) == (2, template_fingerprint(WISH))


def test_a_service_and_its_ports() -> None:
    service = facts_of("Service", objects("demo_objects", "Service")["house"])
    assert isinstance(service, ServiceFacts)
    (port,) = service.ports
    assert (service.type, port.port, port.target_port, port.node_port) == ("NodePort", 80, "http", 30080)


def test_a_node() -> None:
    node = facts_of("Node", document("node_real"))
    assert isinstance(node, NodeFacts)
    assert node.ready
    assert (node.name, node.kubelet_version, node.cpu_allocatable) == ("real-1", "v1.36.2", 2000)
    assert node.memory_allocatable == 24581256 * 1024


def test_gpus_and_taints_of_a_node() -> None:
    raw = document("node_real")
    raw["status"]["allocatable"]["nvidia.com/gpu"] = "2"
    raw["spec"] = {"unschedulable": True, "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}
    node = facts_of("Node", raw)
    assert isinstance(node, NodeFacts)
    assert node.gpu_allocatable == {"nvidia.com/gpu": 2}
    assert node.unschedulable
    assert node.taints == ("gpu=yes:NoSchedule",)


def test_events_of_both_shapes_have_a_time_and_a_count() -> None:
    for raw in document("bad_events_v1")["items"]:
        event = facts_of("Event", raw)
        assert isinstance(event, EventFacts)
        assert event.last_at is not None
        assert event.count >= 1
        assert event.reason
        assert event.source
    scheduled = facts_of("Event", document("bad_events_v1")["items"][0])
    assert isinstance(scheduled, EventFacts)
    assert scheduled.first_at == datetime(2026, 11, 23, 20, 18, 52, 761192, tzinfo=UTC)
    assert (scheduled.object_kind, scheduled.object_name) == ("Pod", "badcmd")


def test_a_page_of_a_list_names_the_next_one() -> None:
    page = decode_list("Pod", exchange("list_limit_continue").body)
    assert [facts.name for facts in page.items] == ["badcmd"]
    assert page.resource_version == "1600"
    assert page.continue_.startswith("eyJ2")


def test_an_old_version_inside_a_watch_is_expired() -> None:
    with pytest.raises(errors.Expired):
        decode_line("Pod", exchange("watch_rv_too_old_probe").body)


def test_a_bookmark_moves_the_version_only() -> None:
    line = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"45509"},"spec":{"containers":null}}}'
    told = decode_line("Pod", line)
    assert (told.type, told.facts, told.resource_version) == ("BOOKMARK", None, "45509")


@pytest.mark.parametrize(
    "line", [b"<html>", b"{}", b'{"type":"SONG","object":{}}', b"\xff", b'{"type":"ADDED"}']
)
def test_a_line_that_is_none_is_a_cluster_out_of_reach(line: bytes) -> None:
    with pytest.raises(errors.ClusterUnavailable):
        decode_line("Pod", line)


def test_facts_go_to_json_and_back() -> None:
    for raw in objects("bad_pods", "Pod").values():
        facts = facts_of("Pod", raw)
        assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(facts))), PodFacts) == facts


def autoscaler(name: str, **status: object) -> AutoscalerFacts:
    raw = objects("hpa", "HorizontalPodAutoscaler")[name]
    raw["status"].update(status)
    facts = facts_of("HorizontalPodAutoscaler", raw)
    assert isinstance(facts, AutoscalerFacts)
    return facts


def test_an_autoscaler_and_what_it_looks_at() -> None:
    facts = autoscaler("burner")
    assert (facts.target, facts.min_replicas, facts.max_replicas) == ("burner", 1, 3)
    assert (facts.current_replicas, facts.desired_replicas) == (3, 3)
    assert facts.metrics == (MetricFacts(resource="cpu", target=50, current=150),)
    assert facts.last_scaled_at == datetime(2026, 11, 23, 20, 24, 1, tzinfo=UTC)
    assert [c.reason for c in facts.conditions] == ["ReadyForNewScale", "ValidMetricFound", "TooManyReplicas"]


@pytest.mark.parametrize("nothing", [None, [], [{"type": ""}], [{"type": "Resource", "resource": {}}]])
def test_an_autoscaler_without_a_figure_has_none(nothing: object) -> None:
    facts = autoscaler("burner", currentMetrics=nothing)
    assert facts.metrics == (MetricFacts(resource="cpu", target=50, current=None),)


def test_an_autoscaler_without_its_target_is_read() -> None:
    facts = autoscaler("nocpurequest")
    assert (facts.current_replicas, facts.last_scaled_at) == (0, None)
    assert facts.conditions[0].reason == "FailedGetScale"


def test_a_pod_tells_how_long_it_may_take_to_start() -> None:
    raw = next(iter(objects("demo_objects", "Pod").values()))
    facts = facts_of("Pod", raw)
    assert isinstance(facts, PodFacts)
    assert facts.start_seconds == 120, "without a start-up check"
    raw["spec"]["containers"][0]["startupProbe"] = {"periodSeconds": 2, "failureThreshold": 300}
    facts = facts_of("Pod", raw)
    assert isinstance(facts, PodFacts)
    assert facts.start_seconds == 600


def test_a_character_that_no_database_stores_is_replaced() -> None:
    line = rb'{"type":"ADDED","object":{"metadata":{"uid":"e","name":"e"},"message":"a\u0000b"}}'
    told = decode_line("Event", line)
    assert isinstance(told.facts, EventFacts)
    assert told.facts.message == "a\ufffdb"

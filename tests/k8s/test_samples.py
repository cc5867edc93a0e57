"""What a genuine cluster was recorded to say becomes facts, fields of the future and missing ones or not."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from k8s.decode import decode_line, decode_list, facts_of
from k8s.facts import EventFacts, Facts, PodFacts
from k8s.health import problem_of, reason_of
from tests.k8s.samples import document, objects

Object = dict[str, Any]
#: Long after the recording: everybody's patience is over.
LATER = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
KINDS = {"Pod", "Deployment", "ReplicaSet", "Service", "Node", "Event", "HorizontalPodAutoscaler"}
PODS = objects("bad_pods", "Pod")
# What the pod's row says, and what the problem is; None where a pod is over, or nothing but an event tells.
SAID: dict[str, tuple[str, str | None]] = {
    "badcmd": ("RunContainerError", "RunContainerError"),
    "badname": ("InvalidImageName", "InvalidImageName"),
    "crash": ("Error", "CrashLoopBackOff"),
    "evict": ("Evicted", None),
    "gpu": ("Unschedulable", "Unschedulable"),
    "initfail": ("Init:Error", "CrashLoopBackOff"),
    "neverpull": ("ErrImageNeverPull", "ErrImageNeverPull"),
    "noconfig": ("CreateContainerConfigError", "CreateContainerConfigError"),
    "nosecretvol": ("ContainerCreating", None),
    "oom": ("OOMKilled", "OOMKilled"),
    "pull": ("ImagePullBackOff", "ImagePullBackOff"),
    "pull-ip": ("ImagePullBackOff", "ImagePullBackOff"),
    "pvc": ("Unschedulable", "Unschedulable"),
    "stuck": ("ErrImagePull", "ErrImagePull"),
    "toobig": ("Unschedulable", "Unschedulable"),
    "train-fail": ("Error", None),
    "train-ok": ("", None),
    # Just restarted, and well for the moment.
    "unhealthy": ("", None),
}


def recorded() -> Iterator[tuple[str, Object]]:
    """Every recorded object of a kind that we have facts of."""
    for file in ("bad_pods", "demo_objects", "stuck_deployment", "bad_events_v1", "hpa"):
        for found in document(file)["items"]:
            if found["kind"] in KINDS:
                yield found["kind"], found
    yield "Node", document("node_real")


def name_of(pod: str) -> str:
    """The recorded pod's name without what a controller added."""
    return next(name for name in sorted(SAID, key=len, reverse=True) if pod.startswith(name))


def test_every_recorded_failure_is_expected_here() -> None:
    assert {name_of(pod) for pod in PODS} == set(SAID)


@pytest.mark.parametrize("name", PODS)
def test_every_recorded_pod_is_read_and_judged(name: str) -> None:
    pod = cast(PodFacts, facts_of("Pod", PODS[name]))
    row, reason = SAID[name_of(name)]
    assert pod.name == name
    assert pod.ready is (name == "unhealthy")
    assert reason_of(pod) == row
    # One that is over has no problem that keeps it from serving: it is not meant to serve.
    problem = problem_of(pod, LATER) if pod.phase in ("Pending", "Running") else None
    assert (problem.reason if problem else None) == reason


def test_every_shape_of_event_has_its_time_count_and_subject() -> None:
    shapes = set()
    for raw in document("bad_events_v1")["items"]:
        event = cast(EventFacts, facts_of("Event", raw))
        series = raw.get("series") or {}
        shapes.add((raw["eventTime"] is None, "count" in raw, bool(series)))
        assert event.count == (series.get("count") or raw.get("count") or 1)
        assert event.first_at is not None
        assert event.last_at is not None
        assert event.last_at - event.first_at >= timedelta(0)
        assert (event.object_kind, event.object_name) == (
            raw["involvedObject"]["kind"],
            raw["involvedObject"]["name"],
        )
        assert event.message == raw["message"]
        assert event.source
    # A kubelet's, a scheduler's, and a scheduler's that came again.
    assert shapes == {(True, True, False), (False, False, False), (False, False, True)}


#: Maps from names that people choose to text: a field of the future is no entry of them.
MAPS = {
    *("labels", "annotations", "requests", "limits", "capacity", "allocatable", "selector", "matchLabels"),
    *("nodeSelector", "data", "fieldsV1"),
}


def from_the_future(value: Any) -> Any:
    """The same with a field nobody knows in every struct."""
    if isinstance(value, list):
        return [from_the_future(item) for item in value]
    if not isinstance(value, dict):
        return value
    told = {key: item if key in MAPS else from_the_future(item) for key, item in value.items()}
    return {**told, "fieldOfTheFuture": {"deep": [1, None, {"x": "y"}]}}


def test_fields_nobody_knows_change_nothing() -> None:
    for kind, raw in recorded():
        assert facts_of(kind, from_the_future(raw)) == facts_of(kind, raw)


def without_each(value: Object, *, at: str = "") -> Iterator[tuple[str, Object]]:
    """Copies of an object, each without one of the fields of its status or its event."""
    for key in value:
        if key not in {"metadata", "kind", "apiVersion"}:
            less = copy.copy(value)
            del less[key]
            yield f"{at}.{key}", less
    for key in ("status", "spec"):
        if isinstance(value.get(key), dict):
            for name, less in without_each(value[key], at=key):
                yield name, {**value, key: less}


def test_no_field_must_be_there_but_an_objects_own_name() -> None:
    for kind, raw in recorded():
        for name, less in without_each(raw):
            assert facts_of(kind, less).name == raw["metadata"]["name"], f"{kind} without {name}"
        bare = facts_of(kind, {"metadata": {"name": "bare"}})
        assert isinstance(bare, Facts)


def test_nothing_recorded_is_skipped_in_a_list_or_a_watch() -> None:
    by_kind: dict[str, list[Object]] = {}
    for kind, raw in recorded():
        by_kind.setdefault(kind, []).append(raw)
        line = decode_line(kind, json.dumps({"type": "MODIFIED", "object": raw}).encode())
        assert line.facts == facts_of(kind, raw)
        assert line.resource_version == raw["metadata"]["resourceVersion"]
    for kind, found in by_kind.items():
        body = {"kind": f"{kind}List", "metadata": {"resourceVersion": "7"}, "items": found}
        assert decode_list(kind, json.dumps(body).encode()).items == [facts_of(kind, raw) for raw in found]

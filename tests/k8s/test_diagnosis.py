"""Recorded and made-up trouble gets the cause, the advice and the fix that a seasoned operator would give."""

import string
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from k8s.decode import facts_of
from k8s.diagnosis import WORDS, Case, Diagnosis, diagnose
from k8s.diagnosis.containers import registry_of, suggested_memory
from k8s.facts import (
    AutoscalerFacts,
    Condition,
    ContainerFacts,
    DeploymentFacts,
    EventFacts,
    NodeFacts,
    PodFacts,
)
from k8s.spec import Placement, Resources, Rollout, Spec
from tests.k8s.samples import document, objects

LATER = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
PODS = {name: cast(PodFacts, facts_of("Pod", each)) for name, each in objects("bad_pods", "Pod").items()}
EVENTS = tuple(cast(EventFacts, facts_of("Event", each)) for each in document("bad_events_v1")["items"])
SPEC = Spec(model="house", version="9.9", image="example.local/house:9.9", port=5001)
NODE = NodeFacts(
    uid="n",
    name="node",
    ready=True,
    cpu_allocatable=2000,
    memory_allocatable=2 * 1024**3,
    pods_allocatable=110,
)


def found(pod: str | PodFacts, **more: Any) -> Diagnosis | None:
    """The diagnosis of one pod."""
    facts = PODS[pod] if isinstance(pod, str) else pod
    given: dict[str, Any] = {"spec": SPEC, "wanted": 1, "now": LATER, "pods": (facts,), "events": EVENTS}
    return diagnose(Case(**(given | more)))


def diagnosed(pod: str | PodFacts, **more: Any) -> Diagnosis:
    diagnosis = found(pod, **more)
    assert diagnosis is not None
    return diagnosis


def an_event(reason: str, message: str, *, name: str = "p", at: datetime = LATER) -> EventFacts:
    return EventFacts(
        uid=reason,
        name=reason,
        reason=reason,
        message=message,
        object_kind="Pod",
        object_name=name,
        last_at=at,
    )


def a_pod(**container: Any) -> PodFacts:
    """A pod that is not ready, with one container."""
    server = ContainerFacts(**({"name": "server", "image": "ghcr.io/team/house:9.9"} | container))
    conditions = (Condition(type="Ready", status="False", reason="ContainersNotReady"),)
    return PodFacts(
        uid="p", name="p", phase="Running", node="node", containers=(server,), conditions=conditions
    )


@pytest.mark.parametrize(
    ("pod", "code", "words"),
    [
        ("badcmd", "cannot_start", '"/no/such/binary"'),
        ("badname", "image_name_invalid", "Example.local/UPPER:1 is no valid image name"),
        ("crash", "crash", "exit code 1"),
        ("evict", "evicted", "ephemeral local storage"),
        ("gpu", "no_room", "1 GPU"),
        ("initfail", "preparation_failed", "download"),
        ("neverpull", "image_not_allowed", "example.local/house:9.9"),
        ("noconfig", "missing_object", "ConfigMap nope"),
        ("nosecretvol", "missing_object", "Secret nope"),
        ("oom", "out_of_memory", "limit of"),
        ("pull", "registry_unreachable", "registry example.local"),
        ("pull-ip", "registry_unreachable", "registry 198.18.0.1:5000"),
        ("pvc", "unschedulable", 'persistentvolumeclaim "nope" not found'),
        ("stuck-5bf8877bcc-ssh6l", "registry_unreachable", "example.local"),
        ("toobig", "no_room", "CPU"),
    ],
)
def test_a_recorded_failure_is_explained(pod: str, code: str, words: str) -> None:
    spec = msgspec.structs.replace(SPEC, resources=Resources(cpu="64", memory="1Ti", gpu=1))
    diagnosis = diagnosed(pod, spec=spec, nodes=(NODE,))
    assert (diagnosis.code, diagnosis.pod) == (code, pod)
    assert words in diagnosis.cause.en
    assert diagnosis.evidence
    assert all(evidence.text for evidence in diagnosis.evidence)


@pytest.mark.parametrize("pod", ["train-ok-zghd2", "train-fail-bn7pv"])
def test_a_pod_that_is_over_is_not_explained(pod: str) -> None:
    assert found(pod) is None


def test_a_pod_that_restarts_for_its_checks_is_told_of_by_its_check() -> None:
    pod = msgspec.structs.replace(PODS["unhealthy"], conditions=a_pod().conditions)
    diagnosis = diagnosed(pod)
    assert (diagnosis.code, "503" in diagnosis.cause.en) == ("unhealthy", True)


def test_a_crash_shows_the_last_lines_first() -> None:
    lines = ["starting", "", "KeyError: 'MODEL_PATH'"]
    evidence = diagnosed("crash", last_lines={"crash": lines}).evidence
    assert [each.text for each in evidence if each.kind == "log"] == ["starting", "KeyError: 'MODEL_PATH'"]
    assert evidence[0].kind == "log"


def test_a_crash_offers_the_revision_that_served_and_nothing_where_none_did() -> None:
    assert diagnosed("crash").fix is None
    fix = diagnosed("crash", good_revision=3).fix
    assert fix is not None
    assert (fix.action, fix.revision, fix.label.en, fix.label.pt) == (
        "roll_back",
        3,
        "Roll back to revision 3",
        "Reverter para a revisão 3",
    )


def test_out_of_memory_offers_twice_the_limit() -> None:
    pod = a_pod(state="terminated", reason="OOMKilled", exit_code=137, restarts=2)
    spec = msgspec.structs.replace(SPEC, resources=Resources(memory="96Mi", memory_limit="100Mi"))
    pod = msgspec.structs.replace(pod, memory_limit=100 * 1024**2)
    fix = diagnosed(pod, spec=spec).fix
    assert fix is not None
    assert fix.changes == {"resources": {"memory_limit": "256Mi"}}
    same = msgspec.structs.replace(SPEC, resources=Resources(memory="100Mi", memory_limit="100Mi"))
    fix = diagnosed(pod, spec=same).fix
    assert fix is not None
    assert fix.changes == {"resources": {"memory_limit": "256Mi", "memory": "256Mi"}}


@pytest.mark.parametrize(
    ("limit", "suggested"), [(1, "64Mi"), (128 * 1024**2, "256Mi"), (100 * 1024**2, "256Mi")]
)
def test_suggested_memory_is_a_whole_number_of_steps(limit: int, suggested: str) -> None:
    assert suggested_memory(limit) == suggested


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("manifest unknown: manifest unknown", "image_not_found"),
        ("ghcr.io/team/house:9.9: not found", "image_not_found"),
        ("failed to authorize: 401 Unauthorized", "registry_wants_credentials"),
        (
            "pull access denied, repository does not exist or may require authorization",
            "registry_wants_credentials",
        ),
        ("dial tcp 10.0.0.1:443: i/o timeout", "registry_unreachable"),
        ("not found (the local cluster runs only the images it ships: house:1.0)", "image_not_shipped"),
        ("unexpected media type", "image_pull_failed"),
    ],
)
def test_a_failed_pull_is_told_apart_by_the_registry_s_words(message: str, code: str) -> None:
    assert diagnosed(a_pod(state="waiting", reason="ErrImagePull", message=message)).code == code
    # Backing off, the state names the image alone.
    backing_off = a_pod(state="waiting", reason="ImagePullBackOff", message="Back-off pulling image")
    assert diagnosed(backing_off, events=(an_event("Failed", message),)).code == code


def test_a_tag_that_is_not_there_offers_the_one_that_is_spelt_alike() -> None:
    pod = a_pod(state="waiting", reason="ErrImagePull", message="not found")
    spec = msgspec.structs.replace(SPEC, version="1.10")
    fix = diagnosed(pod, spec=spec, versions=("1.1", "7"), good_revision=2).fix
    assert fix is not None
    assert fix.changes == {"model": "house", "version": "1.1"}
    fix = diagnosed(pod, spec=spec, versions=("7",), good_revision=2).fix
    assert fix is not None
    assert fix.action == "roll_back"


@pytest.mark.parametrize("user", ["image will run as root", "image has non-numeric user (app)"])
def test_an_image_that_runs_as_root_is_offered_another_user(user: str) -> None:
    message = f"container has runAsNonRoot and {user}"
    diagnosis = diagnosed(a_pod(state="waiting", reason="CreateContainerConfigError", message=message))
    assert diagnosis.code == "runs_as_root"
    assert diagnosis.fix is not None
    assert diagnosis.fix.changes == {"security": {"run_as_user": 1000}}


def unschedulable(message: str) -> PodFacts:
    condition = Condition(type="PodScheduled", status="False", reason="Unschedulable", message=message)
    return PodFacts(uid="p", name="p", phase="Pending", conditions=(condition,))


def test_no_room_is_told_with_the_numbers_and_what_would_fit() -> None:
    pod = unschedulable("0/1 nodes are available: 1 Insufficient cpu. preemption: none.")
    spec = msgspec.structs.replace(SPEC, resources=Resources(cpu="1500m", cpu_limit="2"))
    holding = PodFacts(uid="h", name="h", node="node", phase="Running", cpu_request=1250)
    diagnosis = diagnosed(pod, spec=spec, nodes=(NODE,), other_pods=(holding,))
    assert "asks for 1500m CPU, and the largest node has 750m CPU free" in diagnosis.cause.en
    assert "1500m CPU, e o maior nó tem 750m CPU livre" in diagnosis.cause.pt
    assert diagnosis.fix is not None
    assert diagnosis.fix.changes == {"resources": {"cpu": "750m"}}


def test_too_few_gpus_are_counted() -> None:
    pod = unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    node = msgspec.structs.replace(NODE, gpu_allocatable={"nvidia.com/gpu": 1})
    spec = msgspec.structs.replace(SPEC, resources=Resources(gpu=2))
    diagnosis = diagnosed(pod, spec=spec, nodes=(node,))
    assert "asks for 2 GPU, and the largest node has 1 GPU free" in diagnosis.cause.en
    assert diagnosis.fix is not None
    assert diagnosis.fix.changes == {"resources": {"gpu": 1}}


def test_nothing_is_offered_where_nothing_useful_fits() -> None:
    pod = unschedulable("0/1 nodes are available: 1 Insufficient cpu.")
    holding = PodFacts(uid="h", name="h", node="node", phase="Running", cpu_request=1999)
    assert diagnosed(pod, nodes=(NODE,), other_pods=(holding,)).fix is None


def test_nodes_that_repel_are_told_of_and_the_preset_may_be_left() -> None:
    pod = unschedulable("0/2 nodes are available: 2 node(s) had untolerated taint {gpu: }. preemption: none.")
    assert diagnosed(pod).fix is None
    spec = msgspec.structs.replace(SPEC, placement=Placement(preset="a100"))
    diagnosis = diagnosed(pod, spec=spec)
    assert diagnosis.code == "no_matching_node"
    assert diagnosis.fix is not None
    assert diagnosis.fix.changes == {"node_preset": None}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (
            'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4',
            "quota_exceeded",
        ),
        ('pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi', "limit_range"),
        (
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsUser=0 (not root)',
            "pod_security",
        ),
        (
            'pods "x" is forbidden: no new content in namespace pricing because it is being terminated',
            "namespace_terminating",
        ),
        ('pods is forbidden: User "t" cannot create resource "pods"', "forbidden"),
    ],
)
def test_pods_that_are_refused_are_explained_by_the_refusal(message: str, code: str) -> None:
    condition = Condition(type="ReplicaFailure", status="True", reason="FailedCreate", message=message)
    deployment = DeploymentFacts(uid="d", name="house", conditions=(condition,))
    diagnosis = diagnose(Case(spec=SPEC, wanted=1, now=LATER, deployment=deployment))
    assert diagnosis is not None
    assert diagnosis.code == code
    assert message in diagnosis.evidence[0].text
    refused = diagnose(Case(spec=SPEC, wanted=1, now=LATER, refusal=f"The cluster refused it: {message}"))
    assert refused is not None
    assert refused.code == code


def test_a_refused_field_is_told_in_the_cluster_s_words() -> None:
    diagnosis = diagnose(Case(spec=SPEC, wanted=1, now=LATER, refusal="spec.ports[0].nodePort: taken"))
    assert diagnosis is not None
    assert (diagnosis.code, "nodePort: taken" in diagnosis.cause.en) == ("refused", True)


REFUSED = 'Get "http://10.0.0.7:5001/healthz": dial tcp 10.0.0.7:5001: connect: connection refused'


@pytest.mark.parametrize(
    "line",
    [
        "INFO: Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)",
        "[2026-11-24] [INFO] Listening at: http://127.0.0.1:8000 (1)",
        "serving on port 8000",
        "Server started on [::]:8000",
    ],
)
def test_a_server_that_listens_elsewhere_is_offered_its_port(line: str) -> None:
    pod = a_pod(state="running", started=False)
    events = (an_event("Unhealthy", f"Startup probe failed: {REFUSED}"),)
    diagnosis = diagnosed(pod, events=events, last_lines={"p": ["loading", line]})
    assert diagnosis.code == "wrong_port"
    assert diagnosis.fix is not None
    assert diagnosis.fix.changes == {"port": 8000}


def test_a_server_that_says_no_other_port_is_said_to_listen_nowhere() -> None:
    pod = a_pod(state="running")
    events = (an_event("Unhealthy", f"Startup probe failed: {REFUSED}"),)
    for lines in ((), ("serving on port 5001",), ("took 8000 ms",)):
        assert diagnosed(pod, events=events, last_lines={"p": lines}).code == "nothing_listens"


def test_a_line_without_end_costs_little_to_read() -> None:
    events = (an_event("Unhealthy", f"Startup probe failed: {REFUSED}"),)
    before = time.thread_time()
    lines = ("listening on " * 5_000, "Uvicorn running on http://" * 2_500)
    assert diagnosed(a_pod(state="running"), events=events, last_lines={"p": lines}).code == "nothing_listens"
    # A fraction of a second; it was a minute when each word searched the whole line.
    assert time.thread_time() - before < 10


def test_a_model_that_is_loading_is_given_time() -> None:
    events = (an_event("Unhealthy", f"Startup probe failed: {REFUSED}"),)
    loading = a_pod(state="running", started_at=LATER - timedelta(seconds=5))
    assert found(loading, events=events) is None
    assert diagnosed(loading, events=events, last_lines={"p": ["serving on port 8000"]}).code == "wrong_port"
    slow = a_pod(state="running", started_at=LATER - timedelta(seconds=30))
    assert diagnosed(slow, events=events).code == "nothing_listens"
    again = a_pod(state="running", restarts=1, started_at=LATER - timedelta(seconds=5))
    assert diagnosed(again, events=events).code == "nothing_listens"


def test_a_health_path_that_is_not_there_is_named() -> None:
    events = (an_event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404"),)
    diagnosis = diagnosed(a_pod(state="running"), events=events)
    assert (diagnosis.code, "/healthz" in diagnosis.cause.en) == ("health_path_missing", True)


def test_a_pod_of_a_lost_node_is_explained_by_the_node() -> None:
    node = msgspec.structs.replace(NODE, ready=False, ready_message="Kubelet stopped posting node status.")
    pod = a_pod(state="running", ready=True, started=True)
    diagnosis = diagnosed(pod, nodes=(node,))
    assert (diagnosis.code, "node node" in diagnosis.cause.en) == ("node_lost", True)
    assert "Kubelet stopped posting" in diagnosis.evidence[0].text


def test_a_pull_is_slow_after_a_minute_and_not_once_it_is_over() -> None:
    pod = a_pod(state="waiting", reason="ContainerCreating")
    since = LATER - timedelta(minutes=3)
    pulling = an_event("Pulling", "Pulling image", at=since)
    assert diagnosed(pod, events=(pulling,)).code == "image_pull_slow"
    assert found(pod, events=(pulling,), now=since + timedelta(seconds=30)) is None
    assert found(pod, events=(pulling, an_event("Pulled", "Successfully pulled"))) is None


def test_a_rollout_past_its_deadline_is_said_to_be_stuck() -> None:
    condition = Condition(type="Progressing", status="False", reason="ProgressDeadlineExceeded")
    deployment = DeploymentFacts(uid="d", name="house", conditions=(condition,), revision=2)
    spec = msgspec.structs.replace(SPEC, rollout=Rollout(deadline_seconds=90))
    diagnosis = diagnose(Case(spec=spec, wanted=1, now=LATER, deployment=deployment, good_revision=1))
    assert diagnosis is not None
    assert (diagnosis.code, "90 s" in diagnosis.cause.en) == ("deadline_exceeded", True)
    assert diagnosis.fix is not None


def test_an_autoscaler_without_figures_is_told_of() -> None:
    def told(*, for_seconds: int) -> str:
        since = LATER - timedelta(seconds=for_seconds)
        condition = Condition(
            type="ScalingActive", status="False", reason="FailedGetResourceMetric", message="no", since=since
        )
        autoscaler = AutoscalerFacts(uid="a", name="house", conditions=(condition,))
        diagnosis = diagnose(Case(spec=SPEC, wanted=1, now=LATER, autoscaler=autoscaler))
        return diagnosis.code if diagnosis else ""

    # A new pod has no figures for the first minute, and nobody is frightened by it.
    assert told(for_seconds=60) == ""
    assert told(for_seconds=91) == "no_metrics"


def test_what_serves_is_not_diagnosed() -> None:
    ready = (Condition(type="Ready", status="True"),)
    pod = msgspec.structs.replace(a_pod(state="running", restarts=3, ready=True), conditions=ready)
    assert found(pod) is None


@pytest.mark.parametrize("code", sorted(WORDS))
def test_both_languages_say_the_same_values(code: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    words = WORDS[code]
    for text in (words.cause, words.advice, *([words.fix] if words.fix else [])):
        assert text.en != text.pt
        assert {name.removesuffix("_en") for name in fields(text.en)} == {
            name.removesuffix("_pt") for name in fields(text.pt)
        }


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("ghcr.io/team/house:1", "ghcr.io"),
        ("localhost:5000/house", "localhost:5000"),
        ("team/house", "docker.io"),
        ("house:1", "docker.io"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry

"""Facts become a status word and a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from k8s.decode import facts_of
from k8s.facts import Condition, ContainerFacts, DeploymentFacts, PodFacts
from k8s.health import Judgement, is_stuck, judge, problem_of, reason_of
from k8s.labels import TEMPLATE
from tests.k8s.samples import objects

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


def deployment(**fields: Any) -> DeploymentFacts:
    usual: dict[str, Any] = {
        "uid": "d",
        "name": "house",
        "generation": 3,
        "observed_generation": 3,
        "wanted_replicas": 2,
        "template": "new",
        "revision": 2,
    }
    return DeploymentFacts(**{**usual, **fields})


def condition(kind: str, holds: bool, **fields: Any) -> Condition:
    return Condition(type=kind, status="True" if holds else "False", **{"since": LONG_AGO, **fields})


def pod(
    ready: bool = True, *, template: str = "new", server: dict[str, Any] | None = None, **fields: Any
) -> PodFacts:
    usual: dict[str, Any] = {"state": "running", "started": ready, "ready": ready, "started_at": LONG_AGO}
    return PodFacts(
        **{
            "uid": "p",
            "name": "house-1",
            "phase": "Running",
            "node": "cpu-1",
            "labels": {TEMPLATE: template},
            "conditions": (condition("Ready", ready),),
            "containers": (
                ContainerFacts(name="server", image="local/house:1.0", **{**usual, **(server or {})}),
            ),
            **fields,
        }
    )


def starting(**fields: Any) -> PodFacts:
    return pod(ready=False, **fields)


def crashing(**fields: Any) -> PodFacts:
    return pod(
        False, server={"state": "terminated", "reason": "Error", "exit_code": 1, "restarts": 3}, **fields
    )


def of(found: DeploymentFacts | None, *pods: PodFacts, wanted: int = 2, revision: int = 2) -> Judgement:
    return judge(found, pods, wanted=wanted, expected_revision=revision, now=NOW)


def test_nothing_there_yet_is_pending() -> None:
    assert of(None).state == "pending"


def test_all_pods_ready_is_running() -> None:
    found = of(deployment(), pod(), pod())
    assert (found.state, found.message, found.ready, found.updated) == (
        "running",
        "2 of 2 replicas ready",
        2,
        2,
    )


def test_one_replica_is_not_called_replicas() -> None:
    assert of(deployment(wanted_replicas=1), pod(), wanted=1).message == "1 of 1 replicas ready"


def test_pods_on_their_way_are_deploying() -> None:
    found = of(deployment(), pod(), starting())
    assert (found.state, found.message) == ("deploying", "1 of 2 replicas ready")


@pytest.mark.parametrize(
    "behind",
    [deployment(observed_generation=2), deployment(wanted_replicas=1), deployment(revision=1)],
)
def test_counts_of_an_older_wish_are_not_trusted(behind: DeploymentFacts) -> None:
    assert of(behind, pod(), pod()).state == "deploying"


def test_ready_pods_of_the_old_template_do_not_make_it_running() -> None:
    found = of(deployment(), pod(template="old"), pod(template="old"), starting())
    assert (found.state, found.ready, found.updated) == ("deploying", 2, 1)
    assert found.message == "2 of 2 replicas ready: 0 of 2 updated"


def test_old_pods_that_still_serve_are_waited_for() -> None:
    found = of(deployment(), pod(), pod(), pod(template="old"))
    assert (found.state, found.message) == ("deploying", "2 of 2 replicas ready: 1 pod still to stop")


def test_pods_that_are_stopping_do_not_count() -> None:
    assert of(deployment(), pod(), pod(), pod(template="old", deleting_since=NOW)).state == "running"


def test_evicted_pods_do_not_count() -> None:
    gone = pod(False, phase="Failed", reason="Evicted")
    assert of(deployment(), pod(), pod(), gone).state == "running"


def test_a_deployment_without_wanted_replicas_is_paused_when_the_last_has_stopped() -> None:
    assert of(deployment(wanted_replicas=0), pod(), wanted=0).state == "deploying"
    assert of(deployment(wanted_replicas=0), wanted=0).state == "paused"


def test_a_deployment_being_deleted_says_so() -> None:
    found = of(deployment(deleting_since=NOW), pod())
    assert (found.state, found.message) == ("deleting", "being deleted: 1 pod left")


def test_a_crash_loop_is_failed_and_says_how_it_ends() -> None:
    found = of(deployment(), crashing(), crashing())
    assert found.state == "failed"
    assert found.message == (
        "0 of 2 replicas ready: the server keeps ending with exit code 1"
        " (CrashLoopBackOff, restarted 3 times)"
    )


def test_a_broken_rollout_over_serving_pods_is_degraded() -> None:
    found = of(deployment(), pod(template="old"), pod(template="old"), crashing())
    assert (found.state, found.reason) == ("degraded", "CrashLoopBackOff")


def test_a_crash_is_one_between_its_restarts_too() -> None:
    again = pod(
        False, server={"restarts": 3, "last_reason": "OOMKilled", "last_exit_code": 137}, memory_limit=2**27
    )
    found = of(deployment(), again, again)
    assert (found.state, found.reason) == ("failed", "OOMKilled")
    assert "more memory than its limit of 128 MiB" in found.message


def test_a_first_crash_may_be_a_stumble() -> None:
    assert of(deployment(), starting(server={"restarts": 1}), pod()).state == "deploying"


def test_a_server_that_keeps_ending_is_not_well_the_moment_it_is_up_again() -> None:
    def back(seconds: int, restarts: int = 2) -> PodFacts:
        server = {
            "restarts": restarts,
            "started_at": NOW - timedelta(seconds=seconds),
            "last_reason": "OOMKilled",
            "last_exit_code": 137,
        }
        return pod(server=server)

    judged = of(deployment(), pod(), back(5))
    assert (judged.state, judged.ready, judged.reason) == ("degraded", 2, "OOMKilled")
    assert "up again for the moment, but the server used more memory" in judged.message
    assert of(deployment(), back(5), back(5)).state == "failed"
    assert of(deployment(), pod(), back(31)).state == "running"
    assert of(deployment(), pod(), back(5, restarts=1)).state == "running"


def test_pods_the_cluster_refuses_to_create_are_a_failure() -> None:
    refused = condition("ReplicaFailure", True, reason="FailedCreate", message="exceeded quota: q")
    found = of(deployment(conditions=(refused,)))
    assert (found.state, found.reason) == ("failed", "FailedCreate")
    assert "exceeded quota: q" in found.message


def test_a_rollout_without_progress_is_a_failure() -> None:
    stuck = condition("Progressing", False, reason="ProgressDeadlineExceeded")
    assert of(deployment(conditions=(stuck,)), starting(), starting()).state == "failed"
    assert of(deployment(conditions=(stuck,)), starting(), pod()).state == "degraded"


def test_a_lost_node_is_told_by_the_condition_and_not_by_the_containers() -> None:
    lost = pod(False, server={"ready": True, "started": True})
    found = of(deployment(), lost, pod())
    assert (found.state, found.reason) == ("degraded", "NodeNotReady")
    assert "cpu-1" in found.message


def test_a_server_that_stops_answering_is_degraded_after_a_while() -> None:
    def unready(since: timedelta) -> PodFacts:
        server = {"started": True, "ready": False}
        ready = condition("Ready", False, since=NOW - since, reason="ContainersNotReady")
        return pod(False, server=server, conditions=(ready,))

    assert of(deployment(), unready(timedelta(seconds=5)), pod()).state == "deploying"
    assert of(deployment(), unready(timedelta(seconds=20)), pod()).state == "degraded"


def test_a_slow_start_is_no_failure() -> None:
    server = {"started": True, "ready": False, "started_at": NOW - timedelta(seconds=60)}
    ready = condition("Ready", False, since=NOW - timedelta(seconds=61))
    assert of(deployment(), pod(False, server=server, conditions=(ready,)), pod()).state == "deploying"


def test_a_model_that_loads_for_long_is_given_the_time_it_asked_for() -> None:
    server = {"started": True, "ready": False, "started_at": NOW - timedelta(seconds=400)}
    ready = condition("Ready", False, since=NOW - timedelta(seconds=401))
    patient = pod(False, server=server, conditions=(ready,), start_seconds=600)
    assert of(deployment(), patient, pod()).state == "deploying"
    hasty = pod(False, server=server, conditions=(ready,), start_seconds=60)
    assert of(deployment(), hasty, pod()).state == "degraded"


def test_a_rollout_is_stuck_past_its_deadline_and_only_the_newest() -> None:
    overdue = deployment(
        conditions=(condition("Progressing", False, reason="ProgressDeadlineExceeded"),), revision=3
    )
    assert is_stuck(overdue, expected_revision=3)
    assert not is_stuck(overdue, expected_revision=4), "what is told is of the revision before"
    unseen = msgspec.structs.replace(overdue, generation=9, observed_generation=8)
    assert not is_stuck(unseen, expected_revision=3)
    assert not is_stuck(deployment(revision=3), expected_revision=3)


def test_a_long_message_is_cut() -> None:
    big = starting(server={"state": "waiting", "reason": "ErrImagePull", "message": "x" * 5000})
    assert len(of(deployment(), big).message) <= 400


def recorded(name: str) -> PodFacts:
    found = facts_of("Pod", objects("bad_pods", "Pod")[name])
    assert isinstance(found, PodFacts)
    return found


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("badcmd", "RunContainerError", "the server cannot be started: failed to create"),
        ("badname", "InvalidImageName", "cannot be pulled"),
        ("crash", "CrashLoopBackOff", "keeps ending with exit code 1"),
        ("gpu", "Unschedulable", "no node has room for it: 0/"),
        ("initfail", "CrashLoopBackOff", "its preparation keeps ending with exit code 7"),
        ("neverpull", "ErrImageNeverPull", "cannot be pulled"),
        ("noconfig", "CreateContainerConfigError", 'cannot be started: configmap "nope" not found'),
        ("oom", "OOMKilled", "more memory than its limit of 96 MiB"),
        ("pull", "ImagePullBackOff", "cannot be pulled: failed to do request: Head"),
        ("pvc", "Unschedulable", "no node has room for it"),
        ("toobig", "Unschedulable", "Insufficient cpu"),
    ],
)
def test_recorded_failures_are_named(name: str, reason: str, words: str) -> None:
    problem = problem_of(recorded(name), NOW)
    assert problem is not None
    assert problem.reason == reason
    assert words in problem.text


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("crash", "Error"),
        ("evict", "Evicted"),
        ("gpu", "Unschedulable"),
        ("initfail", "Init:Error"),
        ("noconfig", "CreateContainerConfigError"),
        ("pull", "ImagePullBackOff"),
    ],
)
def test_a_pods_row_has_one_word(name: str, word: str) -> None:
    assert reason_of(recorded(name)) == word


def test_a_stopping_pod_says_so_and_a_well_one_says_nothing() -> None:
    assert reason_of(pod()) == ""
    assert reason_of(msgspec.structs.replace(pod(), deleting_since=NOW)) == "Terminating"

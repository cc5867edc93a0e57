"""What crashed containers wrote is kept once for each end, and no more of it than there is room for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from deployments import capturing
from deployments.models import CapturedLog, Deployment, Pod
from k8s.facts import ContainerFacts, PodFacts

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def a_pod(number: int, **container: Any) -> PodFacts:
    usual: dict[str, Any] = {"name": "server", "state": "terminated", "exit_code": 1, "reason": "Error"}
    server = ContainerFacts(**(usual | {"finished_at": NOW - timedelta(seconds=number)} | container))
    return PodFacts(uid=f"uid-{number}", name=f"house-{number}", containers=(server,))


def keys(pods: list[PodFacts], deployment: Deployment) -> list[tuple[str, str, int]]:
    return [run.key for run in capturing.missing_runs(deployment, pods, NOW)]


def keep(deployment: Deployment, pod: PodFacts, run: int = 0, *, ended: bool = True) -> None:
    CapturedLog.objects.create(
        deployment=deployment,
        pod=pod.name,
        pod_uid=pod.uid,
        container="server",
        run=run,
        ended_at=NOW if ended else None,
        captured_at=NOW,
    )


def test_an_end_is_wanted_once(deployment: Deployment) -> None:
    pod = a_pod(1)
    assert keys([pod], deployment) == [("uid-1", "server", 0)]
    keep(deployment, pod)
    assert keys([pod], deployment) == []


def test_a_container_that_ended_well_or_serves_is_left_alone(deployment: Deployment) -> None:
    serving = {"state": "running", "ready": True, "exit_code": None, "started_at": NOW - timedelta(hours=1)}
    assert keys([a_pod(1, exit_code=0), a_pod(2, **serving)], deployment) == []


def test_the_run_before_is_asked_for_once_the_next_has_begun(deployment: Deployment) -> None:
    pod = a_pod(1, state="running", exit_code=None, restarts=3, last_exit_code=1, ready=True)
    (run,) = capturing.missing_runs(deployment, [pod], NOW)
    assert (run.number, run.previous, run.has_ended) == (2, True, True)


def test_a_server_that_is_up_and_not_ready_is_listened_to_again(deployment: Deployment) -> None:
    pod = a_pod(1, state="running", exit_code=None, started_at=NOW - timedelta(seconds=5))
    assert keys([pod], deployment) == [("uid-1", "server", 0)]
    keep(deployment, pod, ended=False)
    assert keys([pod], deployment) == []
    CapturedLog.objects.update(captured_at=NOW - timedelta(seconds=16))
    assert keys([pod], deployment) == [("uid-1", "server", 0)]


def test_of_many_ends_only_the_newest_are_wanted_and_no_end_twice(deployment: Deployment) -> None:
    pods = [a_pod(number) for number in range(50)]
    wanted = keys(pods, deployment)
    assert [uid for uid, _, _ in wanted] == [f"uid-{number}" for number in range(capturing.MOST_KEPT)]
    for pod in pods[: capturing.MOST_KEPT]:
        keep(deployment, pod)
    assert keys(pods, deployment) == []


def test_nothing_is_read_for_a_deployment_that_is_gone(deployment: Deployment) -> None:
    Pod.objects.create(
        cluster=deployment.cluster,
        deployment=deployment,
        uid="uid-1",
        namespace="pricing",
        name="house-1",
        phase="Running",
        facts=msgspec.to_builtins(a_pod(1)),
    )
    Deployment.objects.update(deleted_at=NOW)
    # It has no cluster to ask: reading would fail.
    assert not capturing.capture_logs(deployment.pk)

"""Each way in which a pod can fail, made with a manifest and read back as facts and as a judgement."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from k8s import errors
from k8s.cluster import LogQuery, Ref
from k8s.facts import PodFacts
from k8s.health import STARTUP_PATIENCE, Judgement, reason_of
from tests.contract.target import PORT, Target, conditions, container, job
from tests.k8s.wishes import built

PodSpec = dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """How a pod is broken, and what is then said of it."""

    break_: Callable[[PodSpec], None]
    reasons: frozenset[str]
    words: str
    event: str = ""
    later: timedelta = timedelta(0)


def image(name: str, **more: str) -> Callable[[PodSpec], None]:
    return lambda spec: spec["containers"][0].update(image=name, **more)


def command(*words: str) -> Callable[[PodSpec], None]:
    return lambda spec: spec["containers"][0].update(command=list(words))


def resources(**amounts: str) -> Callable[[PodSpec], None]:
    asked = {
        name.replace("__", "/").replace("nvidia_com", "nvidia.com"): what for name, what in amounts.items()
    }
    return lambda spec: spec["containers"][0].update(resources={"requests": asked, "limits": asked})


def volume(**source: Any) -> Callable[[PodSpec], None]:
    def break_(spec: PodSpec) -> None:
        spec["volumes"].append({"name": "model", **source})
        spec["containers"][0]["volumeMounts"].append({"name": "model", "mountPath": "/model"})

    return break_


def no_configuration(spec: PodSpec) -> None:
    spec["containers"][0]["envFrom"] = [{"configMapRef": {"name": "nope"}}]


def failing_preparation(spec: PodSpec) -> None:
    spec["initContainers"] = [container(spec["containers"][0]["image"], "false", name="download")]


def never_alive(spec: PodSpec) -> None:
    only = spec["containers"][0]
    only["command"] = ["sleep", "3600"]
    only["livenessProbe"] = {"tcpSocket": {"port": PORT}, "periodSeconds": 1, "failureThreshold": 1}
    for name in ("startupProbe", "readinessProbe", "lifecycle"):
        del only[name]
    spec["terminationGracePeriodSeconds"] = 1


def never_ready(spec: PodSpec) -> None:
    only = spec["containers"][0]
    only["readinessProbe"] = {"httpGet": {"path": "/no/such/page", "port": PORT}, "periodSeconds": 1}
    for name in ("startupProbe", "livenessProbe"):
        del only[name]


FAILURES = {
    "crash": Failure(
        command("false"), frozenset({"CrashLoopBackOff"}), "keeps ending with exit code 1", "BackOff"
    ),
    "oom": Failure(
        resources(cpu="100m", memory="8Mi"),
        frozenset({"OOMKilled"}),
        "used more memory than its limit of 8 MiB",
    ),
    "pull": Failure(
        image("example.invalid/house:9.9"),
        frozenset({"ErrImagePull", "ImagePullBackOff"}),
        "the image example.invalid/house:9.9 cannot be pulled",
        "Failed",
    ),
    "badname": Failure(
        image("Example.invalid/UPPER:1"), frozenset({"InvalidImageName"}), "cannot be pulled", "InspectFailed"
    ),
    "neverpull": Failure(
        image("example.invalid/house:9.9", imagePullPolicy="Never"),
        frozenset({"ErrImageNeverPull"}),
        "cannot be pulled",
        "ErrImageNeverPull",
    ),
    "noconfig": Failure(
        no_configuration, frozenset({"CreateContainerConfigError"}), 'configmap "nope" not found'
    ),
    "badcmd": Failure(
        command("/no/such/binary"),
        frozenset({"RunContainerError", "StartError", "CrashLoopBackOff"}),
        "the server",
    ),
    "gpu": Failure(
        resources(cpu="10m", memory="16Mi", nvidia_com__gpu="640"),
        frozenset({"Unschedulable"}),
        "Insufficient nvidia.com/gpu",
        "FailedScheduling",
    ),
    "toobig": Failure(
        resources(cpu="6400", memory="1Pi"),
        frozenset({"Unschedulable"}),
        "Insufficient cpu",
        "FailedScheduling",
    ),
    "pvc": Failure(
        volume(persistentVolumeClaim={"claimName": "nope"}),
        frozenset({"Unschedulable"}),
        'persistentvolumeclaim "nope" not found',
        "FailedScheduling",
    ),
    "initfail": Failure(failing_preparation, frozenset({"CrashLoopBackOff"}), "its preparation keeps ending"),
    "unhealthy": Failure(never_alive, frozenset({"CrashLoopBackOff"}), "keeps ending", "Unhealthy"),
    "unready": Failure(
        never_ready,
        frozenset({"ContainersNotReady"}),
        "fails its readiness check",
        "Unhealthy",
        # That pod has no start-up check, and is given the time that ours have.
        later=STARTUP_PATIENCE + timedelta(seconds=120),
    ),
}


# These fail before anything is run.
WITHOUT_IMAGE = {"pull", "badname", "neverpull", "gpu", "toobig", "pvc", "nosecretvol"}


@pytest.fixture
def able(request: pytest.FixtureRequest, target: Target, name: str) -> Target:
    """The cluster, if it can fail in this way."""
    found: Target = target if name in WITHOUT_IMAGE else request.getfixturevalue("runner")
    return found


@pytest.fixture(scope="module")
def broken(target: Target) -> Iterator[str]:
    """A namespace with a deployment of each kind of failure, so that they fail at the same time."""
    with target.space() as space:
        for name in (*FAILURES, "nosecretvol"):
            break_ = FAILURES[name].break_ if name in FAILURES else volume(secret={"secretName": "nope"})
            deployment = built(target.wish(space, name))
            break_(deployment["spec"]["template"]["spec"])
            target.cluster.apply(deployment)
        yield space


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_judged_and_named(able: Target, broken: str, name: str) -> None:
    failure, wish = FAILURES[name], able.wish(broken, name)

    def failed() -> Judgement | None:
        found = able.judged(wish, later=failure.later)
        as_told = found.reason in failure.reasons and failure.words in found.message
        return found if found.state == "failed" and as_told else None

    found = able.until(f"{name} is failed for one of {set(failure.reasons)}", failed)
    assert found is not None
    assert found.message.startswith("0 of 1 replicas ready: ")
    (only,) = [each for each in able.pods(broken, name) if each.deleting_since is None]
    assert not only.ready
    if failure.event:
        able.until(f"{name} has its event", lambda: able.events(broken, failure.event, only.name))


def test_a_secret_that_is_missing_in_a_volume_is_told_by_an_event_alone(target: Target, broken: str) -> None:
    target.until("the event", lambda: target.events(broken, "FailedMount", "nosecretvol"))
    (only,) = target.pods(broken, "nosecretvol")
    assert (only.phase, reason_of(only)) == ("Pending", "ContainerCreating")
    assert target.judged(target.wish(broken, "nosecretvol")).state == "deploying"
    (event, *_) = target.events(broken, "FailedMount", "nosecretvol")
    assert 'secret "nope" not found' in event.message
    assert event.count >= 1
    assert event.last_at is not None


@pytest.mark.parametrize("name", ["pull", "badname", "noconfig", "nosecretvol", "initfail"])
def test_the_log_of_a_container_that_waits_says_so(able: Target, broken: str, name: str) -> None:
    def waits() -> str:
        (found,) = able.pods(broken, name)
        servers = [each for each in found.containers if not each.is_init]
        return found.name if servers and servers[0].state == "waiting" else ""

    only = able.until(f"{name} waits", waits)
    with pytest.raises(errors.LogsNotReady, match=f'container "server" in pod "{only}" is waiting to start'):
        able.cluster.logs(broken, only, LogQuery(container="server"))


def test_the_log_of_a_pod_on_no_node_is_empty(target: Target, broken: str) -> None:
    (only,) = target.pods(broken, "gpu")
    assert target.cluster.logs(broken, only.name, LogQuery()) == ""


def test_a_crashed_container_keeps_its_last_end(runner: Target, broken: str) -> None:
    def crashed() -> list[PodFacts]:
        return [each for each in runner.pods(broken, "crash") if each.restarts >= 1]

    (only, *_) = runner.until("it crashed again", crashed)
    (server,) = only.containers
    assert server.last_exit_code == 1
    assert server.last_reason == "Error"
    assert server.last_finished_at is not None


def test_a_job_that_fails_says_so_and_leaves_its_pod(runner: Target, space: str) -> None:
    runner.cluster.apply(job(space, "train", runner.image, "false"))
    ref = Ref("Job", space, "train")
    runner.until("the job has failed", lambda: "Failed" in conditions(runner.cluster.get(ref)))
    (only,) = runner.cluster.list("Pod", space, labels="batch.kubernetes.io/job-name=train")
    found = runner.pod(space, only["metadata"]["name"])
    assert found.phase == "Failed"
    assert [(each.state, each.exit_code, each.reason) for each in found.containers] == [
        ("terminated", 1, "Error")
    ]
    assert runner.events(space, "BackoffLimitExceeded", "train")


def test_a_job_that_succeeds_is_complete(runner: Target, space: str) -> None:
    runner.cluster.apply(job(space, "train", runner.image, "echo", "epoch 1"))
    ref = Ref("Job", space, "train")
    done = runner.until("the job is complete", lambda: _complete(runner, ref))
    assert done["status"]["succeeded"] == 1
    (only,) = runner.cluster.list("Pod", space, labels="batch.kubernetes.io/job-name=train")
    name = only["metadata"]["name"]
    assert runner.pod(space, name).phase == "Succeeded"
    assert runner.cluster.logs(space, name, LogQuery(timestamps=False)) == "epoch 1\n"


def _complete(runner: Target, ref: Ref) -> dict[str, Any]:
    found = runner.cluster.get(ref)
    return found if "Complete" in conditions(found) else {}

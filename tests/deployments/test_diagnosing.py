"""Failures deployed through the product are explained, mended by their fix, and their last words kept."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import capturing, diagnosing, intent, selectors
from deployments.models import CapturedLog, Deployment
from teams.models import Team
from tests.deployments.installed import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

Diagnosis = dict[str, Any]


@pytest.fixture
def deployer(installed: Team) -> User:
    return User.objects.get(username="deployer")


@pytest.fixture
def deploy(installed: Team, deployer: User, observer: None) -> Callable[..., Deployment]:
    def make(name: str, image: str, **more: Any) -> Deployment:
        return intent.create_deployment(
            installed, {"name": name, "image": image, **more}, by=deployer
        ).deployment

    return make


def diagnosis_of(row: Deployment) -> Diagnosis | None:
    """As pages and API show it, with a worker that keeps up with what containers wrote."""
    if capturing.capture_logs(row.pk):
        diagnosing.rediagnose([row.pk])
    status = selectors.present_status(Deployment.objects.select_related("cluster").get(pk=row.pk))
    found: Diagnosis | None = status["diagnosis"]
    return found


def explained(row: Deployment, code: str) -> Diagnosis:
    """The diagnosis once it is that one."""
    last: list[Diagnosis | None] = [None]

    def is_told() -> bool:
        last[0] = diagnosis_of(row)
        return last[0] is not None and last[0]["code"] == code

    wait_for(is_told, seconds=45)
    assert last[0] is not None
    return last[0]


def runs(row: Deployment) -> Callable[[], bool]:
    return lambda: Deployment.objects.get(pk=row.pk).state == "running"


def test_a_crash_shows_its_last_line_which_is_there_when_the_pod_is_gone(
    deploy: Callable[..., Deployment], deployer: User
) -> None:
    row = deploy("crashing", "local/crash:1.0", port=5001)
    found = explained(row, "crash")
    assert "exit code" in found["cause"]
    lines = [each["text"] for each in found["evidence"] if each["kind"] == "log"]
    assert lines
    kept = CapturedLog.objects.filter(deployment=row, text__contains=lines[-1])
    assert kept.exists()

    pods = {pod.name for pod in selectors.pods_of(row)}
    intent.update_deployment(row, {"image": "local/house:1.0"}, by=deployer)
    wait_for(runs(row))
    wait_for(lambda: not pods & {pod.name for pod in selectors.pods_of(row)})
    assert kept.exists()
    assert diagnosis_of(row) is None


def test_what_it_lacks_in_memory_is_given_by_one_press(
    deploy: Callable[..., Deployment], deployer: User
) -> None:
    resources = {"memory": "32Mi", "memory_limit": "64Mi"}
    # Takes 80 MiB and is content.
    env = [{"name": "MEMORY_MIB", "value": "80"}]
    row = deploy("hungry", "local/memory-hog:1.0", port=5001, resources=resources, env=env)
    found = explained(row, "out_of_memory")
    assert "64 MiB" in found["cause"]
    operation = intent.apply_fix(row, found["code"], by=deployer)
    assert operation.action == "update"
    wait_for(runs(row), seconds=60)
    assert (Deployment.objects.get(pk=row.pk).revision, diagnosis_of(row)) == (2, None)


def test_a_server_that_listens_elsewhere_is_asked_there(
    deploy: Callable[..., Deployment], deployer: User
) -> None:
    # Its own port is 5001, and it says so in its log.
    row = deploy("elsewhere", "local/house:1.0", port=7007)
    found = explained(row, "wrong_port")
    assert found["fix"]["changes"] == {"port": 5001}
    intent.apply_fix(row, found["code"], by=deployer)
    wait_for(runs(row), seconds=60)


def test_what_fits_on_no_node_is_lowered_to_what_does(
    deploy: Callable[..., Deployment], deployer: User
) -> None:
    row = deploy("too-big", "local/house:1.0", port=5001, resources={"cpu": "900", "cpu_limit": "900"})
    found = explained(row, "no_room")
    assert "900" in found["cause"]
    intent.apply_fix(row, found["code"], by=deployer)
    wait_for(runs(row), seconds=60)


@pytest.mark.parametrize(
    ("name", "image", "more", "code"),
    [
        ("no-tag", "local/house:9.9", {}, "image_not_shipped"),
        ("ill", "local/unhealthy:1.0", {}, "unhealthy"),
        ("no-gpu", "local/house:1.0", {"resources": {"gpu": 64}}, "no_room"),
        ("no-path", "local/house:1.0", {"health_path": "/nowhere"}, "health_path_missing"),
    ],
)
def test_other_failures_are_named(
    deploy: Callable[..., Deployment], name: str, image: str, more: dict[str, Any], code: str
) -> None:
    found = explained(deploy(name, image, port=5001, **more), code)
    assert found["evidence"]

"""The same request twice is one wish, also when both come at once."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from deployments import intent
from deployments.errors import DomainError, DuplicateName, StaleGeneration
from deployments.locking import lock_row
from deployments.models import Cluster, Deployment, ModelVersion, Operation, Revision, SecretValue
from teams.models import Team
from tests.deployments.together import at_once

SECRET = {"env": [{"name": "KEY", "secret": True, "value": "correct-horse"}]}


@pytest.mark.parametrize(
    "act",
    [
        lambda row, by: intent.restart(row, by=by, if_generation=1),
        lambda row, by: intent.update_deployment(row, {"version": "2.0"}, by=by, if_generation=1),
        lambda row, by: intent.update_deployment(row, SECRET, by=by, if_generation=1),
        lambda row, by: intent.scale(row, 5, by=by, if_generation=1),
        lambda row, by: intent.pause(row, by=by, if_generation=1),
        lambda row, by: intent.autoscale(
            row, {"max_replicas": 4, "target_cpu_percent": 5}, by=by, if_generation=1
        ),
    ],
    ids=["restart", "update", "secret", "scale", "pause", "autoscale"],
)
def test_a_second_click_is_answered_with_the_first_ones_operation(
    deployment: Deployment, deployer: User, act: Callable[[Deployment, User], Operation]
) -> None:
    first = act(deployment, deployer)
    assert act(deployment, deployer) == first
    deployment.refresh_from_db()
    assert deployment.generation == 2
    assert SecretValue.objects.count() <= 1


def test_another_request_with_the_same_old_generation_is_late(deployment: Deployment, deployer: User) -> None:
    intent.update_deployment(deployment, SECRET, by=deployer, if_generation=1)
    other = {"env": [{**SECRET["env"][0], "value": "another-horse"}]}
    with pytest.raises(StaleGeneration):
        intent.update_deployment(deployment, other, by=deployer, if_generation=1)
    # Nor is a click on what was done before somebody else's change.
    intent.restart(deployment, by=deployer, if_generation=2)
    with pytest.raises(StaleGeneration):
        intent.update_deployment(deployment, SECRET, by=deployer, if_generation=1)


def test_what_a_request_is_recognised_by_tells_nothing(deployment: Deployment, deployer: User) -> None:
    operation = intent.update_deployment(deployment, SECRET, by=deployer)
    assert "correct-horse" not in str(operation.arguments)
    assert len(operation.arguments["request"]) == 64


@pytest.mark.parametrize("service", [{}, {"type": "NodePort", "node_port": 30019}])
def test_a_double_create_is_one_deployment(
    team: Team, cluster: Cluster, house: ModelVersion, deployer: User, lead: User, service: dict[str, Any]
) -> None:
    payload = {"name": "h", "model": "house", "version": "1.0", "service": service}
    first = intent.create_deployment(team, payload, by=deployer)
    assert intent.create_deployment(team, payload, by=deployer) == first
    for by, other in ((lead, payload), (deployer, {**payload, "replicas": 2})):
        with pytest.raises(DomainError):
            intent.create_deployment(team, other, by=by)
    Operation.objects.update(created_at=first.created_at - timedelta(minutes=2))
    with pytest.raises(DomainError):
        intent.create_deployment(team, payload, by=deployer)
    assert (Deployment.objects.count(), Revision.objects.count()) == (1, 1)


def test_a_deployment_being_deleted_is_not_created_twice(
    team: Team, cluster: Cluster, house: ModelVersion, deployer: User
) -> None:
    payload = {"name": "h", "model": "house", "version": "1.0"}
    intent.delete(intent.create_deployment(team, payload, by=deployer).deployment, by=deployer)
    with pytest.raises(DuplicateName):
        intent.create_deployment(team, payload, by=deployer)


@pytest.fixture
def clicked(transactional_db: None, deployment: Deployment) -> Iterator[Deployment]:
    """A deployment that threads with connections of their own can see."""
    yield deployment


def test_two_clicks_at_once_make_one_revision(clicked: Deployment, deployer: User) -> None:
    def click() -> Operation:
        return intent.update_deployment(clicked, SECRET, by=deployer, if_generation=1)

    first, second = at_once(click, click)
    assert first == second
    clicked.refresh_from_db()
    assert (clicked.generation, clicked.revision, SecretValue.objects.count()) == (2, 2, 1)


def test_of_two_people_at_once_one_is_late(clicked: Deployment, deployer: User, lead: User) -> None:
    answers = at_once(
        lambda: intent.update_deployment(clicked, {"version": "2.0"}, by=lead, if_generation=1),
        lambda: intent.update_deployment(clicked, {"port": 7000}, by=deployer, if_generation=1),
    )
    late = [answer for answer in answers if isinstance(answer, StaleGeneration)]
    assert (len(answers), len(late)) == (2, 1)
    clicked.refresh_from_db()
    assert (clicked.generation, clicked.revision) == (2, 2)


def test_a_row_is_found_whose_version_changed_while_it_was_waited_for(clicked: Deployment) -> None:
    other = ModelVersion.objects.exclude(pk=clicked.version_id).get(model=clicked.version.model)
    held = threading.Event()

    def change() -> None:
        with transaction.atomic():
            row = lock_row(clicked.pk)
            held.set()
            time.sleep(0.5)
            row.version = other
            row.save(update_fields=["version"])
        connection.close()

    changing = threading.Thread(target=change)
    changing.start()
    assert held.wait(timeout=30)
    with transaction.atomic():
        found = lock_row(clicked.pk)
    changing.join(timeout=30)
    assert found.version == other


def test_two_creates_at_once_make_one_deployment(
    transactional_db: None, team: Team, cluster: Cluster, deployer: User
) -> None:
    def create() -> Operation:
        return intent.create_deployment(team, {"name": "h", "image": "local/new:1.0"}, by=deployer)

    first, second = at_once(create, create)
    assert first == second
    assert (Deployment.objects.count(), Operation.objects.count(), ModelVersion.objects.count()) == (1, 1, 1)

"""A namespace is taken away from a team at the moment in which somebody deploys into it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from deployments import intent
from deployments.errors import DomainError, InvalidInput, NamespaceInUse
from deployments.models import Cluster, Deployment, ModelVersion, Namespace
from teams.models import Team

pytestmark = pytest.mark.django_db(transaction=True)

Told = list[DomainError | None]
WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[Told]:
    """`act` by a second connection, begun inside the first one's transaction and waiting for its end."""
    told: Told = []

    def run() -> None:
        try:
            act()
            told.append(None)
        except DomainError as error:
            told.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=run)
    with transaction.atomic():
        yield told
        other.start()
        wait_until_it_waits(other)
    other.join(timeout=60)


def wait_until_it_waits(other: threading.Thread) -> None:
    """SQLite lets nobody write beside another anyway."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        while other.is_alive():
            # Within one transaction it is seen once, and kept.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone():
                return


PAYLOAD = {"name": "house-prices", "model": "house", "version": "1.0"}


def test_it_is_not_taken_from_below_a_deployment_that_is_being_made(
    team: Team, cluster: Cluster, house: ModelVersion, deployer: User, admin: User
) -> None:
    space = Namespace.objects.get(team=team)
    with meanwhile(lambda: intent.take_namespace(space, by=admin)) as told:
        intent.create_deployment(team, PAYLOAD, by=deployer)
    assert isinstance(told[0], NamespaceInUse)
    assert Namespace.objects.filter(pk=space.pk).exists()


def test_nothing_is_made_where_it_was_just_taken(
    team: Team, cluster: Cluster, house: ModelVersion, deployer: User, admin: User
) -> None:
    space = Namespace.objects.get(team=team)
    with meanwhile(lambda: intent.create_deployment(team, PAYLOAD, by=deployer)) as told:
        intent.take_namespace(space, by=admin)
    refused = told[0]
    assert isinstance(refused, InvalidInput)
    assert refused.errors[0].field == "cluster"
    assert not Deployment.objects.exists()

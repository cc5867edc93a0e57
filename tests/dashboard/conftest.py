"""People by role, one model, and browsers that are signed in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, ClusterState, Deployment, Model, ModelVersion, Namespace, State
from teams.models import Membership, Team
from teams.roles import Role

SAMPLE = {"path": "/v1/models/house:predict", "method": "POST", "body": {"instances": [[120, 3, 15]]}}


@pytest.fixture(autouse=True)
def nothing_is_kept(settings: Any) -> None:
    """What pages keep for some seconds would outlive the rows of a test."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="pricing", title="Pricing")


@pytest.fixture
def cluster(team: Team) -> Cluster:
    made = Cluster.objects.create(
        name="local", state=ClusterState.CONNECTED, node_address="127.0.0.1", seen_at=timezone.now()
    )
    Namespace.objects.create(cluster=made, team=team, name=team.name)
    return made


def member(team: Team, name: str, role: Role) -> User:
    user = User.objects.create_user(name, password=name)
    Membership.objects.create(team=team, user=user, role=role)
    return user


@pytest.fixture
def viewer(team: Team) -> User:
    return member(team, "viewer", Role.VIEWER)


@pytest.fixture
def deployer(team: Team) -> User:
    return member(team, "deployer", Role.DEPLOYER)


@pytest.fixture
def lead(team: Team) -> User:
    return member(team, "lead", Role.LEAD)


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password="admin")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger", password="stranger")


@pytest.fixture
def house(team: Team) -> Model:
    """A model with versions 1.0 and 2.0."""
    model = Model.objects.create(team=team, name="house", task="regression")
    for version in ("1.0", "2.0"):
        ModelVersion.objects.create(
            model=model, version=version, image=f"local/house:{version}", port=5001, sample_request=SAMPLE
        )
    return model


Make = Callable[..., Deployment]


@pytest.fixture
def make(team: Team, cluster: Cluster, house: Model, deployer: User) -> Make:
    """Makes a deployment of house 1.0 by the deployer; columns as given."""

    def made(name: str = "house-prices", **columns: Any) -> Deployment:
        payload = {"name": name, "model": "house", "version": "1.0", "service": {"type": "NodePort"}}
        deployment = intent.create_deployment(team, payload, by=deployer).deployment
        columns = {"state": State.RUNNING, "ready_replicas": 1, "applied_generation": 1, **columns}
        Deployment.objects.filter(pk=deployment.pk).update(**columns)
        deployment.refresh_from_db()
        return deployment

    return made


@pytest.fixture
def deployment(make: Make) -> Deployment:
    return make()


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """A browser signed in as somebody."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def browser(deployer: User, browser_of: Callable[[User], Client]) -> Client:
    """The deployer's browser."""
    return browser_of(deployer)

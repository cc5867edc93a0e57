"""A team with people in every role, a catalogue, and a client for each kind of caller."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, ClusterState, Deployment, Event, Model, Namespace, Pod
from deployments.sealing import ensure_sealing_key
from teams.models import Membership, Team
from teams.roles import Role, Scope
from teams.tokens import create_token
from tests.deployments.api.caller import Caller

House = Callable[..., Deployment]


@pytest.fixture(autouse=True)
def no_redis(settings: Any) -> None:
    """Nothing answers at the queue, whatever the environment says."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = ""


@pytest.fixture
def cluster(db: None) -> Cluster:
    return Cluster.objects.create(
        name="local",
        state=ClusterState.CONNECTED,
        version="v1.34.0",
        seen_at=timezone.now(),
        node_address="127.0.0.1",
    )


@pytest.fixture
def team(cluster: Cluster) -> Team:
    made = Team.objects.create(name="pricing", title="Pricing")
    Namespace.objects.create(cluster=cluster, team=made, name="pricing")
    return made


@pytest.fixture
def other_team(cluster: Cluster) -> Team:
    made = Team.objects.create(name="fraud")
    Namespace.objects.create(cluster=cluster, team=made, name="fraud")
    return made


def person(name: str, team: Team | None = None, role: Role = Role.VIEWER) -> User:
    made = User.objects.create_user(name, password="secret")
    if team is not None:
        Membership.objects.create(team=team, user=made, role=role)
    return made


@pytest.fixture
def viewer(team: Team) -> User:
    return person("viewer", team)


@pytest.fixture
def deployer(team: Team) -> User:
    return person("deployer", team, Role.DEPLOYER)


@pytest.fixture
def lead(team: Team) -> User:
    return person("lead", team, Role.LEAD)


@pytest.fixture
def stranger(other_team: Team) -> User:
    return person("stranger", other_team, Role.LEAD)


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password="secret")


@pytest.fixture
def model(team: Team, deployer: User) -> Model:
    """The model `house` with versions 1.0 and 2.0."""
    made = intent.register_model(team, {"name": "house", "task": "regression"}, by=deployer)
    for version in ("1.0", "2.0"):
        image = f"local/house:{version}"
        intent.add_version(made, {"version": version, "image": image, "port": 5001}, by=deployer)
    return made


@pytest.fixture
def make_house(team: Team, deployer: User, model: Model) -> House:
    """Makes a deployment of `house`; the wish is stored, no worker runs."""

    def make(name: str = "house", **fields: Any) -> Deployment:
        payload = {"name": name, "model": "house", "version": "1.0", **fields}
        return intent.create_deployment(team, payload, by=deployer).deployment

    return make


@pytest.fixture
def house(make_house: House) -> Deployment:
    """A deployment with one observed pod and one event."""
    made = make_house()
    Pod.objects.create(
        cluster=made.cluster,
        deployment=made,
        uid="pod-1",
        namespace=made.namespace,
        name="house-1",
        phase="Running",
        ready=True,
        node="local",
        revision=1,
        created_at=timezone.now(),
        facts={
            "uid": "pod-1",
            "name": "house-1",
            "containers": [{"name": "model", "image": "local/house:1.0", "ready": True, "state": "running"}],
        },
    )
    Event.objects.create(
        cluster=made.cluster,
        deployment=made,
        uid="event-1",
        type="Normal",
        reason="Started",
        message="Started container model",
        object_kind="Pod",
        object_name="house-1",
        first_at=timezone.now(),
        last_at=timezone.now(),
    )
    return made


@pytest.fixture
def sealed(db: None) -> None:
    """The web can keep secrets: an installation that was prepared."""
    ensure_sealing_key()


def by_token(user: User, *scopes: Scope, team: Team | None = None) -> Caller:
    text, _ = create_token(user, "test", scopes, team=team)
    return Caller(Client(headers={"Authorization": f"Bearer {text}"}))


@pytest.fixture
def api(deployer: User) -> Caller:
    """The deployer's program, which may write."""
    return by_token(deployer, Scope.DEPLOY)

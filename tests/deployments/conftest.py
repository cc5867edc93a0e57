"""A team with people in every role, a catalogue, and a cluster that answers as it is told."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.models import Cluster, ClusterState, Deployment, Model, ModelVersion, Namespace, Quota
from teams.models import Membership, Team
from teams.roles import Role
from tests.deployments.fake_cluster import FakeCluster
from tests.deployments.installed import installed, observer

__all__ = ["installed", "observer"]


@pytest.fixture(autouse=True)
def nothing_is_kept(settings: Any) -> None:
    """What pages keep for some seconds would outlive the rows of a test."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


@pytest.fixture(autouse=True)
def no_redis(settings: Any) -> None:
    """Nothing answers at the queue, whatever the environment says."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = ""


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="pricing", title="Pricing")


@pytest.fixture
def cluster(team: Team) -> Cluster:
    row = Cluster.objects.create(
        name="local", node_address="127.0.0.1", state=ClusterState.CONNECTED, seen_at=timezone.now()
    )
    Namespace.objects.create(cluster=row, team=team, name="pricing")
    return row


@pytest.fixture
def house(team: Team) -> ModelVersion:
    """Version 1.0 of the model house; 2.0 is there, too, and listens elsewhere."""
    model = Model.objects.create(team=team, name="house")
    ModelVersion.objects.create(model=model, version="2.0", image="local/house:2.0", port=5002)
    return ModelVersion.objects.create(model=model, version="1.0", image="local/house:1.0", port=5001)


def member(team: Team, name: str, role: Role) -> User:
    user = User.objects.create_user(name)
    Membership.objects.create(team=team, user=user, role=role.value)
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
    return User.objects.create_superuser("admin")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger")


@pytest.fixture
def deployment(team: Team, cluster: Cluster, house: ModelVersion, deployer: User) -> Deployment:
    """Two replicas of house 1.0, wished for and not applied yet."""
    payload = {"name": "house-prices", "model": "house", "version": "1.0", "replicas": 2}
    return intent.create_deployment(team, payload, by=deployer).deployment


@pytest.fixture
def fake_cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def limit(team: Team, cluster: Cluster, admin: User) -> Callable[..., Quota]:
    """Sets limits of the team: `limit(replicas=3)`."""

    def limited(**limits: Any) -> Quota:
        payload = {name: {"limit": value} for name, value in limits.items()}
        return intent.set_quota(team, cluster, payload, by=admin)

    return limited

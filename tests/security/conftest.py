"""People, a team and what it keeps, as the tests of the pages have them."""

from typing import Any

import pytest

from tests.dashboard.conftest import (
    admin,
    cluster,
    deployer,
    deployment,
    house,
    lead,
    make,
    nothing_is_kept,
    stranger,
    team,
    viewer,
)

__all__ = [
    "admin",
    "cluster",
    "deployer",
    "deployment",
    "house",
    "lead",
    "make",
    "nothing_is_kept",
    "stranger",
    "team",
    "viewer",
]


@pytest.fixture(autouse=True)
def no_redis(settings: Any) -> None:
    """Nothing answers at the queue, whatever the environment says."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = ""

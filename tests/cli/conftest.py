"""The people and models of the API's tests, and a command that is told of a running server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from teams.roles import Scope
from teams.tokens import create_token
from tests.deployments.api.conftest import cluster, deployer, house, make_house, model, no_redis, team
from timoneiro.main import main

__all__ = ["cluster", "deployer", "house", "make_house", "model", "no_redis", "team"]

Run = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folder of somebody who never signed in."""
    for name in ("TIMONEIRO_URL", "TIMONEIRO_TOKEN", "TIMONEIRO_TEAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def token(deployer: User) -> str:
    return create_token(deployer, "ci", [Scope.DEPLOY])[0]


@pytest.fixture
def run(home: Path) -> Run:
    """Runs the command; its exit code."""
    return lambda *arguments: main(list(arguments))

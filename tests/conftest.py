"""Servers that tests of several rooms share, one of each per pytest process."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connections

from teams import append_only
from tests.failing import Failing
from tests.processes import ClusterServer, ValkeyServer, new_cluster, new_valkey

DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
CLUSTER_FIXTURES = {"local_cluster", "target"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which cluster tests/contract is held against; `./dev test` passes these on."""
    parser.getgroup("database").addoption(
        "--only-database", action="store_true", help="only the tests that use the database"
    )
    group = parser.getgroup("contract", "the cluster that tests/contract runs against")
    group.addoption("--kubeconfig", help="run against this cluster; without it, a local one is started")
    group.addoption("--context", help="the kubeconfig's context; without it, the current one")
    group.addoption(
        "--image",
        help="an image that the cluster can pull: a server on port 5001, with sleep, echo, true and false",
    )
    group = parser.getgroup("races", "how long a look at what happens at the same instant")
    group.addoption("--tries", type=int, default=8, help="how often each race is run")
    group = parser.getgroup("forms", "how much is sent to each form of the pages")
    group.addoption("--examples", type=int, default=3, help="how many bodies each form is sent")


def pytest_configure(config: pytest.Config) -> None:
    """`./dev test` says at its end which tests failed."""
    file = os.environ.get("TIMONEIRO_TEST_FAILURES")
    # Processes of pytest-xdist report to the one that started them.
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failing(Path(file)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests first, so that at the end no process waits for one; else the order stays random."""
    if config.getoption("--only-database"):
        others = [item for item in items if not uses_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if uses_database(item)]
    items.sort(key=lambda item: not is_long(item))


def uses_database(item: pytest.Item) -> bool:
    """Whether pytest-django lets the test speak to the database."""
    return item.get_closest_marker("django_db") is not None or bool(DATABASE_FIXTURES & fixtures_of(item))


def is_long(item: pytest.Item) -> bool:
    """Whether it waits for pods of a real cluster, or asks for more time than others get."""
    return item.get_closest_marker("timeout") is not None or bool(CLUSTER_FIXTURES & fixtures_of(item))


def fixtures_of(item: pytest.Item) -> set[str]:
    """The fixtures that it asks for by name, and those that they ask for."""
    return set(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as it runs: the in-memory kind locks differently between threads."""
    default = connections["default"]
    if default.vendor == "sqlite":
        default.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.getbasetemp() / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """The database refuses to empty the audit, which a test with real transactions does at its end."""
    operations = connections["default"].ops
    flush = operations.execute_sql_flush

    def unprotected_flush(sql_list: Iterable[str]) -> None:
        # What is taken away here is made again by the signal after a flush.
        flush([*append_only.unprotect_statements(connections["default"]), *sql_list])

    operations.execute_sql_flush = unprotected_flush  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A running Valkey. A test that kills it starts its own with `tests.processes.new_valkey`."""
    server = new_valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(valkey: ValkeyServer, settings: Any) -> str:
    """The address of an empty Valkey, which `settings.REDIS_URL` names during the test."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    settings.REDIS_URL = settings.CELERY_BROKER_URL = valkey.url
    return valkey.url


@pytest.fixture(scope="session")
def local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    """A running local cluster; tests use namespaces or names of their own in it."""
    server = new_cluster(tmp_path_factory.mktemp("cluster"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def data_dir(tmp_path: Path, settings: Any) -> Path:
    """A data directory of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path

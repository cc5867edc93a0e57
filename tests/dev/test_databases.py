"""The database of a test run is the one the run was started for."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from dashboard.settings.environment import ROOT, database_from_url


@pytest.mark.django_db(transaction=True)
def test_another_thread_sees_what_was_written() -> None:
    User.objects.create(username="a")
    seen: list[int] = []

    def look() -> None:
        seen.append(User.objects.count())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(10)
    assert seen == [1]


def test_an_address_may_name_a_socket_and_options() -> None:
    made = database_from_url("postgres://me:p%40ss@/db?host=%2Frun%2Fpg&sslmode=require", data_dir=ROOT)
    assert (made["HOST"], made["USER"], made["PASSWORD"]) == ("/run/pg", "me", "p@ss")
    assert made["OPTIONS"] == {"connect_timeout": "5", "sslmode": "require"}


@pytest.mark.django_db
def test_sqlite_runs_as_in_the_product() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"

"""The database of a test run is the one the run was started for."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection


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


@pytest.mark.django_db
def test_sqlite_runs_as_in_the_product() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"

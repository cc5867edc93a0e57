"""The observer's own thread for the database."""

import asyncio
import sqlite3
import time

import pytest
from django.db import DataError, OperationalError, connection
from django.utils import timezone

from deployments.models import Cluster, Namespace
from deployments.observe import liveness
from deployments.observe.database import Database

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_stop_does_not_wait_long_for_sqlites_lock(cluster: Cluster) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no lock of the whole database")
    database = Database()
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    try:
        with pytest.raises(OperationalError, match="locked"):
            asyncio.run(database.run(lambda: Cluster.objects.update(message="seen")))
        database.close()
    finally:
        other.rollback()
        other.close()
    # All that stops a process has ten seconds.
    assert time.monotonic() - began < 5


def test_what_cannot_be_stored_is_tried_once_and_left_out(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []

    def store_too_large_a_number() -> list[str]:
        tries.append(1)
        Namespace.objects.update(apply_attempts=2**70)
        return ["stored"]

    database = Database()
    try:
        assert asyncio.run(database.insist(store_too_large_a_number, otherwise=list)) == []
        assert len(tries) == 1
        assert "it cannot be stored and is left out" in caplog.text
        with pytest.raises((DataError, OverflowError)):
            asyncio.run(database.insist(store_too_large_a_number))
        # The connection is as good as before.
        assert asyncio.run(database.insist(Cluster.objects.count)) == 1
    finally:
        database.close()


def test_what_a_cluster_says_is_stored_without_what_cannot_be(cluster: Cluster) -> None:
    liveness.mark_seen(cluster.pk, timezone.now(), version="v1.36.0\0" + "x" * 90, message="odd\0 words")
    cluster.refresh_from_db()
    assert (cluster.version[:8], cluster.message) == ("v1.36.0x", "odd words")
    liveness.mark_lost(cluster.pk, "gone\0")
    cluster.refresh_from_db()
    assert cluster.message == "gone"

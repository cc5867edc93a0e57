"""The observer's own thread for the database."""

import asyncio
import sqlite3
import time

import pytest
from django.db import OperationalError, connection

from deployments.models import Cluster
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

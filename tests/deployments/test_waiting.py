"""Whoever waits holds nothing that others need."""

import pytest
from django.contrib.auth.models import User
from django.db import connection

from dashboard.settings.environment import ROOT, database_from_url
from deployments import intent
from deployments.api import base
from deployments.models import Deployment


@pytest.mark.django_db(transaction=True)
def test_a_held_answer_lets_go_of_the_database(
    deployment: Deployment, deployer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = intent.restart(deployment, by=deployer)
    closed: list[bool] = []
    really_close = connection.close

    def close() -> None:
        closed.append(True)
        really_close()

    monkeypatch.setattr(connection, "close", close)
    assert base.held(operation, 1).state == "queued"
    assert closed


def test_no_connection_is_kept_for_a_thread_that_will_not_come_again() -> None:
    made = database_from_url("postgres://somebody@/db", data_dir=ROOT)
    assert made["CONN_MAX_AGE"] == 0

"""What may be out of date is marked within fifteen seconds, whoever fell silent."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent, selectors
from deployments.first_data import ensure_first_data
from deployments.models import Cluster, Deployment
from deployments.observe.watching import _LIVENESS_SECONDS, _LONGEST_SILENCE, _WRITE_SEEN_EVERY
from k8s.client_async import PULSE_SECONDS
from teams.models import Team
from tests.deployments.installed import wait_for
from tests.processes import ClusterServer, new_cluster

PROMISE = timedelta(seconds=15)
BUSY_MACHINE = timedelta(seconds=15)


@pytest.fixture
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    server = new_cluster(tmp_path_factory.mktemp("own"))
    server.start()
    yield server
    server.stop()


def status_of(row: Deployment) -> dict[str, Any]:
    return selectors.present_status(Deployment.objects.select_related("cluster", "team").get(pk=row.pk))


def test_without_a_word_it_is_stale_after_fifteen_seconds_even_if_nobody_observes(
    deployment: Deployment, cluster: Cluster
) -> None:
    now = timezone.now()
    Cluster.objects.filter(pk=cluster.pk).update(seen_at=now - PROMISE)
    row = Deployment.objects.select_related("cluster").get(pk=deployment.pk)
    assert selectors.is_stale(row, now) is False
    assert selectors.is_stale(row, now + timedelta(milliseconds=1)) is True


def test_silence_adds_up_to_less_than_the_promise() -> None:
    """A stream may take another's word for its own once; then silence is waited for, and looked for."""
    looked_for = timedelta(seconds=PULSE_SECONDS + _LIVENESS_SECONDS)
    assert looked_for + _LONGEST_SILENCE < PROMISE
    # And while words come, what is written of them is never that old.
    assert looked_for + _WRITE_SEEN_EVERY < PROMISE


@pytest.mark.django_db(transaction=True)
def test_a_frozen_cluster_is_marked_within_fifteen_seconds(
    own_cluster: ClusterServer, data_dir: object, tmp_path_factory: pytest.TempPathFactory, observer: None
) -> None:
    folder = tmp_path_factory.mktemp("installed")
    ensure_first_data(kubeconfig=own_cluster.kubeconfig, context="", data_dir=folder)
    row = intent.create_deployment(
        Team.objects.get(name="pricing"),
        {"name": "frozen", "image": "local/house:1.0"},
        by=User.objects.get(username="deployer"),
    ).deployment
    wait_for(lambda: status_of(row)["state"] == "running")
    os.kill(own_cluster.pid, signal.SIGSTOP)
    frozen_at = timezone.now()
    try:
        while not status_of(row)["stale"]:
            assert timezone.now() - frozen_at < PROMISE + BUSY_MACHINE
            threading.Event().wait(0.05)
    finally:
        os.kill(own_cluster.pid, signal.SIGCONT)

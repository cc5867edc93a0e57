"""Each way to fail that the contract knows, under a deployment of the product: its state and its diagnosis.

What people can ask for cannot fail in all of these ways. So the test writes what a worker would, with
the pods' template broken as the contract breaks it; everything after that is the product's own.
"""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import capturing, clients, diagnosing, intent, selectors
from deployments.models import Deployment
from k8s import manifests
from teams.models import Team
from tests.contract.test_failures import FAILURES, volume
from tests.deployments.installed import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

# By name of the failure: the code of the diagnosis, a part of what it says, and the state.
SAID = {
    "crash": ("crash", "exit code 1", "failed"),
    "oom": ("out_of_memory", "its limit of 8 MiB", "failed"),
    "pull": ("image_not_shipped", "example.invalid/house:9.9", "failed"),
    "badname": ("image_name_invalid", "Example.invalid/UPPER:1", "failed"),
    "neverpull": ("image_not_allowed", "example.invalid/house:9.9", "failed"),
    "noconfig": ("missing_object", "ConfigMap nope", "failed"),
    "badcmd": ("cannot_start", "/no/such/binary", "failed"),
    "gpu": ("no_room", "GPU", "failed"),
    "toobig": ("no_room", "CPU", "failed"),
    "pvc": ("unschedulable", "nope", "failed"),
    "initfail": ("preparation_failed", "download", "failed"),
    "unhealthy": ("nothing_listens", "port 5001", "failed"),
    # Both are given the time of a slow start.
    "unready": ("health_path_missing", "404", "deploying"),
    "nosecretvol": ("missing_object", "Secret nope", "deploying"),
}


def write_broken(row: Deployment, name: str) -> None:
    """What a worker writes for the newest wish, with its template broken, and what it then notes."""
    break_ = FAILURES[name].break_ if name in FAILURES else volume(secret={"secretName": "nope"})
    cluster = clients.client_of(row.cluster)
    cluster.apply(manifests.namespace(row.namespace, row.team.name))
    for manifest in selectors.manifests_of(row):
        if manifest["kind"] == "Deployment":
            break_(manifest["spec"]["template"]["spec"])
            generation = cluster.apply(manifest).object["metadata"]["generation"]
        else:
            cluster.apply(manifest)
    Deployment.objects.filter(pk=row.pk).update(
        applied_generation=row.generation, cluster_generation=generation, updated_at=timezone.now()
    )


def told_of(row: Deployment) -> tuple[str, str, str]:
    """Code, cause and state, by a worker that keeps up with what containers wrote."""
    if capturing.capture_logs(row.pk):
        diagnosing.rediagnose([row.pk])
    status = selectors.present_status(Deployment.objects.select_related("cluster").get(pk=row.pk))
    found: dict[str, Any] = status["diagnosis"] or {"code": "", "cause": ""}
    return found["code"], found["cause"], status["state"]


def test_every_failure_is_told(installed: Team, observer: None) -> None:
    assert set(SAID) == {*FAILURES, "nosecretvol"}
    deployer = User.objects.get(username="deployer")
    rows = {}
    for name in SAID:
        wish = {"name": name, "image": "local/house:1.0", "resources": {"cpu": "10m", "memory": "32Mi"}}
        rows[name] = intent.create_deployment(installed, wish, by=deployer).deployment
        write_broken(rows[name], name)
    waiting = dict(SAID)
    last: dict[str, tuple[str, str, str]] = {}

    def are_all_told() -> bool:
        for name, (code, part, state) in list(waiting.items()):
            last[name] = told_of(rows[name])
            if last[name][0] == code and part in last[name][1] and last[name][2] == state:
                del waiting[name]
        return not waiting

    try:
        wait_for(are_all_told, seconds=75)
    except AssertionError:
        pytest.fail("\n".join(f"{name}: {last.get(name)}, not {SAID[name]}" for name in waiting))

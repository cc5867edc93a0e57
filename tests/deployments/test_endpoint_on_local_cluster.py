"""With real pods behind a real Service: what is asked, what is said, and what is kept of the rollout."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User

from deployments import clients, intent
from deployments.endpoint_check import check_endpoint
from deployments.milestones import STEPS
from deployments.models import Deployment, Revision
from deployments.reconcile import reconcile_deployment
from k8s.cluster import Ref
from teams.models import Team
from tests.deployments.installed import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_pods_that_are_ready_behind_a_service_that_leads_elsewhere_do_not_run(
    installed: Team, observer: None
) -> None:
    deployer = User.objects.get(username="deployer")
    payload = {"name": "elsewhere", "image": "local/house:1.0", "service": {"port": 8080}}
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    reconcile_deployment(row.pk)
    cluster = clients.client_of(row.cluster)
    service = cluster.get(Ref("Service", row.namespace, row.name))
    service["metadata"].pop("managedFields", None)
    service["spec"]["ports"][0]["targetPort"] = 1
    cluster.apply(service, field_manager="another-hand")

    def is_ready() -> bool:
        row.refresh_from_db()
        return row.ready_replicas == 1

    wait_for(is_ready)
    wait_for(lambda: Deployment.objects.get(pk=row.pk).answer_problem != "")
    assert check_endpoint(row.pk) == "silent"
    row.refresh_from_db()
    # Waited for at first; a slow machine may have used the patience up by now.
    assert (row.state, row.message.partition(": ")[2].partition(":")[0]) in (
        ("deploying", "waiting for its address to answer"),
        ("failed", "its address does not answer"),
    )
    assert "answering" not in Revision.objects.get(deployment=row).milestones

    # Any new wish writes the Service as it should be.
    intent.update_deployment(row, {"env": [{"name": "MENDED", "value": "yes"}]}, by=deployer)
    wait_for(lambda: Deployment.objects.get(pk=row.pk).state == "running")
    row.refresh_from_db()
    assert row.answer_problem == ""
    intent.delete(row, by=deployer)
    wait_for(lambda: Deployment.objects.get(pk=row.pk).state == "deleted", seconds=45)


def test_every_step_of_a_real_rollout_is_kept(installed: Team, observer: None) -> None:
    deployer = User.objects.get(username="deployer")
    payload = {"name": "steps", "image": "local/house:1.0", "replicas": 2}
    row = intent.create_deployment(installed, payload, by=deployer).deployment
    wait_for(lambda: Deployment.objects.get(pk=row.pk).state == "running")
    wait_for(lambda: set(Revision.objects.get(deployment=row).milestones) == set(STEPS))
    revision = Revision.objects.get(deployment=row)
    moments = [datetime.fromisoformat(revision.milestones[step]) for step in STEPS]
    assert [revision.created_at, *moments] == sorted([revision.created_at, *moments])
    intent.delete(row, by=deployer)
    wait_for(lambda: Deployment.objects.get(pk=row.pk).state == "deleted", seconds=45)

"""Measured by `bench.pages` in a Django process of its own: seeds rows, then asks for pages."""

import time

import msgspec
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from bench.figures import spread
from deployments.models import Cluster, Deployment, Model, ModelVersion, Pod, Revision, State
from k8s.spec import Spec
from teams.models import Membership, Team

PATHS = ("/deployments/", "/api/v1/deployments/", "/", "/deployments/pricing/house-00001/")
SPEC = msgspec.to_builtins(Spec(model="house", version="1.0", image="local/house:1.0", port=5001))
ROUNDS, WARM_UP = 200, 20


def main() -> None:
    """Print how long each page takes with 200 and with 5,000 deployments."""
    call_command("migrate", verbosity=0)
    team = Team.objects.create(name="pricing", title="Pricing")
    user = get_user_model().objects.create_user("bench")
    Membership.objects.create(team=team, user=user, role="deployer")
    cluster = Cluster.objects.create(name="local", state="connected", node_address="127.0.0.1")
    model = Model.objects.create(team=team, name="house")
    version = ModelVersion.objects.create(model=model, version="1.0", image="local/house:1.0")
    client = Client()
    client.force_login(user)
    for first, last in ((0, 200), (200, 5000)):
        grow(cluster, version, range(first, last))
        Cluster.objects.update(seen_at=timezone.now())
        for path in PATHS:
            print(f"{last:>5} deployments  {path:<36} {spread(times(client, path))}", flush=True)


def grow(cluster: Cluster, version: ModelVersion, numbers: range) -> None:
    """Add running deployments with a revision and two pods each."""
    now = timezone.now()
    rows = Deployment.objects.bulk_create(
        Deployment(
            team=version.model.team,
            cluster=cluster,
            namespace="pricing",
            name=f"house-{number:05}",
            version=version,
            replicas=2,
            revision=1,
            spec=SPEC,
            generation=1,
            applied_generation=1,
            state=State.RUNNING,
            message="2 of 2 replicas ready",
            ready_replicas=2,
            updated_replicas=2,
            observed_at=now,
        )
        for number in numbers
    )
    Revision.objects.bulk_create(
        Revision(deployment=row, number=1, version=version, author="bench", summary="created", spec=SPEC)
        for row in rows
    )
    pods = [
        Pod(
            cluster=cluster,
            deployment=row,
            uid=f"{row.pk}-{number}",
            namespace="pricing",
            name=f"{row.name}-{number}",
            phase="Running",
            ready=True,
            created_at=now,
            facts={"uid": f"{row.pk}-{number}", "name": f"{row.name}-{number}"},
        )
        for row in rows
        for number in range(2)
    ]
    Pod.objects.bulk_create(pods, batch_size=500)


def times(client: Client, path: str) -> list[float]:
    """Seconds of each of the requests after the warm-up."""
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        answer = client.get(path)
        taken.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
    return taken[WARM_UP:]

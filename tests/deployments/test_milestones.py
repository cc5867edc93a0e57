"""When a rollout came to each of its steps: kept once, in order, and shown with the time each took."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent, selectors
from deployments.endpoint_check import check_endpoint
from deployments.models import Deployment, Revision
from deployments.observe import recording
from deployments.observe.batches import Word
from deployments.reconcile import reconcile_deployment
from k8s.cluster import ProxyResponse
from k8s.facts import Condition, EventFacts, PodFacts
from k8s.watch import Changed, Listed
from tests.deployments import sights
from tests.deployments.fake_cluster import FakeCluster


class Answering(FakeCluster):
    def service_proxy(self, *_place: Any, **_request: Any) -> ProxyResponse:
        return ProxyResponse(200, {}, b"", False, 1.0)


@pytest.fixture(autouse=True)
def asked_for(settings: Any) -> None:
    settings.ENDPOINT_CHECK = True


@pytest.fixture
def cluster_there() -> Answering:
    return Answering()


@pytest.fixture
def applied(deployment: Deployment, cluster_there: Answering) -> Deployment:
    reconcile_deployment(deployment.pk, connect=cluster_there)
    return Deployment.objects.get(pk=deployment.pk)


def milestones(row: Deployment) -> dict[str, datetime]:
    kept = Revision.objects.get(deployment=row, number=Deployment.objects.get(pk=row.pk).revision).milestones
    return {name: datetime.fromisoformat(at) for name, at in kept.items()}


def record(row: Deployment, *words: Word) -> None:
    recording.record(row.cluster_id, words)


def on_its_way(row: Deployment, number: int, **times: datetime) -> PodFacts:
    """A pod that has come as far as these times say: scheduled, started, ready."""
    made = sights.pod(row, number, ready=False)
    conditions = []
    if "scheduled" in times:
        conditions.append(Condition(type="PodScheduled", status="True", since=times["scheduled"]))
    if "ready" in times:
        conditions.append(Condition(type="Ready", status="True", since=times["ready"]))
    container = msgspec.structs.replace(made.containers[0], started_at=times.get("started"))
    return msgspec.structs.replace(made, conditions=tuple(conditions), containers=(container,))


def pulled(row: Deployment, number: int, at: datetime) -> Word:
    return (
        "Event",
        Changed(
            EventFacts(
                uid=f"pulled-{number}",
                name="e",
                namespace=row.namespace,
                type="Normal",
                reason="Pulled",
                object_kind="Pod",
                object_name=sights.pod(row, number).name,
                first_at=at,
                last_at=at,
            )
        ),
    )


def test_each_step_is_kept_when_it_is_first_seen(applied: Deployment, cluster_there: Answering) -> None:
    assert set(milestones(applied)) == {"applied"}
    now = timezone.now()
    record(applied, ("Deployment", Changed(sights.workload(applied))))
    record(applied, ("Pod", Changed(on_its_way(applied, 0, scheduled=now))))
    assert set(milestones(applied)) == {"applied", "scheduled"}
    record(applied, pulled(applied, 0, now))
    record(applied, ("Pod", Changed(on_its_way(applied, 0, scheduled=now, started=now))))
    assert set(milestones(applied)) == {"applied", "scheduled", "pulled", "started"}
    first = milestones(applied)
    ready = [on_its_way(applied, n, scheduled=now, started=now, ready=now) for n in (0, 1)]
    record(applied, ("Pod", Changed(ready[0])))
    assert "ready" not in milestones(applied)  # the other one is wanted, too
    record(applied, ("Pod", Changed(ready[1])))
    assert "ready" in milestones(applied)
    assert "answering" not in milestones(applied)
    assert check_endpoint(applied.pk, connect=cluster_there) == "answered"

    kept = milestones(applied)
    # A database keeps no order of names: the times tell it.
    steps = ["applied", "scheduled", "pulled", "started", "ready", "answering"]
    assert set(kept) == set(steps)
    assert [kept[step] for step in steps] == sorted(kept.values())
    assert {name: kept[name] for name in first} == first


def test_what_is_seen_late_has_the_time_that_the_cluster_tells(applied: Deployment) -> None:
    Revision.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    Deployment.objects.update(applied_at=timezone.now() - timedelta(minutes=9))
    Revision.objects.update(milestones={})
    began = timezone.now() - timedelta(minutes=8)
    minute = timedelta(minutes=1)
    pod = on_its_way(applied, 0, scheduled=began, started=began + 2 * minute, ready=began + 4 * minute)
    second = on_its_way(applied, 1, scheduled=began, started=began + 3 * minute, ready=began + 5 * minute)
    record(applied, ("Deployment", Changed(sights.workload(applied))), ("Pod", Listed([pod, second], "1")))
    kept = milestones(applied)
    assert (kept["scheduled"], kept["started"], kept["ready"]) == (
        began,
        began + 2 * minute,
        began + 5 * minute,
    )


def test_a_pull_that_is_told_after_all_the_rest_still_finds_its_place(
    applied: Deployment, cluster_there: Answering
) -> None:
    now = timezone.now()
    ready = [on_its_way(applied, n, scheduled=now, started=now, ready=now) for n in (0, 1)]
    record(applied, ("Deployment", Changed(sights.workload(applied))), ("Pod", Listed(list(ready), "1")))
    check_endpoint(applied.pk, connect=cluster_there)
    assert "pulled" not in milestones(applied)
    record(applied, pulled(applied, 1, now + timedelta(seconds=30)))
    kept = milestones(applied)
    assert kept["scheduled"] <= kept["pulled"] <= kept["started"]


def test_a_change_of_the_service_alone_schedules_no_pods(
    applied: Deployment, cluster_there: Answering, deployer: User
) -> None:
    old = timezone.now() - timedelta(hours=1)
    before = [
        msgspec.structs.replace(on_its_way(applied, n, scheduled=old, started=old, ready=old), created_at=old)
        for n in (0, 1)
    ]
    record(applied, ("Deployment", Changed(sights.workload(applied))), ("Pod", Listed(list(before), "1")))
    check_endpoint(applied.pk, connect=cluster_there)
    row = intent.update_deployment(applied, {"service": {"port": 8080}}, by=deployer).deployment
    reconcile_deployment(row.pk, connect=cluster_there)
    record(row, ("Deployment", Changed(sights.workload(row, generation=1))))
    row.refresh_from_db()
    assert (row.revision, row.state) == (2, "running")
    assert set(milestones(row)) == {"applied", "ready", "answering"}
    assert [step.name for step in selectors.rollout_steps(row)] == ["asked", "applied", "ready", "answering"]


def test_the_step_under_way_says_since_when(applied: Deployment) -> None:
    steps = selectors.rollout_steps(applied)
    assert [(step.name, step.progress) for step in steps] == [
        ("asked", "done"),
        ("applied", "done"),
        ("scheduled", "now"),
        *[(name, "ahead") for name in ("pulled", "started", "ready", "answering")],
    ]
    assert steps[2].since == steps[1].at
    assert steps[1].seconds is not None
    assert 0 <= steps[1].seconds < 60


def test_a_finished_rollout_has_nothing_under_way(applied: Deployment, cluster_there: Answering) -> None:
    now = timezone.now()
    ready = [on_its_way(applied, n, scheduled=now, started=now, ready=now) for n in (0, 1)]
    record(applied, ("Deployment", Changed(sights.workload(applied))), ("Pod", Listed(list(ready), "1")))
    check_endpoint(applied.pk, connect=cluster_there)
    applied.refresh_from_db()
    assert {step.progress for step in selectors.rollout_steps(applied)} == {"done"}
    kept = milestones(applied)
    record(applied, ("Pod", Changed(ready[0])))
    assert milestones(applied) == kept

"""The hourly look at what was used."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from deployments import intent, reviewing
from deployments.errors import PermissionDenied, StaleGeneration
from deployments.models import CapturedLog, Cluster, Deployment, MonthSums, Revision, Sizing, State
from deployments.selectors.usage import money
from deployments.selectors.usage.savings import (
    idle_deployments,
    shown_sizing,
    totals_of,
    wasteful_deployments,
)
from tests.deployments.sampled import measured_for, sampled_now

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
MIB = 2**20
# Two replicas that ask for 1 core and 2 GiB each.
ASKED = {"cpu": "2", "memory": "4Gi", "pods": 2}
QUIET = {**ASKED, "cpu_used": "300m", "memory_used": "500Mi"}


@pytest.fixture
def large(deployment: Deployment, cluster: Cluster, lead: User) -> Deployment:
    """Two running replicas of 1 core and 2 GiB, in a cluster with prices."""
    cluster.price_cpu_hour, cluster.price_memory_gib_hour = Decimal("0.04"), Decimal("0.005")
    cluster.save()
    size = {"cpu": "1", "cpu_limit": "2", "memory": "2Gi", "memory_limit": "4Gi"}
    intent.update_deployment(deployment, {"resources": size}, by=lead)
    Deployment.objects.update(state=State.RUNNING, wanted_replicas=2, applied_generation=2)
    deployment.refresh_from_db()
    return deployment


def look(row: Deployment, at: datetime = NOW) -> Sizing:
    reviewing.review(row.cluster_id, at=at)
    row.refresh_from_db()
    return Sizing.objects.get(deployment=row)


def test_a_week_of_use_becomes_a_suggestion_with_its_saving(large: Deployment) -> None:
    measured_for(large, NOW, 168, **QUIET)
    found = look(large)
    assert (found.hours, found.cpu_p95, found.cpu, found.memory) == (167, 150, 150, 288 * MIB)
    # 850m and 1.71875 GiB less, twice.
    assert found.saving_hour == Decimal("0.085188")
    assert found.waste_hour is not None
    assert found.waste_hour > found.saving_hour
    assert (found.reason, found.idle_since) == ("", NOW.replace(minute=0))


def test_p95_leaves_out_the_busiest_twentieth(large: Deployment) -> None:
    measured_for(large, NOW, 100, **QUIET)
    burst = {**QUIET, "pod_cpu_peak": "990m"}
    measured_for(large, NOW - timedelta(hours=100), 5, **burst)
    assert look(large).cpu_p95 == 150
    measured_for(large, NOW - timedelta(hours=105), 5, **burst)
    assert look(large).cpu_p95 == 990


def test_a_day_is_needed_and_gaps_do_not_count(large: Deployment) -> None:
    measured_for(large, NOW, 14, **QUIET)
    assert look(large).reason == "14 hours of data, 24 are needed."
    measured_for(large, NOW - timedelta(hours=100), 9, **QUIET)
    assert look(large).reason == "23 hours of data, 24 are needed."
    measured_for(large, NOW - timedelta(hours=120), 1, **QUIET)
    assert look(large).cpu is not None


def test_minutes_without_measurements_are_no_data(large: Deployment, cluster: Cluster) -> None:
    measured_for(large, NOW, 48, **{**ASKED, "cpu_used": None})
    assert look(large).reason == "Less than an hour of data, 24 are needed."
    Cluster.objects.update(metrics_message="metrics-server is not installed")
    assert look(large).reason == "What is used is not measured: metrics-server is not installed"


def test_trouble_and_pauses_keep_a_size_from_being_suggested(large: Deployment) -> None:
    measured_for(large, NOW, 48, **QUIET)
    Deployment.objects.update(state=State.FAILED)
    assert "trouble" in look(large).reason
    Deployment.objects.update(state=State.PAUSED, paused_at=NOW, wanted_replicas=0)
    found = look(large)
    assert "paused" in found.reason
    assert found.waste_hour == 0


def test_memory_is_kept_after_a_replica_ran_out_of_it(large: Deployment) -> None:
    measured_for(large, NOW, 48, **QUIET)
    died = CapturedLog.objects.create(
        deployment=large, pod="p", pod_uid="u", container="model", reason="OOMKilled", ended_at=NOW
    )
    assert look(large).memory == 2048 * MIB
    CapturedLog.objects.filter(pk=died.pk).update(ended_at=NOW - timedelta(days=8))
    assert look(large).memory == 288 * MIB


def test_by_use_a_smaller_request_saves_nothing(large: Deployment, cluster: Cluster) -> None:
    Cluster.objects.update(cost_basis="used")
    measured_for(large, NOW, 48, **QUIET)
    assert look(large).saving_hour == 0


def test_without_prices_a_size_is_suggested_and_its_saving_is_not_known(large: Deployment) -> None:
    Cluster.objects.update(price_cpu_hour=None)
    measured_for(large, NOW, 48, **QUIET)
    found = look(large)
    assert (found.cpu, found.saving_hour, found.waste_hour) == (150, None, None)


def test_what_computes_nothing_is_idle_since_it_last_did(large: Deployment, lead: User) -> None:
    measured_for(large, NOW, 24 * 7, **{**ASKED, "cpu_used": "6m"})
    first = look(large).idle_since
    assert first == NOW - timedelta(days=7) + timedelta(minutes=8)
    # A week later the first look still tells when it began.
    later = NOW + timedelta(days=7)
    measured_for(large, later, 24 * 7, **{**ASKED, "cpu_used": "6m"})
    assert look(large, later).idle_since == first
    measured_for(large, later + timedelta(hours=1), 1, **QUIET)
    assert look(large, later + timedelta(hours=1)).idle_since == (later + timedelta(hours=1)).replace(
        minute=0
    )


def test_a_day_of_silence_is_needed_before_anything_is_called_idle(large: Deployment) -> None:
    measured_for(large, NOW, 12, **{**ASKED, "cpu_used": "0"})
    assert look(large).idle_since is None


def test_the_idle_are_listed_after_as_many_days_as_are_too_many(large: Deployment, lead: User) -> None:
    found = Sizing.objects.create(
        deployment=large, computed_at=NOW, idle_since=datetime.now(UTC) - timedelta(days=6.9)
    )
    assert idle_deployments(wasteful_deployments(lead)) == []
    found.idle_since = datetime.now(UTC) - timedelta(days=7.1)
    found.save()
    assert idle_deployments(wasteful_deployments(lead)) == [large]
    Deployment.objects.update(paused_at=NOW)
    assert idle_deployments(wasteful_deployments(lead)) == []


def test_gpus_that_are_known_to_do_nothing_make_idle(large: Deployment, lead: User) -> None:
    Sizing.objects.create(deployment=large, computed_at=NOW, gpu_percent=4.0, hours=23)
    # What has just begun is not idle yet.
    assert idle_deployments(wasteful_deployments(lead)) == []
    Sizing.objects.update(hours=24)
    assert idle_deployments(wasteful_deployments(lead)) == [large]
    Sizing.objects.update(gpu_percent=5.0)
    assert idle_deployments(wasteful_deployments(lead)) == []


def test_portions_follow_each_other(large: Deployment) -> None:
    copies = [
        Deployment(
            team=large.team,
            cluster=large.cluster,
            namespace="pricing",
            name=f"copy-{number}",
            version=large.version,
            spec=large.spec,
        )
        for number in range(400)
    ]
    Deployment.objects.bulk_create(copies)
    last = reviewing.review(large.cluster_id, at=NOW)
    assert last is not None
    assert reviewing.review(large.cluster_id, after=last, at=NOW) is None
    assert Sizing.objects.count() == 401


def test_months_cost_the_same_from_their_kept_sums(large: Deployment) -> None:
    measured_for(large, NOW, 24 * 19, **QUIET)
    sampled_now(large, NOW, **QUIET)
    from_samples = money.money_of_deployments(large.cluster, [large.pk], at=NOW)
    look(large)
    assert MonthSums.objects.exists()
    assert money.money_of_deployments(large.cluster, [large.pk], at=NOW) == from_samples
    # What comes after is added to them.
    later = NOW + timedelta(hours=2)
    measured_for(large, later, 2, **QUIET)
    sampled_now(large, later, **QUIET)
    kept = money.money_of_deployments(large.cluster, [large.pk], at=later)
    MonthSums.objects.all().delete()
    assert kept == money.money_of_deployments(large.cluster, [large.pk], at=later) != from_samples


@pytest.fixture
def suggested(large: Deployment) -> Deployment:
    """A deployment that would do with less."""
    measured_for(large, NOW, 168, **QUIET)
    look(large)
    return large


def test_applying_makes_a_revision_that_says_why(suggested: Deployment, lead: User) -> None:
    operation = intent.apply_sizing(suggested, by=lead, if_generation=suggested.generation)
    row = operation.deployment
    row.refresh_from_db()
    newest = Revision.objects.get(deployment=row, number=row.revision)
    assert (newest.author, newest.change_cause) == ("lead", "Right-sized from 7 days")
    assert row.spec["resources"] == {
        "cpu": "150m",
        "cpu_limit": "2",
        "memory": "288Mi",
        "memory_limit": "576Mi",
        "gpu": 0,
    }
    shown = shown_sizing(row)
    assert (shown.after, shown.reason.startswith("Changed since")) == (None, True)


def test_applying_twice_is_one_wish(suggested: Deployment, lead: User) -> None:
    seen = suggested.generation
    first = intent.apply_sizing(suggested, by=lead, if_generation=seen)
    assert intent.apply_sizing(suggested, by=lead, if_generation=seen) == first
    with pytest.raises(intent.NothingToApply):
        intent.apply_sizing(suggested, by=lead)


def test_a_wish_that_changed_meanwhile_is_not_overwritten(suggested: Deployment, lead: User) -> None:
    intent.scale(suggested, 5, by=lead)
    with pytest.raises(StaleGeneration):
        intent.apply_sizing(suggested, by=lead, if_generation=suggested.generation)
    intent.update_deployment(suggested, {"env": [{"name": "A", "value": "1"}]}, by=lead)
    with pytest.raises(intent.NothingToApply):
        intent.apply_sizing(suggested, by=lead)


def test_deployers_may_not(suggested: Deployment, deployer: User) -> None:
    with pytest.raises(PermissionDenied):
        intent.apply_sizing(suggested, by=deployer)


def test_nothing_suggested_is_refused_with_the_reason(large: Deployment, lead: User) -> None:
    look(large)
    with pytest.raises(intent.NothingToApply, match="24 are needed"):
        intent.apply_sizing(large, by=lead)


def test_totals_are_of_what_is_listed(suggested: Deployment, lead: User, stranger: User) -> None:
    (total,) = totals_of(wasteful_deployments(lead))
    shown = shown_sizing(suggested)
    assert (total.currency, total.waste_month, total.saving_month) == (
        "USD",
        shown.waste_month,
        shown.saving_month,
    )
    assert totals_of(wasteful_deployments(stranger)) == []


def test_the_most_wasteful_comes_first(suggested: Deployment, lead: User, deployer: User) -> None:
    payload = {"name": "aaa", "model": "house", "version": "1.0"}
    intent.create_deployment(suggested.team, payload, by=deployer)
    names: Callable[[], list[str]] = lambda: [row.name for row in wasteful_deployments(lead)]  # noqa: E731
    assert names() == ["house-prices", "aaa"]
    assert [row.name for row in wasteful_deployments(lead, team="fraud")] == []


def test_what_was_paused_is_no_data(large: Deployment) -> None:
    measured_for(large, NOW - timedelta(hours=1), 48, **{**QUIET, "pods": 0})
    measured_for(large, NOW, 1, **QUIET)
    assert look(large).hours <= 1

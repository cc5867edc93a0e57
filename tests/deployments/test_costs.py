"""What things cost: the rule, and its sums over samples."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from deployments import costs, intent
from deployments.costs import Prices, Sums
from deployments.models import Cluster, CostBasis, DaySample, Deployment, QuarterSample
from deployments.selectors.usage import money
from deployments.selectors.usage.shapes import Amounts
from teams.models import Team
from tests.deployments.sampled import sampled_now, series_of, steady

GIB = 2**30
PRICES = Prices(Decimal("0.04"), Decimal("0.005"), None, "EUR")
ASKED, USED = Amounts(1000, 4 * GIB), Amounts(250, 6 * GIB)
# Ten days into a month of thirty, a quarter past noon.
NOW = datetime(2026, 11, 11, 12, 20, 30, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)
MONTH = costs.month_start(NOW)


def test_an_hour_costs_what_is_asked_for_at_its_prices() -> None:
    assert costs.cost_of_hour(PRICES, ASKED) == Decimal("0.06")
    assert costs.cost_of_hour(PRICES, Amounts()) == 0


def test_a_missing_price_matters_only_to_what_needs_it() -> None:
    assert costs.cost_of_hour(PRICES, Amounts(1000, 0, 1)) is None
    assert costs.missing_prices(PRICES, Amounts(1000, 0, 1)) == ["GPUs"]
    nothing = Prices(None, None, None, "EUR")
    assert costs.missing_prices(nothing, ASKED) == ["CPU", "memory"]
    assert costs.cost_of_hour(nothing, Amounts()) == 0


def test_the_basis_says_what_is_paid_for() -> None:
    paid = costs.paid_amounts
    with_gpu = Amounts(1000, 4 * GIB, 2)
    assert paid(CostBasis.REQUESTED, with_gpu, USED) == with_gpu
    assert paid(CostBasis.USED, with_gpu, USED) == Amounts(250, 6 * GIB, 2)
    assert paid(CostBasis.LARGER, with_gpu, USED) == Amounts(1000, 6 * GIB, 2)


def test_what_was_not_measured_is_paid_as_requested_or_not_known() -> None:
    assert costs.paid_amounts(CostBasis.LARGER, ASKED, None) == ASKED
    assert costs.paid_amounts(CostBasis.USED, ASKED, None) is None
    unmeasured = Sums(minutes=60, cpu_requested=60_000, cpu_charged=60_000)
    by_use = Prices(Decimal(1), Decimal(1), None, "EUR", CostBasis.USED)
    assert costs.cost_of_sums(by_use, unmeasured) is None
    assert costs.cost_of_sums(PRICES, unmeasured) == Decimal("0.04")


def test_an_hour_of_minutes_costs_what_an_hour_does() -> None:
    hour = Sums(
        minutes=60,
        used_minutes=60,
        cpu_requested=60_000,
        cpu_charged=60_000,
        memory_charged=60 * 4 * GIB,
        memory_requested=60 * 4 * GIB,
    )
    assert costs.cost_of_sums(PRICES, hour) == costs.cost_of_hour(PRICES, ASKED)


def test_halves_are_rounded_up() -> None:
    assert costs.rounded_hour(Decimal("0.00005")) == Decimal("0.0001")
    assert costs.rounded_month(Decimal("2.005")) == Decimal("2.01")


def test_a_month_is_of_utc_and_ends_with_it() -> None:
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC).astimezone()
    assert costs.month_start(late) == datetime(2026, 12, 1, tzinfo=UTC)
    assert costs.month_end(late) == datetime(2027, 1, 1, tzinfo=UTC)
    assert costs.projected(Decimal(10), Decimal(2), at=late) == Decimal(11)


@pytest.fixture
def priced(cluster: Cluster) -> Cluster:
    """A cluster with prices for all but GPUs."""
    cluster.price_cpu_hour, cluster.price_memory_gib_hour = Decimal("0.04"), Decimal("0.005")
    cluster.currency = "EUR"
    cluster.save()
    return cluster


@pytest.fixture
def second(team: Team, deployment: Deployment, deployer: User) -> Deployment:
    """Another deployment of the same team and another model."""
    payload = {"name": "iris", "image": "local/iris:1.0"}
    return intent.create_deployment(team, payload, by=deployer).deployment


def month_of(deployment: Deployment, **amounts: object) -> None:
    """Ten whole days and what has passed of today, all alike; and the newest minute."""
    steady(DaySample, deployment, MONTH, 10, **amounts)  # type: ignore[arg-type]
    # The last days' quarters are there too: they are not to be counted twice.
    steady(QuarterSample, deployment, MIDNIGHT - timedelta(days=1), 24 * 4 + 49, **amounts)  # type: ignore[arg-type]
    sampled_now(deployment, NOW, **amounts)


def test_the_month_so_far_is_whole_days_and_todays_quarters(priced: Cluster, deployment: Deployment) -> None:
    month_of(deployment, cpu="1", memory="4Gi", cpu_used="250m", memory_used="1Gi")
    found = money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk]
    assert found.hour == Decimal("0.0600")
    # Ten days and twelve and a quarter hours, at 0.06.
    assert found.month == Decimal("15.14") == (Decimal("252.25") * Decimal("0.06")).quantize(Decimal("0.01"))
    left = (datetime(2026, 12, 1, tzinfo=UTC) - NOW) / timedelta(hours=1)
    assert float(found.projection or 0) == pytest.approx(15.135 + left * 0.06, abs=0.005)
    assert found.idle_hour == Decimal("0.0450")


def test_yesterday_counts_before_its_day_is_rolled_up(priced: Cluster, deployment: Deployment) -> None:
    month_of(deployment)
    whole = money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk].month
    DaySample.objects.filter(at=int((MIDNIGHT - timedelta(days=1)).timestamp()) // 60).delete()
    assert money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk].month == whole


def test_last_month_is_not_paid_again(priced: Cluster, deployment: Deployment) -> None:
    steady(DaySample, deployment, MONTH - timedelta(days=5), 5)
    sampled_now(deployment, NOW)
    assert money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk].month == 0


def test_a_team_costs_what_its_deployments_cost(
    priced: Cluster,
    deployment: Deployment,
    second: Deployment,
    team: Team,
) -> None:
    other = Team.objects.create(name="fraud")
    month_of(deployment, cpu="1", memory="4Gi")
    month_of(second, cpu="2", memory="1Gi")
    each = money.money_of_deployments(priced, [deployment.pk, second.pk], at=NOW)
    teams = money.money_of_teams(priced, [team.pk, other.pk], at=NOW)
    assert teams[team.pk].hour == sum(one.hour or 0 for one in each.values())
    assert teams[other.pk].month == teams[other.pk].hour == 0
    assert money.money_of_cluster(priced, at=NOW) == teams[team.pk]
    models = money.money_of_models(priced, [deployment.version.model_id, second.version.model_id], at=NOW)
    assert models[deployment.version.model_id] == each[deployment.pk]


def test_what_was_deleted_this_month_is_still_paid(
    priced: Cluster, deployment: Deployment, team: Team
) -> None:
    steady(DaySample, deployment, MONTH, 10)
    steady(QuarterSample, deployment, MIDNIGHT, 4)
    Deployment.objects.update(deleted_at=NOW)
    found = money.money_of_teams(priced, [team.pk], at=NOW)[team.pk]
    assert found.month == Decimal("10.85")


def test_nothing_sampled_is_not_known_rather_than_free(priced: Cluster, deployment: Deployment) -> None:
    found = money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk]
    assert (found.hour, found.month, found.projection, found.idle_hour) == (None, None, None, None)


def test_an_old_sample_says_nothing_about_now(priced: Cluster, deployment: Deployment) -> None:
    steady(QuarterSample, deployment, MIDNIGHT, 4)
    sampled_now(deployment, NOW - timedelta(minutes=11))
    found = money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk]
    assert (found.hour, found.month, found.projection) == (None, Decimal("0.05"), None)


def test_without_measurements_idle_is_not_known_and_the_rest_is_paid_as_requested(
    priced: Cluster, deployment: Deployment
) -> None:
    month_of(deployment, cpu_used=None)
    found = money.money_of_deployments(priced, [deployment.pk], at=NOW)[deployment.pk]
    assert (found.hour, found.idle_hour) == (Decimal("0.0450"), None)


def test_a_gpu_without_a_price_makes_only_its_deployment_unknown(
    priced: Cluster, deployment: Deployment, second: Deployment
) -> None:
    month_of(deployment)
    month_of(second, gpu=1)
    found = money.money_of_deployments(priced, [deployment.pk, second.pk], at=NOW)
    assert found[deployment.pk].hour is not None
    assert (found[second.pk].hour, found[second.pk].month) == (None, None)


def test_many_cost_as_many_queries_as_one(
    priced: Cluster, deployment: Deployment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    month_of(deployment)
    copies = [
        Deployment(
            team=deployment.team,
            cluster=priced,
            namespace="pricing",
            name=f"copy-{number}",
            version=deployment.version,
            spec=deployment.spec,
        )
        for number in range(1100)
    ]
    made = Deployment.objects.bulk_create(copies)
    for copy in made[:3]:
        month_of(copy)
    with CaptureQueriesContext(connection) as seen:
        one = money.money_of_deployments(priced, [deployment.pk], at=NOW)
    with django_assert_num_queries(len(seen)):
        all_of_them = money.money_of_deployments(priced, [deployment.pk, *(copy.pk for copy in made)], at=NOW)
    assert all_of_them[deployment.pk] == one[deployment.pk] == all_of_them[made[2].pk]
    assert (len(all_of_them), all_of_them[made[-1].pk].month) == (1101, Decimal("0.00"))
    assert series_of(deployment).pk != series_of(priced).pk

"""What is sampled and added up is what charts and costs are made of."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from deployments.models import Cluster, Deployment, Node, PodUsage
from deployments.selectors.usage.charts import chart
from deployments.selectors.usage.money import money_of_cluster, money_of_deployments, money_of_teams
from deployments.usage import rolling
from deployments.usage.sampling import sample
from tests.deployments.usage.conftest import NOW, MakePod


def test_costs_are_those_of_the_sampled_minutes(deployment: Deployment, make_pod: MakePod) -> None:
    make_pod(deployment, cpu=1000, used=3000)
    Cluster.objects.update(price_cpu_hour=Decimal(10), price_memory_gib_hour=Decimal(0))
    # From 12:10 to 12:30, of which the last minute is in no quarter that is over.
    for minute in range(20, -1, -1):
        assert sample(deployment.cluster_id, now=NOW - timedelta(minutes=minute))
    rolling.roll_up(now=NOW)
    cluster = Cluster.objects.get()
    # A quarter of an hour that is over may still grow for a moment.
    assert money_of_cluster(cluster, at=NOW).month == Decimal("2.5")
    final = NOW + timedelta(minutes=5)
    for money in (
        money_of_deployments(cluster, [deployment.pk], at=final)[deployment.pk],
        money_of_teams(cluster, [deployment.team_id], at=final)[deployment.team_id],
        money_of_cluster(cluster, at=final),
    ):
        # Three cores were used, more than was requested: 20 minutes of them so far.
        assert (money.hour, money.month, money.idle_hour) == (Decimal(30), Decimal(10), Decimal(0))


def test_charts_show_each_subject_and_leave_gaps(deployment: Deployment, make_pod: MakePod) -> None:
    make_pod(deployment, cpu=100, used=30)
    make_pod(None, cpu=500, used=10)
    now = timezone.now()
    Cluster.objects.update(seen_at=now)
    PodUsage.objects.update(at=now)
    Node.objects.update(used_at=now, cpu_used=700)
    for minutes in (4, 2):
        assert sample(deployment.cluster_id, now=now - timedelta(minutes=minutes))
    cluster = Cluster.objects.get()
    for found, requested, used in (
        (chart(cluster, "1h", deployment=deployment), 100, 30),
        (chart(cluster, "1h", team=deployment.team), 100, 30),
        (chart(cluster, "1h"), 600, 700),
    ):
        known = [number for number, value in enumerate(found.cpu_requested) if value is not None]
        assert known[1] - known[0] == 2
        assert [found.cpu_requested[number] for number in known] == [requested] * 2
        assert [found.cpu_used[number] for number in known] == [used] * 2

"""Usage and metrics over REST."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.models import Cluster, Deployment, MinuteSample
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import by_token
from tests.deployments.held import a_node, a_pod
from tests.deployments.sampled import steady

ONE = "teams/pricing/deployments/house/"


def test_usage_tells_clusters_nodes_teams_and_deployments(api: Caller, house: Deployment) -> None:
    a_node(house.cluster, "worker-1", cpu="4", used=("1", "1Gi"))
    a_pod(house, "worker-1", cpu="500m", used=("200m", "64Mi"))
    a_pod(house.cluster, "worker-1", cpu="100m")
    body = api.get("usage/?cluster=local").json()
    [cluster] = body["clusters"]
    assert cluster["requested"]["cpu_millicores"] == cluster["nodes"][0]["requested"]["cpu_millicores"] == 600
    assert cluster["foreign"]["cpu_millicores"] == 100
    assert [(team["team"], team["used"]["cpu_millicores"]) for team in cluster["teams"]] == [("pricing", 200)]
    assert body["deployments"]["count"] == 1
    assert body["deployments"]["results"][0]["used"] == {
        "cpu_millicores": 200,
        "memory_bytes": 64 * 2**20,
        "gpus": 0,
    }


def test_usage_of_an_unknown_cluster_is_404(api: Caller, house: Deployment) -> None:
    Cluster.objects.create(name="secret")
    assert api.get("usage/?cluster=secret").status_code == 404


def test_usage_is_paged_and_ordered(api: Caller, make_house: object, house: Deployment) -> None:
    make_house("second")  # type: ignore[operator]
    body = api.get("usage/?limit=1&ordering=-name").json()["deployments"]
    assert (body["count"], [one["name"] for one in body["results"]]) == (2, ["second"])
    assert "offset=1" in body["next"]
    assert fields(api.get("usage/?ordering=password")) == {"ordering": "invalid_choice"}


def test_a_token_of_one_team_sees_other_teams_as_a_total(
    admin: User, other_team: Team, house: Deployment
) -> None:
    a_node(house.cluster, "worker-1")
    a_pod(house, "worker-1")
    body = by_token(admin, Scope.READ, team=other_team).get("usage/").json()
    assert body["deployments"]["count"] == 0
    assert [team["team"] for team in body["clusters"][0]["teams"]] == ["fraud", None]
    assert "pricing" not in str(body)


def test_metrics_are_steps_with_gaps(api: Caller, house: Deployment) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    steady(MinuteSample, house, now - timedelta(minutes=10), 5, cpu="2", cpu_used="500m", memory_used="1Gi")
    body = api.get(ONE + "metrics/?window=1h").json()
    assert (body["window"], body["step_seconds"], body["source"]) == ("1h", 60, "samples")
    at = [datetime.fromisoformat(moment).astimezone(UTC) for moment in body["at"]]
    known = {
        moment: value
        for moment, value in zip(at, body["cpu_millicores"]["used"], strict=True)
        if value is not None
    }
    assert known == {now - timedelta(minutes=minutes): 500 for minutes in range(6, 11)}


def test_metrics_say_why_they_are_not_from_prometheus(api: Caller, house: Deployment) -> None:
    assert api.get(ONE + "metrics/").json()["source_message"] == ""
    Cluster.objects.update(prometheus_url="http://127.0.0.1:1")
    body = api.get(ONE + "metrics/").json()
    assert body["source"] == "samples"
    assert body["source_message"].startswith("Prometheus could not be reached")


def test_metrics_of_a_strange_window_are_refused(api: Caller, house: Deployment) -> None:
    assert fields(api.get(ONE + "metrics/?window=1y")) == {"window": "invalid_choice"}

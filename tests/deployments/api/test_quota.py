"""A team's quota over REST: read by all of the team, limits set by leads, ceilings by admins."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.models import Cluster, Deployment, Namespace, Quota
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import by_token

HERE = "teams/pricing/quota/"


@pytest.fixture
def leading(lead: User) -> Caller:
    return by_token(lead, Scope.DEPLOY)


@pytest.fixture
def ruling(admin: User) -> Caller:
    return by_token(admin, Scope.ADMIN)


def put(caller: Caller, body: Any, address: str = HERE) -> Any:
    return caller.send("PUT", address, body)


def test_a_quota_is_told_in_the_words_of_kubernetes(api: Caller, ruling: Caller, house: Deployment) -> None:
    body = {"cpu": {"limit": "1500m", "ceiling": "4"}, "memory": {"ceiling": "2Gi"}, "replicas": {"limit": 3}}
    assert put(ruling, body).status_code == 200
    none: dict[str, Any] = {"limit": None, "ceiling": None, "requested": 0, "used": 0, "left": None}
    assert api.get(HERE).json() == {
        "team": "pricing",
        "cluster": "local",
        "cpu": {"limit": "1500m", "ceiling": "4", "requested": "100m", "used": "0", "left": "1400m"},
        "memory": {
            "limit": "2Gi",
            "ceiling": "2Gi",
            "requested": "128Mi",
            "used": "0",
            "left": "1920Mi",
        },
        "gpu": none,
        "replicas": {"limit": 3, "ceiling": None, "requested": 1, "used": 1, "left": 2},
        "deployments": {**none, "requested": 1, "used": 1},
        "message": "",
    }


def test_what_is_not_named_stays_and_null_takes_a_limit_away(leading: Caller, team: Team) -> None:
    put(leading, {"cpu": {"limit": "2"}, "gpu": {"limit": 1}})
    answer = put(leading, {"cpu": {"limit": None}}).json()
    assert (answer["cpu"]["limit"], answer["gpu"]["limit"]) == (None, 1)


def test_a_lead_may_not_exceed_or_name_the_ceiling(leading: Caller, ruling: Caller, team: Team) -> None:
    put(ruling, {"memory": {"ceiling": "4Gi"}})
    refused = put(leading, {"memory": {"limit": "5Gi"}})
    assert (refused.status_code, fields(refused)) == (422, {"memory.limit": "above_ceiling"})
    assert "4Gi" in refused.json()["detail"]
    assert put(leading, {"memory": {"ceiling": "9Gi"}}).status_code == 403
    assert put(leading, {"memory": {"limit": "4Gi"}}).status_code == 200


def test_an_admins_token_that_was_made_for_less_sets_no_ceiling(admin: User, team: Team) -> None:
    caller = by_token(admin, Scope.DEPLOY)
    assert put(caller, {"cpu": {"ceiling": "4"}}).status_code == 403
    assert put(caller, {"cpu": {"limit": "4"}}).status_code == 200


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"disk": {"limit": "1"}}, {"disk": "unknown_field"}),
        (
            {"cpu": {"limit": "1Gb"}, "gpu": {"limit": -1}},
            {"cpu.limit": "invalid_quantity", "gpu.limit": "out_of_range"},
        ),
        ({"memory": {"used": "1Gi"}}, {"memory.used": "read_only"}),
    ],
)
def test_bad_input_is_named(leading: Caller, team: Team, body: Any, wrong: dict[str, str]) -> None:
    answer = put(leading, body)
    assert (answer.status_code, fields(answer)) == (422, wrong)
    assert not Quota.objects.exists()


def test_the_cluster_is_the_first_one_where_none_is_named(leading: Caller, team: Team) -> None:
    Namespace.objects.create(team=team, cluster=Cluster.objects.create(name="far"), name="pricing")
    Cluster.objects.create(name="nobodys")
    assert leading.get(HERE).json()["cluster"] == "far"
    assert put(leading, {"gpu": {"limit": 1}}, HERE + "?cluster=local").json()["cluster"] == "local"
    assert leading.get(HERE + "?cluster=nobodys").status_code == 404
    assert Quota.objects.get().cluster.name == "local"


def test_a_wish_over_quota_is_a_problem_that_names_the_field(
    api: Caller, leading: Caller, house: Deployment
) -> None:
    put(leading, {"replicas": {"limit": 2}, "memory": {"limit": "256Mi"}})
    one = "teams/pricing/deployments/house/"
    answers = [
        api.post(one + "scale/", {"replicas": 3}),
        api.patch(one, {"resources": {"memory": "512Mi", "memory_limit": "512Mi"}}),
        api.post("teams/pricing/deployments/", {"name": "two", "image": "local/iris:1", "replicas": 2}),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3
    assert {answer.json()["code"] for answer in answers} == {"quota_exceeded"}
    told = [set(fields(answer)) for answer in answers]
    assert told == [{"replicas"}, {"resources.memory"}, {"replicas"}]
    bulk = {"action": "scale", "replicas": 3, "deployments": ["pricing/house"]}
    (result,) = api.post("deployments/bulk/", bulk).json()["results"]
    assert result["error"]["code"] == "quota_exceeded"
    dry = api.patch(one + "?dry_run=true", {"replicas": 3}).json()["preflight"]["checks"]
    assert {check["code"]: check["state"] for check in dry}["team_quota"] == "error"

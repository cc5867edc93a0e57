"""What teams and admins keep over REST: schedules, logins, sizes, clusters, node presets, versions."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.models import Cluster, Deployment, RegistryCredential
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import by_token

ONE = "teams/pricing/deployments/house/"
SCHEDULES = ONE + "schedules/"
LOGINS = "teams/pricing/registries/"
PRESETS = "clusters/local/node-presets/"


@pytest.fixture
def lead_api(lead: User) -> Caller:
    return by_token(lead, Scope.DEPLOY)


@pytest.fixture
def admin_api(admin: User) -> Caller:
    return by_token(admin, Scope.ADMIN)


def test_schedules_are_kept_in_the_clock_of_the_team(lead_api: Caller, house: Deployment) -> None:
    assert lead_api.patch("teams/pricing/", {"time_zone": "Europe/Berlin"}).json()["time_zone"]
    made = lead_api.post(SCHEDULES, {"cron": "0 8 * * 1-5", "replicas": 5})
    assert made.status_code == 201
    body = made.json()
    assert (body["time_zone"], body["replicas"], body["enabled"]) == ("Europe/Berlin", 5, True)
    assert lead_api.get(made.headers["Location"]).json() == body
    assert lead_api.get(SCHEDULES).json()["results"] == [body]
    assert lead_api.get(ONE).json()["next_change"] == {"at": body["next_at"], "text": "5 replicas"}
    off = lead_api.patch(made.headers["Location"], {"enabled": False}).json()
    assert (off["enabled"], off["next_at"], off["replicas"]) == (False, None, 5)
    assert lead_api.get(ONE).json()["next_change"] is None
    assert lead_api.delete(made.headers["Location"]).status_code == 204
    assert lead_api.get(made.headers["Location"]).status_code == 404


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "cron"),
        ({"cron": "soon", "replicas": 1}, "cron"),
        ({"cron": "61 * * * *", "replicas": 1}, "cron"),
        ({"cron": 5, "replicas": 1}, "cron"),
        ({"cron": "0 8 * * *", "replicas": -1}, "replicas"),
        ({"cron": "0 8 * * *", "replicas": "2"}, "replicas"),
        ({"cron": "0 8 * * *", "min_replicas": 3, "max_replicas": 2}, "min_replicas"),
        ({"cron": "0 8 * * *", "replicas": 1, "enabled": "yes"}, "enabled"),
        ({"cron": "0 8 * * *", "replicas": 1, "colour": "red"}, "colour"),
    ],
)
def test_a_bad_schedule_is_named(
    payload: dict[str, Any], field: str, lead_api: Caller, house: Deployment
) -> None:
    answer = lead_api.post(SCHEDULES, payload)
    assert answer.status_code == 422
    assert field in fields(answer)


def test_a_schedule_has_a_count_or_bounds(lead_api: Caller, house: Deployment) -> None:
    for more in ({}, {"replicas": 1, "min_replicas": 1, "max_replicas": 2}):
        assert lead_api.post(SCHEDULES, {"cron": "0 8 * * *", **more}).status_code == 422


def test_a_schedule_of_another_deployment_is_not_found(
    lead_api: Caller, house: Deployment, make_house: Any
) -> None:
    make_house("other")
    made = lead_api.post(SCHEDULES, {"cron": "0 8 * * *", "replicas": 2}).json()
    address = f"teams/pricing/deployments/other/schedules/{made['id']}/"
    for method in ("GET", "PATCH", "DELETE"):
        assert lead_api.send(method, address, {} if method == "PATCH" else None).status_code == 404


def test_an_unknown_time_zone_is_named(lead_api: Caller, team: Team) -> None:
    for zone in ("Mars/Base", "", 1, "../etc/passwd", "America"):
        assert list(fields(lead_api.patch("teams/pricing/", {"time_zone": zone}))) == ["time_zone"]


def test_a_login_is_kept_without_being_told(lead_api: Caller, team: Team, sealed: None) -> None:
    login = {"registry": "ghcr.io", "username": "robot", "password": "hush-hush"}
    made = lead_api.post(LOGINS, login)
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/{LOGINS}ghcr.io/")
    renamed = lead_api.send("PUT", LOGINS + "ghcr.io/", {"username": "other"})
    assert renamed.json()["username"] == "other"
    told = (made, renamed, lead_api.get(LOGINS), lead_api.get(LOGINS + "ghcr.io/"))
    assert not [answer for answer in told if b"hush" in answer.content]
    assert "hush" not in str(RegistryCredential.objects.values())
    assert lead_api.delete(LOGINS + "ghcr.io/").status_code == 204
    assert lead_api.get(LOGINS + "ghcr.io/").status_code == 404


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"username": "a", "password": "b"}, "registry"),
        ({"registry": "https://ghcr.io/x", "username": "a", "password": "b"}, "registry"),
        ({"registry": "ghcr.io", "username": "a"}, "password"),
        ({"registry": "ghcr.io", "password": "b"}, "username"),
    ],
)
def test_a_bad_login_is_named(
    payload: dict[str, Any], field: str, lead_api: Caller, team: Team, sealed: None
) -> None:
    answer = lead_api.post(LOGINS, payload)
    assert (answer.status_code, list(fields(answer))) == (422, [field])


def test_a_login_in_use_stays(lead_api: Caller, house: Deployment, sealed: None) -> None:
    lead_api.post(LOGINS, {"registry": "ghcr.io", "username": "a", "password": "b"})
    made = lead_api.post("teams/pricing/deployments/", {"name": "private", "image": "ghcr.io/team/iris:1"})
    assert made.json()["deployment"]["registry"] == "ghcr.io"
    refused = lead_api.delete(LOGINS + "ghcr.io/")
    assert (refused.status_code, refused.json()["code"]) == (409, "registry_in_use")


def test_a_size_is_offered_changed_and_used(admin_api: Caller, api: Caller, house: Deployment) -> None:
    made = admin_api.post("sizes/", {"name": "tiny", "cpu": "50m", "memory": "64Mi", "position": 5})
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/sizes/tiny/")
    assert api.get("sizes/").json()["results"][0]["name"] == "tiny"
    used = api.patch(ONE, {"preset": "tiny"}).json()["deployment"]["resources"]
    assert (used["cpu"], used["memory"]) == ("50m", "64Mi")
    admin_api.patch("sizes/tiny/", {"cpu": "60m"})
    assert api.get("sizes/tiny/").json()["cpu"] == "60m"
    assert api.get(ONE).json()["resources"]["cpu"] == "50m"
    assert admin_api.post("sizes/", {"name": "tiny"}).status_code == 409
    assert list(fields(admin_api.patch("sizes/tiny/", {"cpu": "lots"}))) == ["cpu"]


def test_prices_of_a_cluster_are_kept(admin_api: Caller, api: Caller, team: Team) -> None:
    changed = admin_api.patch(
        "clusters/local/", {"price_cpu_hour": "0.04", "price_gpu_hour": None, "currency": "BRL"}
    )
    assert changed.status_code == 200
    seen = api.get("clusters/local/").json()
    assert (float(seen["price_cpu_hour"]), seen["price_gpu_hour"], seen["currency"]) == (0.04, None, "BRL")
    inside = {"cost_basis": "used", "node_address": "node1", "prometheus_url": "http://prometheus:9090"}
    assert admin_api.patch("clusters/local/", inside).json() == seen | inside
    for payload, field in (
        ({"price_cpu_hour": "-1"}, "price_cpu_hour"),
        ({"price_cpu_hour": "free"}, "price_cpu_hour"),
        ({"currency": "euro"}, "currency"),
        ({"gpu_resource": "gpu"}, "gpu_resource"),
        ({"name": "other"}, "name"),
        ({"cost_basis": "none"}, "cost_basis"),
        ({"node_address": "http://node1/"}, "node_address"),
        ({"prometheus_url": "http://169.254.169.254/"}, "prometheus_url"),
    ):
        assert list(fields(admin_api.patch("clusters/local/", payload))) == [field]


def test_where_prometheus_is_only_admins_are_told(
    team: Team, cluster: Cluster, admin: User, lead: User
) -> None:
    Cluster.objects.update(prometheus_url="http://prometheus:9090")

    def told(caller: Caller) -> set[str]:
        listed = caller.get("clusters/").json()["results"]
        return {one["prometheus_url"] for one in (*listed, caller.get("clusters/local/").json())}

    assert told(by_token(admin, Scope.ADMIN)) == {"http://prometheus:9090"}
    assert told(by_token(lead, Scope.ADMIN)) == {""}
    # An admin's token that was made for less is no admin.
    assert told(by_token(admin, Scope.READ)) == {""}
    assert told(by_token(admin, Scope.ADMIN, team=team)) == {""}


def test_node_presets_choose_nodes(admin_api: Caller, api: Caller, house: Deployment) -> None:
    preset = {
        "name": "a100",
        "node_selector": {"accelerator": "a100"},
        "tolerations": [{"key": "gpu", "effect": "NoSchedule"}],
    }
    made = admin_api.post(PRESETS, preset)
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/{PRESETS}a100/")
    assert api.get(PRESETS).json()["count"] == 1
    assert api.patch(ONE, {"node_preset": "a100"}).json()["deployment"]["node_preset"] == "a100"
    pod = next(
        found["spec"]["template"]["spec"]
        for found in api.get(ONE + "manifests/").json()["manifests"]
        if found["kind"] == "Deployment"
    )
    assert pod["nodeSelector"] == {"accelerator": "a100"}
    assert admin_api.delete(PRESETS + "a100/").status_code == 204
    assert api.get(ONE).json()["node_preset"] == "a100"
    assert api.patch(ONE, {"node_preset": None}).json()["deployment"]["node_preset"] is None


def test_an_admins_token_made_for_less_keeps_no_platform(
    admin: User, other_team: Team, cluster: Cluster
) -> None:
    for caller in (
        by_token(admin, Scope.DEPLOY),
        by_token(admin, Scope.ADMIN, team=other_team),
    ):
        assert caller.post("sizes/", {"name": "tiny"}).status_code == 403


def test_versions_say_what_they_need_and_where_to_read_more(api: Caller, house: Deployment) -> None:
    address = "teams/pricing/models/house/versions/2.0/"
    told = api.patch(
        address,
        {
            "env_schema": [{"name": "LEVEL", "description": "How much to log", "required": True}],
            "links": [{"title": "Paper", "url": "https://example.org/paper"}],
            "run_as_user": 1234,
        },
    ).json()
    assert told["env_schema"][0]["required"] is True
    assert (told["links"][0]["title"], told["run_as_user"]) == ("Paper", 1234)
    assert "env" in fields(api.patch(ONE, {"version": "2.0"}))
    served = api.patch(ONE, {"version": "2.0", "env": [{"name": "LEVEL", "value": "info"}]})
    assert served.status_code == 202
    assert api.get(address).json()["deployments"] == ["house"]
    for payload, field in (
        ({"links": [{"title": "x", "url": "javascript:alert(1)"}]}, "links[0].url"),
        ({"env_schema": [{"name": "9"}]}, "env_schema[0].name"),
        ({"archived": "yes"}, "archived"),
    ):
        assert list(fields(api.patch(address, payload))) == [field]


def test_teams_are_made_renamed_and_archived_over_rest(admin_api: Caller, team: Team, lead: User) -> None:
    made = admin_api.post("teams/", {"name": "vision", "cluster": "local"})
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/teams/vision/")
    assert admin_api.patch("teams/vision/", {"title": "Vision"}).json()["title"] == "Vision"
    assert admin_api.patch("teams/vision/", {"archived": True}).json()["archived"]
    assert [one["name"] for one in admin_api.get("teams/").json()["results"]] == ["pricing"]
    assert [one["name"] for one in admin_api.get("teams/?archived=true").json()["results"]] == ["vision"]
    assert admin_api.get("teams/vision/").status_code == 404
    assert not admin_api.patch("teams/vision/", {"archived": False}).json()["archived"]
    theirs = by_token(lead, Scope.ADMIN)
    assert [one["role"] for one in theirs.get("teams/").json()["results"]] == ["lead"]
    assert theirs.get("teams/?archived=true").json()["results"] == []
    assert fields(admin_api.post("teams/", {"name": "Vision"})) == {"name": "invalid_name"}
    assert admin_api.post("teams/", {"name": "vision"}).status_code == 409

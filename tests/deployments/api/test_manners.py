"""What all routes have in common: slashes, pages, conditions, repeats, waiting, dry runs."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from deployments.models import (
    Cluster,
    ClusterState,
    Deployment,
    IdempotencyRecord,
    Model,
    Operation,
    OperationState,
)
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import House, by_token

LIST = "teams/pricing/deployments/"
ONE = "teams/pricing/deployments/house/"
GOOD: dict[str, Any] = {"name": "new", "model": "house", "version": "1.0"}


def test_a_trailing_slash_changes_nothing(api: Caller, house: Deployment) -> None:
    assert api.get(ONE).json() == api.get(ONE.rstrip("/")).json()
    assert api.post(ONE + "scale", {"replicas": 2}).status_code == 202
    assert api.post(LIST.rstrip("/"), GOOD).status_code == 202


def test_a_write_answers_operation_and_deployment(api: Caller, model: Model) -> None:
    answer = api.post(LIST, GOOD)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["operation"]["action"], body["operation"]["state"]) == ("create", "queued")
    assert body["deployment"]["status"]["state"] == "pending"
    assert body["deployment"]["endpoint"] is None
    assert answer.headers["Location"] == f"/api/v1/operations/{body['operation']['id']}/"
    assert api.get(answer.headers["Location"]).json()["id"] == body["operation"]["id"]


def test_lists_come_in_pages(api: Caller, make_house: House) -> None:
    for number in range(5):
        make_house(f"house-{number}")
    first = api.get("deployments/?limit=2&ordering=-name").json()
    assert (first["count"], first["previous"]) == (5, None)
    assert [row["name"] for row in first["results"]] == ["house-4", "house-3"]
    rest = api.get("/" + first["next"].split("/", 3)[3]).json()
    assert [row["name"] for row in rest["results"]] == ["house-2", "house-1"]
    assert api.get("deployments/?limit=100000").json()["count"] == 5


def test_lists_can_be_searched_and_filtered(api: Caller, make_house: House) -> None:
    make_house("alpha")
    make_house("beta", version="2.0")

    def names(question: str) -> list[str]:
        return [row["name"] for row in api.get(f"deployments/?{question}").json()["results"]]

    assert names("search=ALP") == ["alpha"]
    assert names("version=2.0") == ["beta"]
    assert names("status=pending&cluster=local&model=house&team=pricing") == ["alpha", "beta"]
    assert names("status=running") == names("team=none") == names("search=zzz") == []


def test_an_unreachable_cluster_makes_unknown(api: Caller, house: Deployment, cluster: Cluster) -> None:
    Deployment.objects.update(applied_generation=1, state="running", observed_at=timezone.now())
    since = timezone.now() - timedelta(minutes=3)
    Cluster.objects.update(state=ClusterState.UNREACHABLE, unreachable_since=since, seen_at=since)
    status = api.get(ONE).json()["status"]
    assert (status["state"], status["stale"]) == ("unknown", True)
    assert api.get("deployments/?status=unknown").json()["count"] == 1
    assert api.get("deployments/?status=running").json()["count"] == 0


def test_the_etag_is_the_generation_and_conditions_writes(api: Caller, house: Deployment) -> None:
    assert api.get(ONE).headers["ETag"] == '"1"'
    first = api.post(ONE + "scale/", {"replicas": 2}, if_match='"1"')
    assert (first.status_code, first.headers["ETag"]) == (202, '"2"')
    for method, address, body in (
        ("POST", ONE + "scale/", {"replicas": 3}),
        ("PATCH", ONE, {"replicas": 3}),
        ("POST", ONE + "restart/", None),
        ("DELETE", ONE, None),
    ):
        stale = api.send(method, address, body, if_match='"1"')
        assert (stale.status_code, stale.json()["code"]) == (412, "stale_generation")
    assert api.patch(ONE, {"replicas": 4}, if_match='"1", "2"').status_code == 202
    assert api.patch(ONE, {"replicas": 5}, if_match="*").status_code == 202


def test_patch_merges(api: Caller, house: Deployment) -> None:
    before = api.get(ONE).json()
    after = api.patch(ONE, {"resources": {"memory": "200Mi"}, "replicas": 3}).json()["deployment"]
    assert after["resources"] == {**before["resources"], "memory": "200Mi"}
    assert (after["replicas"], after["revision"], after["generation"]) == (3, 2, 2)
    assert after["env"] == before["env"]
    merged = api.send("PATCH", ONE, {"replicas": 2}, "application/merge-patch+json")
    assert merged.json()["deployment"]["replicas"] == 2


def test_a_repeated_key_repeats_the_answer_and_not_the_write(api: Caller, model: Model) -> None:
    first = api.post(LIST, GOOD, idempotency_key="abc")
    again = api.post(LIST, GOOD, idempotency_key="abc")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Operation.objects.count() == 1
    other = api.post(LIST, {**GOOD, "name": "other"}, idempotency_key="abc")
    assert (other.status_code, fields(other)) == (422, {"Idempotency-Key": "key_reused"})


def test_a_key_may_come_with_a_session_and_its_csrf_token(deployer: User, house: Deployment) -> None:
    """Which reads the body to look for the token in a form, before the key is compared by it."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(deployer)
    token = browser.get("/account/").cookies[settings.CSRF_COOKIE_NAME].value
    csrf = {"X-CSRFToken": token}

    def scale(**headers: str) -> Any:
        body = '{"replicas": 2}'
        kind = "application/json"
        return browser.post(f"/api/v1/{ONE}scale/", body, content_type=kind, headers=headers)

    answers = [scale(**csrf, **{"Idempotency-Key": "abc"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    refused = scale(**{"Idempotency-Key": "def"})
    assert refused.status_code == 403


def test_a_secret_that_is_shown_once_is_kept_for_a_repeat_and_not_in_clear(
    team: Team, lead: User, sealed: None
) -> None:
    api, hook = by_token(lead, Scope.DEPLOY), {"url": "https://example.org/"}
    first, again = (api.post("teams/pricing/webhooks/", hook, idempotency_key="abc") for _ in range(2))
    assert first.status_code == 201
    assert again.json()["secret"] == first.json()["secret"]
    assert first.json()["secret"] not in str(list(IdempotencyRecord.objects.values()))


def test_a_key_in_use_is_a_conflict_until_its_request_is_given_up(api: Caller, model: Model) -> None:
    api.post(LIST, GOOD, idempotency_key="abc")
    IdempotencyRecord.objects.update(status=None)
    assert api.post(LIST, GOOD, idempotency_key="abc").status_code == 409
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    answer = api.post(LIST, GOOD, idempotency_key="abc")
    assert (answer.status_code, Operation.objects.count()) == (202, 1)


def test_a_key_is_forgotten_after_a_day(api: Caller, house: Deployment) -> None:
    api.post(ONE + "restart/", idempotency_key="abc")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "Idempotency-Replayed" not in api.post(ONE + "restart/", idempotency_key="abc").headers


def test_an_answer_that_says_not_now_is_not_kept(api: Caller, house: Deployment) -> None:
    assert api.post(ONE + "predict/", {"body": {}}, idempotency_key="abc").status_code == 503
    assert not IdempotencyRecord.objects.exists()


def test_a_dry_run_of_a_create_stores_nothing(api: Caller, model: Model) -> None:
    answer = api.post(LIST + "?dry_run=true", {**GOOD, "replicas": 3})
    assert answer.status_code == 200
    kinds = [found["kind"] for found in answer.json()["manifests"]]
    assert {"Deployment", "Service"} <= set(kinds)
    assert "+  replicas: 3" in answer.json()["diff"]
    assert answer.json()["replaces_pods"] is False
    assert not Deployment.objects.exists()
    assert fields(api.post(LIST + "?dry_run=true", {**GOOD, "port": 0}))["port"]


def test_a_dry_run_of_a_change_shows_what_would_change(api: Caller, house: Deployment) -> None:
    diff = api.patch(ONE + "?dry_run=true", {"version": "2.0"}).json()["diff"]
    assert any(line.startswith("-") and "local/house:1.0" in line for line in diff.splitlines())
    assert any(line.startswith("+") and "local/house:2.0" in line for line in diff.splitlines())
    assert api.get(ONE).json()["generation"] == 1


def test_manifests_are_json_or_yaml(api: Caller, house: Deployment) -> None:
    as_json = api.get(ONE + "manifests/").json()["manifests"]
    for headers, suffix in (({"accept": "application/yaml"}, ""), ({}, "?format=yaml")):
        answer = api.get(ONE + "manifests/" + suffix, **headers)
        assert answer.headers["Content-Type"].startswith("application/yaml")
        assert list(yaml.safe_load_all(answer.content)) == as_json


def test_wait_gives_up_when_the_time_is_up(api: Caller, model: Model) -> None:
    answer = api.post(LIST + "?wait=1", GOOD)
    assert answer.json()["operation"]["state"] == "queued"


@pytest.mark.django_db(transaction=True)
def test_wait_answers_when_the_operation_has_ended(api: Caller, house: Deployment) -> None:
    stop = threading.Event()

    def finish_what_comes() -> None:
        queued = Operation.objects.filter(action="scale").exclude(state=OperationState.SUCCEEDED)
        while not stop.wait(0.05):
            queued.update(state=OperationState.SUCCEEDED, finished_at=timezone.now())
        connection.close()

    worker = threading.Thread(target=finish_what_comes)
    worker.start()
    try:
        answer = api.post(ONE + "scale/?wait=30", {"replicas": 2})
    finally:
        stop.set()
        worker.join()
    assert answer.json()["operation"]["state"] == "succeeded"


def test_versions_and_models_can_be_kept(api: Caller, model: Model) -> None:
    made = api.post("teams/pricing/models/", {"name": "iris", "description": "Flowers"})
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/teams/pricing/models/iris/")
    version = {
        "version": "1.0",
        "image": "local/iris:1.0",
        "sample_request": {"path": "/x", "method": "POST"},
    }
    assert api.post("teams/pricing/models/iris/versions/", version).status_code == 201
    found = api.get("teams/pricing/models/iris/").json()
    assert [(v["version"], v["deployments"]) for v in found["versions"]] == [("1.0", [])]
    api.patch("teams/pricing/models/iris/versions/1.0/", {"framework": "tree"})
    assert api.get("teams/pricing/models/iris/versions/").json()["results"][0]["framework"] == "tree"
    assert api.post("teams/pricing/models/iris/versions/", version).status_code == 409
    assert api.delete("teams/pricing/models/iris/").status_code == 204
    assert api.get("teams/pricing/models/iris/").status_code == 404


def test_a_version_tells_where_it_is_deployed(api: Caller, house: Deployment) -> None:
    version = api.get("teams/pricing/models/house/versions/1.0/").json()
    assert version["deployments"] == ["house"]


def test_me_tells_teams_and_roles(api: Caller, house: Deployment) -> None:
    me = api.get("me/").json()
    assert me["username"] == "deployer"
    assert [(team["name"], team["role"]) for team in me["teams"]] == [("pricing", "deployer")]
    assert me["token"]["scopes"] == ["deploy"]


def test_history_is_listed_after_a_delete(api: Caller, house: Deployment) -> None:
    Deployment.objects.update(deleted_at=timezone.now(), state="deleted")
    assert api.get("deployments/").json()["count"] == 0
    assert api.get("deployments/?status=deleted").json()["count"] == 1
    assert api.get(ONE).status_code == 404


def test_what_one_token_was_answered_is_not_repeated_to_another(deployer: User, team: Team) -> None:
    body = {"name": "strong", "scopes": ["read"]}
    made = by_token(deployer, Scope.ADMIN).post("me/tokens/", body, idempotency_key="k")
    assert made.status_code == 201
    other = by_token(deployer, Scope.DEPLOY).post("me/tokens/", body, idempotency_key="k")
    assert other.status_code == 422
    assert made.json()["token"] not in other.content.decode()

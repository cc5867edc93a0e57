"""Operating a deployment over REST: pause, roll back, scale by one writer, many at once, rehearse."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.models import Deployment, Operation, Revision
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import House, by_token

LIST = "teams/pricing/deployments/"
ONE = "teams/pricing/deployments/house/"
GOOD: dict[str, Any] = {"name": "new", "model": "house", "version": "1.0"}
BOUNDS = {"min_replicas": 2, "max_replicas": 6, "target_cpu_percent": 70}
WORD = "correct-horse-battery"


def test_pause_keeps_the_count_and_resume_brings_it_back(api: Caller, make_house: House) -> None:
    make_house(replicas=3)
    paused = api.post(ONE + "pause/").json()["deployment"]
    assert (paused["paused"], paused["replicas"], paused["status"]["wanted_replicas"]) == (True, 3, 0)
    kinds = {found["kind"]: found for found in api.get(ONE + "manifests/").json()["manifests"]}
    assert kinds["Deployment"]["spec"]["replicas"] == 0
    resumed = api.post(ONE + "resume/").json()["deployment"]
    assert (resumed["paused"], resumed["status"]["wanted_replicas"]) == (False, 3)


def test_an_autoscaler_owns_the_count(api: Caller, house: Deployment) -> None:
    on = api.patch(ONE, {"autoscaling": BOUNDS}).json()["deployment"]
    assert on["autoscaling"] == {**BOUNDS, "target_memory_percent": None, "scale_down_seconds": 300}
    refused = api.post(ONE + "scale/", {"replicas": 4})
    assert (refused.status_code, refused.json()["code"]) == (409, "autoscaler_owns_replicas")
    kinds = {found["kind"]: found for found in api.get(ONE + "manifests/").json()["manifests"]}
    assert "replicas" not in kinds["Deployment"]["spec"]
    assert kinds["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 6
    merged = api.patch(ONE, {"autoscaling": {"max_replicas": 8}}).json()["deployment"]["autoscaling"]
    assert (merged["min_replicas"], merged["max_replicas"]) == (2, 8)
    off = api.patch(ONE, {"autoscaling": None}).json()["deployment"]
    assert off["autoscaling"] is None
    assert api.post(ONE + "scale/", {"replicas": 4}).status_code == 202


def test_what_the_autoscaler_sees_and_why_is_told(api: Caller, make_house: House) -> None:
    make_house(autoscaling=BOUNDS)
    assert api.get(ONE).json()["autoscaler"] is None
    Deployment.objects.update(
        autoscaler={
            "uid": "1",
            "name": "house",
            "min_replicas": 2,
            "max_replicas": 6,
            "current_replicas": 6,
            "desired_replicas": 6,
            "metrics": [{"resource": "cpu", "target": 70, "current": 140}],
            "conditions": [{"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}],
        }
    )
    seen = api.get(ONE).json()["autoscaler"]
    assert seen["metrics"] == [{"resource": "cpu", "target": 70, "current": 140}]
    assert (seen["current_replicas"], seen["reason"]) == (6, "TooManyReplicas")
    assert "6 is the most" in seen["decision"]


def test_a_rollback_is_a_new_revision(api: Caller, house: Deployment) -> None:
    api.patch(ONE, {"version": "2.0"})
    answer = api.post(ONE + "rollback/", {"revision": 1})
    assert answer.status_code == 202
    found = answer.json()["deployment"]
    assert (found["revision"], found["version"], found["generation"]) == (3, "1.0", 3)
    assert api.get(ONE + "revisions/3/").json()["restores"] == 1


@pytest.mark.parametrize(
    "body",
    [None, {}, {"revision": 2}, {"revision": 9}, {"revision": "1"}, {"revision": -1}, {"revision": 10**20}],
)
def test_a_bad_rollback_names_its_revision(body: Any, api: Caller, house: Deployment) -> None:
    api.patch(ONE, {"version": "2.0"})
    answer = api.post(ONE + "rollback/", body)
    assert (answer.status_code, list(fields(answer))) == (422, ["revision"])
    unsure = api.post(ONE + "rollback/", {"revision": 1, "confirm_archived": "yes"})
    assert list(fields(unsure)) == ["confirm_archived"]


def test_an_archived_version_comes_back_only_when_that_is_meant(api: Caller, house: Deployment) -> None:
    api.patch(ONE, {"version": "2.0"})
    assert api.patch("teams/pricing/models/house/versions/1.0/", {"archived": True}).json()["archived"]
    refused = api.post(ONE + "rollback/", {"revision": 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "version_archived")
    assert fields(api.post(LIST, GOOD)) == {"version": "version_archived"}
    meant = api.post(ONE + "rollback/", {"revision": 1, "confirm_archived": True})
    assert meant.status_code == 202


def test_two_revisions_are_compared(api: Caller, house: Deployment) -> None:
    api.patch(ONE, {"version": "2.0"})
    forth = api.get(ONE + "revisions/2/?diff=1").json()["diff"].splitlines()
    assert any(line.startswith("-") and "local/house:1.0" in line for line in forth)
    assert any(line.startswith("+") and "local/house:2.0" in line for line in forth)
    back = api.get(ONE + "revisions/1/?diff=2").json()["diff"].splitlines()
    assert any(line.startswith("+") and "local/house:1.0" in line for line in back)
    assert "diff" not in api.get(ONE + "revisions/2/").json()
    assert api.get(ONE + "revisions/2/?diff=7").status_code == 404
    assert list(fields(api.get(ONE + "revisions/2/?diff=x"))) == ["diff"]


def test_a_secret_is_written_and_never_read(api: Caller, house: Deployment, sealed: None) -> None:
    secret = {"name": "API_KEY", "secret": True}
    written = api.patch(ONE, {"env": [{**secret, "value": WORD}, {"name": "LEVEL", "value": "info"}]})
    assert written.json()["deployment"]["env"] == [secret, {"name": "LEVEL", "value": "info"}]
    kept = api.patch(ONE, {"env": [secret]})
    assert (kept.status_code, kept.json()["deployment"]["env"]) == (202, [secret])
    told = [
        api.get(address).content.decode()
        for address in (
            ONE,
            ONE + "revisions/",
            ONE + "revisions/3/?diff=1",
            ONE + "manifests/",
            ONE + "timeline/",
            "operations/",
        )
    ]
    told += [written.content.decode(), kept.content.decode()]
    told.append(api.patch(ONE + "?dry_run=true", {"env": [{**secret, "value": WORD + "2"}]}).content.decode())
    assert not [text for text in told if WORD in text]
    assert Revision.objects.filter(deployment=house).count() == 3


def test_what_was_read_can_be_sent_back(api: Caller, house: Deployment, sealed: None) -> None:
    api.patch(ONE, {"env": [{"name": "API_KEY", "secret": True, "value": WORD}], "autoscaling": BOUNDS})
    read = api.get(ONE).json()
    names = ("env", "autoscaling", "rollout", "security", "start_seconds", "node_preset", "registry")
    answer = api.patch(ONE, {name: read[name] for name in names})
    assert answer.status_code == 202, answer.content
    assert answer.json()["deployment"]["revision"] == read["revision"]


def test_a_double_click_is_one_wish_and_a_stale_write_shows_what_changed(
    api: Caller, house: Deployment
) -> None:
    first = api.patch(ONE, {"version": "2.0"}, if_match='"1"')
    again = api.patch(ONE, {"version": "2.0"}, if_match='"1"')
    assert again.status_code == 202
    assert again.json()["operation"]["id"] == first.json()["operation"]["id"]
    stale = api.patch(ONE, {"start_seconds": 60}, if_match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_generation")
    assert "local/house:2.0" in stale.json()["diff"]
    assert api.patch(ONE, {"start_seconds": 60}, if_match='"nonsense"').status_code == 412
    assert api.patch(ONE + "?dry_run=true", {"start_seconds": 60}, if_match='"1"').status_code == 412
    assert Revision.objects.filter(deployment=house).count() == 2


def test_a_create_sent_twice_makes_one(api: Caller, house: Deployment) -> None:
    first, again = api.post(LIST, GOOD), api.post(LIST, GOOD)
    assert again.json()["operation"]["id"] == first.json()["operation"]["id"]


def bulk(caller: Caller, action: str, *names: str, **more: Any) -> Any:
    return caller.post("deployments/bulk/", {"action": action, "deployments": list(names), **more})


def test_bulk_answers_for_each(api: Caller, make_house: House) -> None:
    make_house("one")
    make_house("two", autoscaling=BOUNDS)
    answer = bulk(api, "scale", "pricing/one", "pricing/two", "pricing/none", "fraud/one", replicas=4)
    assert answer.status_code == 200
    found = {one["deployment"]: one for one in answer.json()["results"]}
    assert list(found) == ["pricing/one", "pricing/two", "pricing/none", "fraud/one"]
    assert found["pricing/one"]["operation"]["action"] == "scale"
    assert found["pricing/one"]["error"] is None
    assert found["pricing/two"]["error"]["code"] == "autoscaler_owns_replicas"
    assert {found[name]["error"]["status"] for name in ("pricing/none", "fraud/one")} == {404}
    assert Deployment.objects.get(name="one").replicas == 4


def test_bulk_refuses_what_one_may_not(
    viewer: User, admin: User, other_team: Team, house: Deployment
) -> None:
    for caller, status in (
        (by_token(viewer, Scope.DEPLOY), 403),
        (by_token(admin, Scope.DEPLOY, team=other_team), 404),
    ):
        result = bulk(caller, "pause", "pricing/house").json()["results"][0]
        assert (result["operation"], result["error"]["status"]) == (None, status)
    house.refresh_from_db()
    assert house.paused_at is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"deployments": ["pricing/house"]}, "action"),
        ({"action": "delete", "deployments": ["pricing/house"]}, "action"),
        ({"action": ["pause"], "deployments": ["pricing/house"]}, "action"),
        ({"action": "pause"}, "deployments"),
        ({"action": "pause", "deployments": []}, "deployments"),
        ({"action": "pause", "deployments": "pricing/house"}, "deployments"),
        ({"action": "pause", "deployments": ["pricing/house"] * 501}, "deployments"),
        ({"action": "pause", "deployments": ["pricing/house", "house"]}, "deployments[1]"),
        ({"action": "pause", "deployments": ["a/b/c"]}, "deployments[0]"),
        ({"action": "pause", "deployments": [7]}, "deployments[0]"),
        ({"action": "pause", "deployments": ["pricing/house"], "replicas": 1}, "replicas"),
        ({"action": "scale", "deployments": ["pricing/house"]}, "replicas"),
        ({"action": "scale", "deployments": ["pricing/house"], "replicas": -1}, "replicas"),
    ],
)
def test_a_bad_bulk_is_named(body: dict[str, Any], field: str, api: Caller, house: Deployment) -> None:
    answer = api.post("deployments/bulk/", body)
    assert (answer.status_code, list(fields(answer))) == (422, [field])
    assert Operation.objects.filter(deployment=house).count() == 1


def test_a_dry_run_says_what_it_could_not_check(api: Caller, house: Deployment) -> None:
    house.cluster.price_cpu_hour = house.cluster.price_memory_gib_hour = 1
    house.cluster.save()
    preview = api.post(LIST + "?dry_run=true", {**GOOD, "replicas": 2}).json()
    checks = {check["code"]: check for check in preview["preflight"]["checks"]}
    assert checks["name"]["state"] == "ok"
    # Nobody answers at the queue here, and no node was seen.
    assert {checks[code]["state"] for code in ("nodes", "quota", "dry_run")} == {"unknown"}
    assert preview["preflight"]["cost"] == {
        "per_hour": "0.4500",
        "currency": "USD",
        "text": "0.4500 USD an hour",
    }


def test_a_dry_run_of_a_change_and_of_a_rollback_tells_of_pods(api: Caller, house: Deployment) -> None:
    assert api.patch(ONE + "?dry_run=true", {"replicas": 5}).json()["replaces_pods"] is False
    assert api.patch(ONE + "?dry_run=true", {"version": "2.0"}).json()["replaces_pods"] is True
    api.patch(ONE, {"version": "2.0"})
    back = api.post(ONE + "rollback/?dry_run=true", {"revision": 1})
    assert back.status_code == 200
    assert back.json()["replaces_pods"] is True
    assert "+          image: local/house:1.0" in back.json()["diff"]
    assert api.get(ONE).json()["generation"] == 2
    assert fields(api.post(ONE + "rollback/?dry_run=true", {"revision": 9})) == {
        "revision": "unknown_revision"
    }


def test_a_list_tells_the_next_change_without_a_query_for_each(
    api: Caller, lead: User, make_house: House, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        row = make_house(f"house-{number}")
        intent.add_schedule(row, {"cron": "0 8 * * *", "replicas": 3}, by=lead)
    with django_assert_max_num_queries(6):
        rows = api.get("deployments/").json()["results"]
    assert [row["next_change"]["text"] for row in rows] == ["3 replicas"] * 5
    assert all(row["next_change"]["at"] > timezone.now().isoformat() for row in rows)

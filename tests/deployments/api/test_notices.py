"""Fixes, webhooks and what happened, over REST: what is told, to whom, and what never is."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from deployments import settling, webhooks
from deployments.models import Deployment, State, Webhook
from teams.models import Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import by_token
from tests.deployments.told import WRONG_PORT

ONE = "teams/pricing/deployments/house/"
HOOKS = "teams/pricing/webhooks/"
URL = "https://example.org/hooks/s3cr3t?key=1"


def diagnosed(row: Deployment) -> None:
    Deployment.objects.filter(pk=row.pk).update(
        diagnosis={**WRONG_PORT, "generation": row.generation}, state=State.FAILED
    )


def refused(row: Deployment) -> None:
    """The cluster takes none of it."""
    row.refused_generation, row.apply_error = row.generation, "no"
    row.save()
    settling.refresh(row, [], now=timezone.now())


def made_hook(lead: User, **more: Any) -> dict[str, Any]:
    answer = by_token(lead, Scope.DEPLOY).post(HOOKS, {"url": URL, **more})
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"].rstrip("/").endswith(answer.json()["id"])
    body: dict[str, Any] = answer.json()
    return body


def test_a_fix_is_one_call_and_a_new_revision(api: Caller, house: Deployment) -> None:
    diagnosed(house)
    told = api.get(ONE).json()["status"]["diagnosis"]
    assert told["fix"]["changes"] == {"port": 7007}
    answer = api.post(ONE + "fix/", {"code": told["code"]}, if_match='"1"')
    assert answer.status_code == 202
    assert (answer.json()["deployment"]["port"], answer.json()["deployment"]["revision"]) == (7007, 2)
    # What was wrong with the older wish is no word about the newer one.
    assert answer.json()["deployment"]["status"]["diagnosis"] is None
    cause = api.get(ONE + "revisions/2/").json()["change_cause"]
    assert cause == "Set the port to 7007"


def test_a_fix_pressed_twice_is_one(api: Caller, house: Deployment) -> None:
    diagnosed(house)
    first, second = (api.post(ONE + "fix/", {"code": "wrong_port"}, if_match='"1"') for _ in range(2))
    assert first.json()["operation"]["id"] == second.json()["operation"]["id"]
    again = api.post(ONE + "fix/", {"code": "wrong_port"})
    assert (again.status_code, again.json()["code"]) == (409, "no_such_fix")


def test_a_fix_of_something_else_is_refused(api: Caller, house: Deployment) -> None:
    assert api.post(ONE + "fix/", {"code": "wrong_port"}).json()["code"] == "no_such_fix"
    diagnosed(house)
    for code in ("no_room", None, 5, ["wrong_port"]):
        answer = api.post(ONE + "fix/", {"code": code})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_such_fix")
    assert fields(api.post(ONE + "fix/", {})) == {"code": "required"}
    assert fields(api.post(ONE + "fix/", {"code": "wrong_port", "port": 1})) == {"port": "unknown_field"}


def test_a_webhooks_secret_is_told_once(lead: User, team: Team, sealed: None) -> None:
    made = made_hook(lead, events=["deployment.failed"])
    assert len(made["secret"]) >= 32
    caller = by_token(lead, Scope.DEPLOY)
    one = HOOKS + made["id"] + "/"
    for answer in (caller.get(HOOKS), caller.get(one), caller.patch(one, {"enabled": False})):
        assert "secret" not in json.dumps(answer.json())
        assert made["secret"] not in answer.content.decode()
    read = caller.get(one).json()
    assert (read["url"], read["events"], read["enabled"]) == (URL, ["deployment.failed"], False)
    assert caller.delete(one).status_code == 204
    assert caller.get(one).status_code == 404


def test_where_a_webhook_leads_is_for_leads(lead: User, viewer: User, team: Team, sealed: None) -> None:
    made = made_hook(lead)
    seen = by_token(viewer, Scope.READ).get(HOOKS)
    assert "s3cr3t" not in seen.content.decode()
    assert seen.json()["results"][0]["url"] == "https://example.org/..."
    assert seen.json()["results"][0]["id"] == made["id"]


def test_a_wrong_webhook_names_the_field(lead: User, team: Team, sealed: None) -> None:
    caller = by_token(lead, Scope.DEPLOY)
    assert fields(caller.post(HOOKS, {})) == {"url": "required"}
    assert fields(caller.post(HOOKS, {"url": "http://127.0.0.1/"})) == {"url": "invalid_url"}
    assert fields(caller.post(HOOKS, {"url": URL, "events": ["x"], "how": 1})) == {
        "events[0]": "unknown_event",
        "how": "unknown_field",
    }
    assert Webhook.objects.count() == 0
    made = made_hook(lead)
    assert fields(caller.patch(HOOKS + made["id"] + "/", {"url": ""})) == {"url": "invalid_url"}


def test_the_log_says_what_became_of_each_delivery(lead: User, house: Deployment, sealed: None) -> None:
    made = made_hook(lead)
    caller = by_token(lead, Scope.DEPLOY)
    tested = caller.post(made["links"]["test"])
    assert (tested.status_code, tested.json()["state"]) == (202, "waiting")
    assert tested.json()["happening"]["type"] == "webhook.test"
    refused(house)
    # Stored when public names could be told; nothing is sent into private networks whenever.
    Webhook.objects.update(url="http://127.0.0.1:9/")
    for pk in webhooks.due_deliveries():
        webhooks.deliver(pk)
    log = caller.get(made["links"]["deliveries"]).json()["results"]
    assert [(row["happening"]["type"], row["state"], row["attempts"]) for row in log] == [
        ("deployment.failed", "failed", 1),
        ("webhook.test", "failed", 1),
    ]
    assert "not on the public internet" in log[0]["answer"]
    assert (log[0]["next_at"], log[0]["happening"]["deployment"]) == (None, "house")
    assert caller.get(made["links"]["deliveries"] + "?state=delivered").json()["count"] == 0


def test_what_happened_can_be_asked(api: Caller, house: Deployment, stranger: User) -> None:
    refused(house)
    (row,) = api.get("teams/pricing/happenings/").json()["results"]
    assert (row["type"], row["deployment"], row["team"]) == ("deployment.failed", "house", "pricing")
    for filters, count in (
        ("type=deployment.running", 0),
        ("type=deployment.failed&deployment=house", 1),
        ("deployment=other", 0),
    ):
        assert api.get(f"teams/pricing/happenings/?{filters}").json()["count"] == count
    assert api.get("teams/pricing/happenings/?type=nonsense").status_code == 422
    assert by_token(stranger, Scope.READ).get("teams/pricing/happenings/").status_code == 404

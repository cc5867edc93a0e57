"""The audit by REST: every write and every refusal, found by filters, as JSON and as CSV."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments import intent
from deployments.models import Deployment
from teams import audit
from teams.models import AuditEntry, Team
from teams.roles import Scope
from tests.deployments.api.caller import Caller, fields
from tests.deployments.api.conftest import by_token

ADDRESS = "teams/pricing/audit/"
CANARY = "canary-4711"


@pytest.fixture
def reader(lead: User) -> Caller:
    return by_token(lead, Scope.READ)


def found(reader: Caller, question: str) -> list[dict[str, Any]]:
    answer = reader.get(f"{ADDRESS}?{question}")
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_a_write_tells_who_what_from_where_and_what_it_changed(
    api: Caller, reader: Caller, house: Deployment
) -> None:
    answer = api.post("teams/pricing/deployments/house/scale/", {"replicas": 3})
    (entry,) = found(reader, "action=scale")
    assert (entry["actor"], entry["token"], entry["target"]) == ("deployer", "test", "pricing/house")
    assert (entry["address"], entry["request_id"]) == ("127.0.0.1", answer["X-Request-ID"])
    assert (entry["before"], entry["after"]) == ({"replicas": 1}, {"replicas": 3})


def test_a_change_of_the_spec_tells_what_differs_without_secrets(
    api: Caller, reader: Caller, house: Deployment, sealed: None
) -> None:
    env = [{"name": "API_KEY", "secret": True, "value": CANARY}, {"name": "DB_PASSWORD", "value": CANARY}]
    api.patch("teams/pricing/deployments/house/", {"port": 5002, "env": env})
    (entry,) = found(reader, "action=update")
    assert (entry["before"]["port"], entry["after"]["port"]) == (5001, 5002)
    assert "image" not in entry["after"]
    assert CANARY not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", "teams/pricing/registries/", {"registry": "ghcr.io", "username": "a", "password": CANARY}),
        ("POST", "teams/pricing/webhooks/", {"url": f"https://{CANARY}:{CANARY}@example.org/{CANARY}"}),
        ("POST", "teams/pricing/members/", {"username": "x", "role": "viewer", "password": CANARY}),
        ("POST", "me/tokens/", {"name": "n", "scopes": ["read"], "team": "pricing", "token": CANARY}),
    ],
)
def test_no_secret_of_a_body_gets_into_the_audit(
    method: str, address: str, body: object, lead: User, sealed: None
) -> None:
    by_token(lead, Scope.ADMIN).send(method, address, body)
    assert CANARY not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("who", "scope", "method", "address", "body", "noted"),
    [
        # By a rule of the action, by a scope, by a role that a reader needs.
        (
            "viewer",
            Scope.DEPLOY,
            "POST",
            "teams/pricing/deployments/house/scale/",
            {"replicas": 3},
            "pricing",
        ),
        ("deployer", Scope.READ, "POST", "teams/pricing/deployments/house/restart/", None, "pricing"),
        (
            "lead",
            Scope.DEPLOY,
            "POST",
            "teams/pricing/members/",
            {"username": "x", "role": "viewer"},
            "pricing",
        ),
        ("viewer", Scope.READ, "GET", "teams/pricing/audit/", None, "pricing"),
        ("lead", Scope.READ, "GET", "audit/", None, ""),
        ("deployer", Scope.DEPLOY, "POST", "sizes/", {"name": "tiny"}, ""),
        # A stranger's write, whether there is such a team or not.
        ("stranger", Scope.DEPLOY, "POST", "teams/pricing/deployments/house/scale/", {"replicas": 3}, ""),
        ("stranger", Scope.DEPLOY, "POST", "teams/nowhere/deployments/house/scale/", {"replicas": 3}, ""),
    ],
)
def test_every_refusal_is_written_once(
    who: str,
    scope: Scope,
    method: str,
    address: str,
    body: object,
    noted: str,
    house: Deployment,
    request: pytest.FixtureRequest,
) -> None:
    person: User = request.getfixturevalue(who)
    answer = by_token(person, scope).send(method, address, body)
    assert answer.status_code in {403, 404}
    refusal = AuditEntry.objects.get(allowed=False)
    assert (refusal.actor, refusal.team, refusal.token) == (who, noted, "test")
    assert refusal.detail["why"]


def test_what_is_not_there_is_no_refusal(api: Caller, house: Deployment) -> None:
    assert api.delete("teams/pricing/deployments/house/pods/gone/").status_code == 404
    assert api.get("teams/fraud/").status_code == 404
    assert not AuditEntry.objects.filter(allowed=False).exists()


def test_filters_narrow_and_search_finds(reader: Caller, team: Team) -> None:
    for actor, action, allowed in (("ana", "scale", True), ("bob", "scale", False), ("bob", "delete", True)):
        audit.record(actor, action, f"pricing/{actor}-house", team="pricing", allowed=allowed)
    audit.record("ana", "scale", "fraud/canary", team="fraud")

    def actors(question: str) -> list[str]:
        return [entry["actor"] for entry in found(reader, question)]

    assert actors("actor=bob&ordering=action") == ["bob", "bob"]
    assert actors("action=scale&allowed=false") == ["bob"]
    assert actors("search=ANA-h") == ["ana"]
    assert actors(f"since={timezone.now().date()}") == ["bob", "bob", "ana"]
    assert actors(f"until={timezone.now().date()}") == []
    assert actors("search=canary") == []
    page = reader.get(f"{ADDRESS}?limit=1&offset=1").json()
    assert (page["count"], len(page["results"])) == (3, 1)


@pytest.mark.parametrize(
    "question",
    ["since=yesterday", "until=2030-02-30", "since=2030-01-01T00:00:00", "allowed=maybe", "ordering=x"],
)
def test_a_filter_that_cannot_be_understood_is_named(question: str, reader: Caller) -> None:
    answer = reader.get(f"{ADDRESS}?{question}")
    assert answer.status_code == 422
    assert list(fields(answer)) == [question.partition("=")[0]]


def test_as_csv_no_cell_is_a_formula(reader: Caller, team: Team) -> None:
    formula = '=HYPERLINK("https://example.org")'
    audit.record("ana", "add version", formula, team="pricing", after={"image": "a,b"})
    answer = reader.get(ADDRESS, accept="text/csv")
    assert answer["Content-Type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["target"], row["after"], row["allowed"]) == (f"'{formula}", '{"image":"a,b"}', "true")
    assert row["at"].startswith(str(timezone.now().year))


def test_the_client_chooses_no_address_and_no_id_that_is_none(api: Caller, house: Deployment) -> None:
    api.post("teams/pricing/deployments/house/restart/", x_request_id="=mine", x_forwarded_for="192.0.2.1")
    entry = AuditEntry.objects.get(action="restart")
    assert entry.request_id not in ("", "=mine")
    assert entry.address == "127.0.0.1"


def test_what_a_service_account_makes_carries_its_name(
    team: Team, lead: User, house: Deployment, reader: Caller
) -> None:
    admin = by_token(lead, Scope.ADMIN)
    admin.post("teams/pricing/service-accounts/", {"name": "ci"})
    wants = {"service_account": "ci", "name": "pipeline", "scopes": ["deploy"]}
    made = admin.post("teams/pricing/tokens/", wants)
    assert made["Cache-Control"] == "no-store"
    program = Caller(Client(headers={"Authorization": f"Bearer {made.json()['token']}"}))
    answer = program.post("teams/pricing/deployments/", {"name": "two", "image": "local/iris:1"})
    assert answer.json()["deployment"]["created_by"] == "pricing:ci"
    (entry,) = found(reader, "action=create&actor=pricing:ci")
    assert entry["token"] == "pipeline"
    assert program.get("me/").json()["teams"][0]["role"] == "deployer"
    admin.delete(f"teams/pricing/tokens/{made.json()['id']}/")
    assert program.get("me/").status_code == 401


def test_the_last_lead_gets_409_by_name(lead: User, team: Team) -> None:
    answer = by_token(lead, Scope.ADMIN).delete("teams/pricing/members/lead/")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_lead")


def test_adding_somebody_answers_the_same_whether_they_have_an_account(
    lead: User, stranger: User, team: Team
) -> None:
    admin = by_token(lead, Scope.ADMIN)
    answers = [
        admin.post("teams/pricing/members/", {"username": name, "role": "viewer"})
        for name in ("stranger", "nobodyes")
    ]
    known, unknown = (answer.content.decode() for answer in answers)
    assert known.replace("stranger", "nobodyes") == unknown
    assert [answer.status_code for answer in answers] == [201, 201]
    with_both = admin.get("teams/pricing/members/").json()["results"]
    assert {(row["username"], row["role"]) for row in with_both} > {
        ("stranger", "viewer"),
        ("nobodyes", "viewer"),
    }
    assert intent.change_member(team, "nobodyes", {"role": "deployer"}, by=lead).role == "deployer"

"""Every route, every method, every kind of caller. A route without a rule fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern

from deployments import intent
from deployments.api.urls import urlpatterns
from deployments.models import Cluster, Deployment, Namespace, Sizing
from teams.models import Team
from teams.roles import Scope
from teams.tokens import create_token, revoke
from tests.deployments.api.caller import Caller
from tests.deployments.api.conftest import by_token
from tests.deployments.told import WRONG_PORT

READ, WRITE, OWN_OR_LEAD, LEAD = "read", "write", "own or lead", "lead"
# Who gets in is decided with the scope admin; one's own tokens are nobody else's.
LEAD_WITH_ADMIN, ANYBODY_WITH_ADMIN, OWN, OWN_WITH_ADMIN = "lead+", "anybody+", "own", "own+"
ADMIN, OPEN, ANYBODY_IN = "admin", "open", "anybody signed in"
ONE = "teams/pricing/deployments/house/"
HOOK = "teams/pricing/webhooks/{webhook}/"

# (route, method): who may, the address, the body.
RULES: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("models", "GET"): (READ, "teams/pricing/models/", None),
    ("models", "POST"): (WRITE, "teams/pricing/models/", {"name": "iris"}),
    ("model", "GET"): (READ, "teams/pricing/models/house/", None),
    ("model", "PATCH"): (WRITE, "teams/pricing/models/house/", {"task": "prices"}),
    ("model", "DELETE"): (WRITE, "teams/pricing/models/unused/", None),
    ("versions", "GET"): (READ, "teams/pricing/models/house/versions/", None),
    ("versions", "POST"): (
        WRITE,
        "teams/pricing/models/house/versions/",
        {"version": "3.0", "image": "local/house:3.0"},
    ),
    ("version", "GET"): (READ, "teams/pricing/models/house/versions/1.0/", None),
    ("version", "PATCH"): (WRITE, "teams/pricing/models/house/versions/1.0/", {"framework": "numpy"}),
    ("version", "DELETE"): (WRITE, "teams/pricing/models/house/versions/1.0/", None),
    ("all-deployments", "GET"): (ANYBODY_IN, "deployments/", None),
    ("deployments", "GET"): (READ, "teams/pricing/deployments/", None),
    ("deployments", "POST"): (WRITE, "teams/pricing/deployments/", {"name": "two", "image": "local/iris:1"}),
    ("deployment", "GET"): (READ, ONE, None),
    ("deployment", "PATCH"): (WRITE, ONE, {"replicas": 2}),
    ("deployment", "DELETE"): (OWN_OR_LEAD, ONE, None),
    ("scale", "POST"): (WRITE, ONE + "scale/", {"replicas": 3}),
    ("restart", "POST"): (WRITE, ONE + "restart/", None),
    ("pause", "POST"): (WRITE, ONE + "pause/", None),
    ("resume", "POST"): (WRITE, ONE + "resume/", None),
    ("rollback", "POST"): (WRITE, ONE + "rollback/", {"revision": 1}),
    # Each of the deployments is refused by itself: see test_operating.
    ("bulk", "POST"): (
        ANYBODY_IN,
        "deployments/bulk/",
        {"action": "pause", "deployments": ["pricing/house"]},
    ),
    ("fix", "POST"): (WRITE, ONE + "fix/", {"code": "wrong_port"}),
    ("sizing", "GET"): (READ, ONE + "sizing/", None),
    ("sizing-apply", "POST"): (LEAD, ONE + "sizing/apply/", None),
    ("savings", "GET"): (ANYBODY_IN, "usage/savings/", None),
    ("schedules", "GET"): (READ, ONE + "schedules/", None),
    ("schedules", "POST"): (LEAD, ONE + "schedules/", {"cron": "0 8 * * *", "replicas": 2}),
    ("schedule", "GET"): (READ, ONE + "schedules/{schedule}/", None),
    ("schedule", "PATCH"): (LEAD, ONE + "schedules/{schedule}/", {"replicas": 3}),
    ("schedule", "DELETE"): (LEAD, ONE + "schedules/{schedule}/", None),
    ("revisions", "GET"): (READ, ONE + "revisions/", None),
    ("revision", "GET"): (READ, ONE + "revisions/1/", None),
    ("pods", "GET"): (READ, ONE + "pods/", None),
    ("pod", "DELETE"): (WRITE, ONE + "pods/house-1/", None),
    ("events", "GET"): (READ, ONE + "events/", None),
    ("timeline", "GET"): (READ, ONE + "timeline/", None),
    ("metrics", "GET"): (READ, ONE + "metrics/?window=24h", None),
    ("usage", "GET"): (ANYBODY_IN, "usage/", None),
    ("manifests", "GET"): (READ, ONE + "manifests/", None),
    ("logs", "GET"): (READ, ONE + "logs/", None),
    ("captured-logs", "GET"): (READ, ONE + "logs/captured/", None),
    ("captured-log", "GET"): (READ, ONE + "logs/captured/{captured}/", None),
    ("predict", "POST"): (WRITE, ONE + "predict/", {"body": {"instances": []}}),
    ("operations", "GET"): (ANYBODY_IN, "operations/", None),
    ("operation", "GET"): (READ, "operations/{operation}/", None),
    ("teams", "GET"): (ANYBODY_IN, "teams/", None),
    ("teams", "POST"): (ADMIN, "teams/", {"name": "audio"}),
    ("team", "GET"): (READ, "teams/pricing/", None),
    ("team", "PATCH"): (LEAD, "teams/pricing/", {"time_zone": "Europe/Berlin"}),
    ("happenings", "GET"): (READ, "teams/pricing/happenings/", None),
    ("webhooks", "GET"): (READ, "teams/pricing/webhooks/", None),
    ("webhooks", "POST"): (LEAD, "teams/pricing/webhooks/", {"url": "https://example.org/hook"}),
    ("webhook", "GET"): (READ, HOOK, None),
    ("webhook", "PATCH"): (LEAD, HOOK, {"enabled": False}),
    ("webhook", "DELETE"): (LEAD, HOOK, None),
    ("webhook-test", "POST"): (LEAD, HOOK + "test/", None),
    ("deliveries", "GET"): (READ, HOOK + "deliveries/", None),
    ("quota", "GET"): (READ, "teams/pricing/quota/", None),
    ("quota", "PUT"): (LEAD, "teams/pricing/quota/", {"cpu": {"limit": "4"}}),
    ("members", "GET"): (READ, "teams/pricing/members/", None),
    ("members", "POST"): (
        LEAD_WITH_ADMIN,
        "teams/pricing/members/",
        {"username": "newcomer", "role": "viewer"},
    ),
    ("member", "GET"): (READ, "teams/pricing/members/viewer/", None),
    ("member", "PATCH"): (LEAD_WITH_ADMIN, "teams/pricing/members/viewer/", {"role": "deployer"}),
    ("member", "DELETE"): (LEAD_WITH_ADMIN, "teams/pricing/members/viewer/", None),
    ("service-accounts", "GET"): (READ, "teams/pricing/service-accounts/", None),
    ("service-accounts", "POST"): (LEAD_WITH_ADMIN, "teams/pricing/service-accounts/", {"name": "cd"}),
    ("service-account", "GET"): (READ, "teams/pricing/service-accounts/ci/", None),
    ("service-account", "PATCH"): (
        LEAD_WITH_ADMIN,
        "teams/pricing/service-accounts/ci/",
        {"description": "builds"},
    ),
    ("service-account", "DELETE"): (LEAD_WITH_ADMIN, "teams/pricing/service-accounts/ci/", None),
    ("tokens", "GET"): (READ, "teams/pricing/tokens/", None),
    ("tokens", "POST"): (
        LEAD_WITH_ADMIN,
        "teams/pricing/tokens/",
        {"service_account": "ci", "name": "new", "scopes": ["read"]},
    ),
    ("token", "GET"): (READ, "teams/pricing/tokens/{token}/", None),
    ("token", "DELETE"): (LEAD_WITH_ADMIN, "teams/pricing/tokens/{token}/", None),
    ("team-audit", "GET"): (LEAD, "teams/pricing/audit/", None),
    ("audit", "GET"): (ADMIN, "audit/", None),
    ("my-tokens", "GET"): (ANYBODY_IN, "me/tokens/", None),
    ("my-tokens", "POST"): (ANYBODY_WITH_ADMIN, "me/tokens/", {"name": "new", "scopes": ["read"]}),
    ("my-token", "GET"): (OWN, "me/tokens/{own_token}/", None),
    ("my-token", "DELETE"): (OWN_WITH_ADMIN, "me/tokens/{own_token}/", None),
    ("registries", "GET"): (READ, "teams/pricing/registries/", None),
    ("registries", "POST"): (
        LEAD,
        "teams/pricing/registries/",
        {"registry": "quay.io", "username": "robot", "password": "x"},
    ),
    ("registry", "GET"): (READ, "teams/pricing/registries/ghcr.io/", None),
    ("registry", "PUT"): (LEAD, "teams/pricing/registries/ghcr.io/", {"username": "robot"}),
    ("registry", "DELETE"): (LEAD, "teams/pricing/registries/ghcr.io/", None),
    ("sizes", "GET"): (ANYBODY_IN, "sizes/", None),
    ("sizes", "POST"): (ADMIN, "sizes/", {"name": "tiny", "cpu": "50m"}),
    ("size", "GET"): (ANYBODY_IN, "sizes/big/", None),
    ("size", "PATCH"): (ADMIN, "sizes/big/", {"cpu": "60m"}),
    ("size", "DELETE"): (ADMIN, "sizes/big/", None),
    ("cluster", "GET"): (ANYBODY_IN, "clusters/local/", None),
    ("cluster", "PATCH"): (ADMIN, "clusters/local/", {"price_cpu_hour": "0.04"}),
    ("node-presets", "GET"): (ANYBODY_IN, "clusters/local/node-presets/", None),
    ("node-presets", "POST"): (
        ADMIN,
        "clusters/local/node-presets/",
        {"name": "t4", "node_selector": {"gpu": "t4"}},
    ),
    ("node-preset", "GET"): (ANYBODY_IN, "clusters/local/node-presets/a100/", None),
    ("node-preset", "PATCH"): (ADMIN, "clusters/local/node-presets/a100/", {"description": "Fast"}),
    ("node-preset", "DELETE"): (ADMIN, "clusters/local/node-presets/a100/", None),
    ("clusters", "GET"): (ANYBODY_IN, "clusters/", None),
    ("clusters", "POST"): (ADMIN, "clusters/", {"name": "second", "in_cluster": True}),
    ("cluster", "DELETE"): (ADMIN, "clusters/empty/", None),
    ("cluster-connection", "PUT"): (ADMIN, "clusters/local/connection/", {"in_cluster": True}),
    ("cluster-connection", "DELETE"): (ADMIN, "clusters/local/connection/", None),
    ("cluster-permissions", "GET"): (ADMIN, "clusters/local/permissions/", None),
    ("cluster-namespaces", "GET"): (ADMIN, "clusters/local/namespaces/", None),
    ("cluster-namespaces", "POST"): (ADMIN, "clusters/local/namespaces/", {"team": "vision"}),
    ("cluster-namespace", "PATCH"): (ADMIN, "clusters/local/namespaces/pricing/", {"isolated": True}),
    ("cluster-namespace", "DELETE"): (ADMIN, "clusters/empty/namespaces/pricing/", None),
    ("me", "GET"): (ANYBODY_IN, "me/", None),
    ("watch", "GET"): (ANYBODY_IN, "watch/", None),
    ("schema", "GET"): (OPEN, "schema/", None),
}
NOT_API = {"home", "docs", "not-here"}
# No worker and no stream answer in these tests: getting as far as asking them is being allowed.
ALLOWED = {200, 201, 202, 204, 501, 503}


def routes() -> Iterator[tuple[str, str]]:
    """Route and method, as the URLconf has them."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name in NOT_API:
            continue
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(getattr(pattern.callback, "view_class", None), method):
                yield str(pattern.name), method.upper()


def test_every_route_and_method_has_a_rule() -> None:
    assert sorted(routes()) == sorted(RULES)


@pytest.fixture
def callers(
    viewer: User, deployer: User, lead: User, admin: User, stranger: User, other_team: Team, team: Team
) -> dict[str, Caller]:
    program = intent.create_service_account(team, {"name": "ci"}, by=lead).user
    revoked, row = create_token(lead, "revoked", list(Scope))
    revoke(row)
    second = User.objects.create_user("second")
    team.memberships.create(user=second, role="deployer")
    return {
        "anonymous": Caller(Client()),
        "wrong token": Caller(Client(headers={"Authorization": "Bearer tim_" + "x" * 40})),
        "revoked token": Caller(Client(headers={"Authorization": f"Bearer {revoked}"})),
        "stranger": by_token(stranger, Scope.DEPLOY),
        "viewer": by_token(viewer, Scope.DEPLOY),
        "deployer": by_token(deployer, Scope.DEPLOY),
        "another deployer": by_token(second, Scope.DEPLOY),
        "lead": by_token(lead, Scope.DEPLOY),
        "lead with admin": by_token(lead, Scope.ADMIN),
        "service account": by_token(program, Scope.DEPLOY, team=team),
        "admin": by_token(admin, Scope.ADMIN),
        "read token": by_token(lead, Scope.READ),
        "token of another team": by_token(admin, Scope.DEPLOY, team=other_team),
    }


ALL = frozenset(
    {
        "stranger",
        "viewer",
        "deployer",
        "another deployer",
        "service account",
        "lead",
        "lead with admin",
        "admin",
        "read token",
        "token of another team",
    }
)
LEADERS = frozenset({"lead", "lead with admin", "admin", "read token"})
WITH_ADMIN = frozenset({"lead with admin", "admin"})
TEAM = ALL - {"stranger", "token of another team"}
MAY: dict[str, frozenset[str]] = {
    ANYBODY_IN: ALL,
    READ: TEAM,
    WRITE: TEAM - {"viewer"},
    OWN_OR_LEAD: LEADERS | {"deployer"},
    LEAD: LEADERS,
    LEAD_WITH_ADMIN: WITH_ADMIN,
    ADMIN: frozenset({"admin"}),
    ANYBODY_WITH_ADMIN: WITH_ADMIN,
    # Of a token that is the lead's.
    OWN: LEADERS - {"admin"},
    OWN_WITH_ADMIN: frozenset({"lead with admin"}),
}
# Whoever may know of it, and so is told that they may not, instead of that it is not there.
KNOWS = dict.fromkeys(MAY, TEAM) | {
    ADMIN: ALL,
    ANYBODY_WITH_ADMIN: ALL,
    OWN: LEADERS - {"admin"},
    OWN_WITH_ADMIN: LEADERS - {"admin"},
}


def expected(who: str, rule: str, method: str) -> set[int]:
    if rule == OPEN:
        return ALLOWED
    if who not in ALL:
        return {401}
    if who == "read token" and method != "GET":
        return {403}
    if who in MAY[rule]:
        return ALLOWED
    return {403} if who in KNOWS[rule] else {404}


@pytest.fixture
def kept(
    callers: dict[str, Caller], house: Deployment, team: Team, lead: User, admin: User, sealed: None
) -> dict[str, object]:
    """Something behind every address, and a diagnosis."""
    team.ml_models.create(name="unused")
    operation = intent.update_deployment(house, {"version": "2.0"}, by=lead)
    schedule = intent.add_schedule(house, {"cron": "0 20 * * *", "replicas": 1}, by=lead)
    intent.set_registry(team, {"registry": "ghcr.io", "username": "a", "password": "b"}, by=lead)
    for name in ("big", "bigger"):
        intent.save_size_preset({"name": name}, by=admin)
    Team.objects.create(name="vision")
    empty = Cluster.objects.create(name="empty")
    for one in Team.objects.exclude(name="vision"):
        Namespace.objects.create(cluster=empty, team=one, name=one.name)
    intent.save_node_preset(house.cluster, {"name": "a100", "node_selector": {"gpu": "a100"}}, by=admin)
    webhook, _ = intent.create_webhook(team, {"url": "https://example.org/hook"}, by=lead)
    log = house.captured_logs.create(pod="house-0", pod_uid="0", container="model", text="boom")
    house.refresh_from_db()
    house.diagnosis = WRONG_PORT
    house.save()
    Sizing.objects.create(
        deployment=house, revision=house.revision, computed_at=house.created_at, cpu=300, memory=2**28
    )
    _, token = create_token(User.objects.get(username="pricing:ci"), "pipeline", [Scope.READ], team=team)
    _, own_token = create_token(lead, "mine", [Scope.READ])
    tokens = {"token": token.pk, "own_token": own_token.pk}
    return {
        **tokens,
        "operation": operation.pk,
        "schedule": schedule.pk,
        "webhook": webhook.pk,
        "captured": log.pk,
    }


@pytest.mark.parametrize(("route", "method"), sorted(RULES))
def test_who_may(route: str, method: str, callers: dict[str, Caller], kept: dict[str, object]) -> None:
    rule, address, body = RULES[route, method]
    for who, caller in callers.items():
        with transaction.atomic():
            answer = caller.send(method, address.format_map(kept), body)
            transaction.set_rollback(True)
        assert answer.status_code in expected(who, rule, method), (who, answer.content[:300])


def test_lists_show_a_stranger_nothing_of_others(callers: dict[str, Caller], house: Deployment) -> None:
    for who in ("stranger", "token of another team"):
        for address in ("deployments/", "operations/"):
            assert callers[who].get(address).json()["count"] == 0, (who, address)
    assert callers["admin"].get("deployments/").json()["count"] == 1


# Of what another team has: a task, people, a token, a webhook's host, a line of a log.
CANARIES = (b"regression", b"deployer", b"second", b"pipeline", b"example.org", b"boom")


@pytest.mark.parametrize("who", ["stranger", "token of another team"])
def test_another_teams_names_are_in_no_answer(
    who: str, callers: dict[str, Caller], kept: dict[str, object], lead: User
) -> None:
    reading = [(rule, address) for (_, method), (rule, address, _) in RULES.items() if method == "GET"]
    seen = {address: callers["lead"].get(address.format_map(kept)).content for _, address in reading}
    assert all(any(canary in text for text in seen.values()) for canary in CANARIES)
    for rule, address in reading:
        if rule != OPEN:
            text = callers[who].get(address.format_map(kept)).content
            assert not [canary for canary in CANARIES if canary in text], address


def test_a_refused_write_leaves_no_trace(callers: dict[str, Caller], house: Deployment) -> None:
    callers["viewer"].post(ONE + "scale/", {"replicas": 9})
    house.refresh_from_db()
    assert (house.replicas, house.generation) == (1, 1)


def test_a_session_writes_only_with_the_csrf_token(deployer: User, house: Deployment) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(deployer)
    caller = Caller(browser)
    assert caller.get(ONE).status_code == 200
    assert caller.post(ONE + "restart/").status_code == 403
    browser.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    assert caller.post(ONE + "restart/", x_csrftoken="a" * 32).status_code == 202


def test_a_revoked_token_stops_at_once(deployer: User, team: Team) -> None:
    caller = by_token(deployer, Scope.READ)
    assert caller.get("me/").status_code == 200
    deployer.api_tokens.update(revoked_at=deployer.date_joined)
    answer = caller.get("me/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer é", "Bearer a b", "Basic eDp5", "nonsense", "Bearer \t"]
)
def test_a_strange_authorization_header_is_401(header: str, db: None) -> None:
    assert Caller(Client()).get("me/", authorization=header).status_code == 401

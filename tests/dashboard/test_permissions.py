"""Who may open what: every address of the pages, for every kind of person."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.urls import (
    cluster_pages,
    one_deployment,
    one_model,
    one_team,
    own_pages,
    platform_pages,
    urlpatterns,
    ways_in,
)
from deployments.models import Cluster, Deployment, NodePreset, RegistryCredential, SizePreset, Webhook
from deployments.sealing import ensure_sealing_key
from teams.models import ApiToken, Invitation, ServiceAccount, Team

# What anonymous, stranger, viewer, deployer, lead and admin get. 302 to anonymous is the way to sign in.
READ = (302, 404, 200, 200, 200, 200)
ALL_MAY = (302, 200, 200, 200, 200, 200)
NEEDS_DEPLOYER = (302, 403, 403, 200, 200, 200)
POST_ONLY = (302, 405, 405, 405, 405, 405)
ALL_LED_ON = (302, 302, 302, 302, 302, 302)
NOBODYS = (302, 404, 404, 404, 404, 404)
# A worker or a stream answers these; without Redis the tests see that nobody can be asked.
ASKS = (302, 404, 503, 503, 503, 503)

ONE = {"team": "pricing", "name": "house-prices"}
MODEL = {"team": "pricing", "name": "house"}
VERSION = {**MODEL, "version": "2.0"}
TEAM = {"team": "pricing"}
HOOK = {**TEAM, "webhook": "00000000-0000-0000-0000-000000000001"}
SIZE = {"size": "tiny"}
CLUSTER = {"cluster": "local"}
NODES = {**CLUSTER, "preset": "a100"}
ACCOUNT = {**TEAM, "account": "ci"}
INVITATION = {**TEAM, "invitation": "00000000-0000-0000-0000-000000000003"}
LINK = {"secret": "the-secret-of-a-link"}
TOKEN = {"token": "00000000-0000-0000-0000-000000000002"}
AUDIT = (302, 404, 403, 403, 200, 200)
CATALOGUE = (302, 404, 403, 200, 200, 200)
ADMIN = (302, 403, 403, 403, 403, 200)

GET_RULES: dict[str, tuple[dict[str, str], tuple[int, ...]]] = {
    "overview": ({}, ALL_MAY),
    "deployments": ({}, ALL_MAY),
    # Nothing is chosen: back to the list.
    "deployments-bulk": ({}, (302, 302, 302, 302, 302, 302)),
    "deployments-new": ({}, NEEDS_DEPLOYER),
    "deployments-new-name": ({}, POST_ONLY),
    "deployments-new-preview": ({}, POST_ONLY),
    "deployments-new-preflight": ({}, POST_ONLY),
    "models": ({}, ALL_MAY),
    "models-new": ({}, NEEDS_DEPLOYER),
    "model": (MODEL, READ),
    "model-edit": (MODEL, CATALOGUE),
    "model-archive": (MODEL, POST_ONLY),
    "model-delete": (MODEL, POST_ONLY),
    "model-version-new": (MODEL, CATALOGUE),
    "model-version-edit": (VERSION, CATALOGUE),
    "model-version-archive": (VERSION, POST_ONLY),
    "model-version-delete": (VERSION, POST_ONLY),
    # Whoever is in one team is led to it.
    "teams": ({}, (302, 200, 302, 302, 302, 200)),
    "teams-new": ({}, ADMIN),
    "team-rename": (TEAM, (302, 403, 403, 403, 403, 405)),
    "team-archive": (TEAM, (302, 403, 403, 403, 403, 405)),
    "team": (TEAM, READ),
    "team-time-zone": (TEAM, POST_ONLY),
    "team-quota": (TEAM, POST_ONLY),
    "team-audit": (TEAM, AUDIT),
    "team-member-add": (TEAM, POST_ONLY),
    "team-member-change": (TEAM, POST_ONLY),
    "team-member-remove": (TEAM, POST_ONLY),
    "team-invitation-make": (TEAM, POST_ONLY),
    "team-invitation-revoke": (INVITATION, POST_ONLY),
    "team-account-add": (TEAM, POST_ONLY),
    "team-account-change": (ACCOUNT, POST_ONLY),
    "team-account-end": (ACCOUNT, POST_ONLY),
    "team-token-make": (TEAM, POST_ONLY),
    "team-token-revoke": ({**TEAM, **TOKEN}, POST_ONLY),
    "team-registry": (TEAM, POST_ONLY),
    "team-registry-remove": (TEAM, POST_ONLY),
    "team-webhook-new": (TEAM, (302, 404, 403, 403, 200, 200)),
    "team-webhook": (HOOK, READ),
    "team-webhook-test": (HOOK, POST_ONLY),
    "team-webhook-delete": (HOOK, POST_ONLY),
    "notifications": ({}, ALL_MAY),
    "notifications-bell": ({}, ALL_MAY),
    "notifications-seen": ({}, POST_ONLY),
    "usage": ({}, ALL_MAY),
    # A stranger has no cluster of which there is anything to export.
    "usage-export": ({}, (302, 404, 200, 200, 200, 200)),
    "clusters": ({}, ADMIN),
    "clusters-connect": ({}, ADMIN),
    "clusters-one": (CLUSTER, ADMIN),
    # Asked of a worker, and there is no Redis here.
    "clusters-permissions": (CLUSTER, (302, 403, 403, 403, 403, 503)),
    "clusters-disconnect": (CLUSTER, (302, 403, 403, 403, 403, 405)),
    "clusters-forget": (CLUSTER, (302, 403, 403, 403, 403, 405)),
    "clusters-namespace-give": (CLUSTER, (302, 403, 403, 403, 403, 405)),
    "clusters-namespace": ({**CLUSTER, "namespace": "pricing"}, ADMIN),
    "clusters-namespace-take": ({**CLUSTER, "namespace": "pricing"}, (302, 403, 403, 403, 403, 405)),
    "platform": ({}, ADMIN),
    "platform-audit": ({}, ADMIN),
    "platform-size-new": ({}, ADMIN),
    "platform-size": (SIZE, ADMIN),
    "platform-size-delete": (SIZE, (302, 403, 403, 403, 403, 405)),
    "platform-cluster": (CLUSTER, ADMIN),
    "platform-nodes-new": (CLUSTER, ADMIN),
    "platform-nodes": (NODES, ADMIN),
    "platform-nodes-delete": (NODES, (302, 403, 403, 403, 403, 405)),
    "account": ({}, ALL_MAY),
    "account-token-make": ({}, POST_ONLY),
    "account-token-revoke": (TOKEN, POST_ONLY),
    "account-session-end": ({"session": TOKEN["token"]}, POST_ONLY),
    "account-sessions-end": ({}, POST_ONLY),
    "account-time-zone": ({}, POST_ONLY),
    # What is changed about signing in asks for the password first, or leads to it.
    "account_change_password": ({}, ALL_MAY),
    "account_reauthenticate": ({}, ALL_MAY),
    # Nobody here has a second factor: those who have are in test_two_factor.
    "mfa_reauthenticate": ({}, ALL_LED_ON),
    "mfa_reauthenticate_webauthn": ({}, ALL_LED_ON),
    "mfa_index": ({}, ALL_MAY),
    "mfa_activate_totp": ({}, ALL_LED_ON),
    "mfa_deactivate_totp": ({}, NOBODYS),
    "mfa_view_recovery_codes": ({}, NOBODYS),
    "mfa_generate_recovery_codes": ({}, ALL_LED_ON),
    "mfa_download_recovery_codes": ({}, NOBODYS),
    "mfa_add_webauthn": ({}, ALL_LED_ON),
    "mfa_remove_webauthn": ({"pk": "1"}, ALL_LED_ON),
    "deployment": (ONE, READ),
    "deployment-logs": (ONE, READ),
    "deployment-logs-download": (ONE, ASKS),
    "deployment-events": (ONE, READ),
    "deployment-audit": (ONE, AUDIT),
    "deployment-revisions": (ONE, READ),
    "deployment-rollback": ({**ONE, "number": "1"}, (302, 404, 403, 200, 200, 200)),
    "deployment-scaling": (ONE, READ),
    "deployment-sizing": (ONE, (302, 404, 403, 403, 200, 200)),
    "usage-savings": ({}, ALL_MAY),
    "deployment-schedule-next": (ONE, READ),
    "deployment-schedule-add": (ONE, POST_ONLY),
    "deployment-schedule-change": ({**ONE, "number": "1"}, POST_ONLY),
    "deployment-schedule-delete": ({**ONE, "number": "1"}, POST_ONLY),
    "deployment-pause": (ONE, POST_ONLY),
    "deployment-resume": (ONE, POST_ONLY),
    "deployment-usage": (ONE, READ),
    "deployment-try": (ONE, READ),
    "deployment-yaml": (ONE, READ),
    "deployment-yaml-download": (ONE, READ),
    "deployment-settings": (ONE, READ),
    "deployment-settings-preview": (ONE, POST_ONLY),
    "deployment-settings-preflight": (ONE, POST_ONLY),
    "deployment-scale": (ONE, POST_ONLY),
    "deployment-restart": (ONE, POST_ONLY),
    "deployment-roll-out": (ONE, POST_ONLY),
    "deployment-fix": (ONE, POST_ONLY),
    "deployment-delete": (ONE, POST_ONLY),
    "deployment-pod-delete": ({**ONE, "pod": "p"}, POST_ONLY),
    "sign-out": ({}, (405, 405, 405, 405, 405, 405)),
    "theme": ({}, (405, 405, 405, 405, 405, 405)),
    "language": ({}, (405, 405, 405, 405, 405, 405)),
    "sign-in": ({}, (200, 302, 302, 302, 302, 302)),
    "account_login": ({}, (200, 302, 302, 302, 302, 302)),
    # Between the password and being in; nobody here is.
    "mfa_authenticate": ({}, ALL_LED_ON),
    "mfa_login_webauthn": ({}, ALL_LED_ON),
    "oidc": ({}, (405, 405, 405, 405, 405, 405)),
    "oidc-callback": ({}, (404, 404, 404, 404, 404, 404)),
    # Whoever has the link.
    "invitation": (LINK, (200, 200, 200, 200, 200, 200)),
    "healthz": ({}, (200, 200, 200, 200, 200, 200)),
    # To this machine; test_metrics has the rest.
    "metrics": ({}, (200, 200, 200, 200, 200, 200)),
    "readyz": ({}, (200, 200, 200, 200, 200, 200)),
}
# Asynchronous; test_live.py has their rules.
STREAMS = {"live", "deployment-logs-follow"}

# What a write answers to anonymous, stranger, viewer, deployer (not its maker), lead and admin.
WRITE = (302, 404, 403, 302, 302, 302)
LEADS = (302, 404, 403, 403, 302, 302)
ADMINS = (302, 403, 403, 403, 403, 302)
OWN_TOKEN = (302, 201, 201, 201, 201, 201)
HOOK_URL = "https://example.org/hook"
QUANTITIES = {"cpu": "1", "cpu_limit": "1", "memory": "1Gi", "memory_limit": "1Gi"}
POST_RULES: dict[str, tuple[dict[str, str], dict[str, str], tuple[int, ...]]] = {
    "deployment-scale": (ONE, {"replicas": "3"}, WRITE),
    "deployment-restart": (ONE, {}, WRITE),
    "deployment-pause": (ONE, {}, WRITE),
    "deployment-resume": (ONE, {}, WRITE),
    "deployment-scaling": (ONE, {"mode": "fixed", "replicas": "3"}, WRITE),
    "deployment-rollback": ({**ONE, "number": "1"}, {}, (302, 404, 403, 422, 422, 422)),
    # Nothing is suggested for it.
    "deployment-sizing": (ONE, {}, (302, 404, 403, 403, 409, 409)),
    "deployment-schedule-add": (
        ONE,
        {"cron": "0 8 * * 1-5", "schedule.replicas": "3"},
        (302, 404, 403, 403, 302, 302),
    ),
    "deployment-schedule-change": ({**ONE, "number": "999"}, {}, (302, 404, 404, 404, 404, 404)),
    "deployment-schedule-delete": ({**ONE, "number": "999"}, {}, (302, 404, 404, 404, 404, 404)),
    # Whoever may not is told so in the row of each deployment; a stranger's choice is unknown.
    "deployments-bulk": (
        {},
        {"action": "restart", "chosen": "pricing/house-prices"},
        (302, 200, 200, 302, 302, 302),
    ),
    "deployment-roll-out": (ONE, {"version": "2.0"}, WRITE),
    # Nothing is wrong with it.
    "deployment-fix": (ONE, {"code": "crash"}, (302, 404, 403, 409, 409, 409)),
    "deployment-delete": (ONE, {"confirm": "house-prices"}, (302, 404, 403, 403, 302, 302)),
    "deployment-settings": (ONE, {"source": "version", "version": "house@2.0", "replicas": "2"}, WRITE),
    "deployment-try": (ONE, {"path": "/", "method": "POST"}, (302, 404, 403, 503, 503, 503)),
    "deployment-pod-delete": ({**ONE, "pod": "nope"}, {}, (302, 404, 403, 404, 404, 404)),
    "deployments-new": ({}, {"image": "local/house:1.0"}, (302, 403, 403, 302, 302, 302)),
    "deployments-new-name": ({}, {"image": "local/house:1.0"}, (302, 403, 403, 200, 200, 200)),
    "deployments-new-preview": ({}, {"image": "local/house:1.0"}, (302, 403, 403, 200, 200, 200)),
    "deployments-new-preflight": ({}, {"image": "local/house:1.0"}, (302, 403, 403, 200, 200, 200)),
    "deployment-settings-preview": (ONE, {"replicas": "2"}, (302, 404, 403, 200, 200, 200)),
    "deployment-settings-preflight": (ONE, {"replicas": "2"}, (302, 404, 403, 200, 200, 200)),
    "models-new": ({}, {"name": "iris"}, (302, 403, 403, 302, 302, 302)),
    "model-edit": (MODEL, {"task": "ranking"}, WRITE),
    "model-archive": (MODEL, {"archived": "true"}, WRITE),
    "model-delete": (MODEL, {"confirm": "house"}, (302, 404, 403, 409, 409, 409)),
    "model-version-new": (MODEL, {"version": "3.0", "image": "local/house:3.0"}, WRITE),
    "model-version-edit": (
        VERSION,
        {"image": "local/house:2.0", "port": "1", "health_path": "/healthz"},
        WRITE,
    ),
    "model-version-archive": (VERSION, {"archived": "true"}, WRITE),
    "model-version-delete": (VERSION, {"confirm": "2.0"}, WRITE),
    "team-time-zone": (TEAM, {"time_zone": "Europe/Berlin"}, LEADS),
    "teams-new": ({}, {"name": "vision"}, ADMINS),
    "team-rename": (TEAM, {"title": "Prices"}, ADMINS),
    # It has deployments.
    "team-archive": (TEAM, {}, (302, 403, 403, 403, 403, 409)),
    "team-quota": (TEAM, {"cluster": "local", "cpu.limit": "4"}, LEADS),
    "team-member-add": (TEAM, {"username": "newcomer", "role": "viewer"}, LEADS),
    "team-member-change": (TEAM, {"username": "deployer", "role": "viewer"}, LEADS),
    "team-member-remove": (TEAM, {"username": "deployer"}, LEADS),
    "team-invitation-make": (
        TEAM,
        {"invitee": "ana", "role": "viewer", "days": "7"},
        (302, 404, 403, 403, 201, 201),
    ),
    "team-invitation-revoke": (INVITATION, {}, LEADS),
    # An admin is in no team by themselves.
    "invitation": (LINK, {}, (422, 302, 409, 409, 409, 302)),
    "oidc": ({}, {}, (404, 404, 404, 404, 404, 404)),
    "mfa_authenticate": ({}, {}, ALL_LED_ON),
    "mfa_login_webauthn": ({}, {}, ALL_LED_ON),
    # With a mistake: the page again.
    "account_change_password": ({}, {}, ALL_MAY),
    "account_reauthenticate": ({}, {}, ALL_MAY),
    "mfa_reauthenticate": ({}, {}, ALL_LED_ON),
    "mfa_reauthenticate_webauthn": ({}, {}, ALL_LED_ON),
    "mfa_activate_totp": ({}, {}, ALL_LED_ON),
    "mfa_deactivate_totp": ({}, {}, NOBODYS),
    "mfa_generate_recovery_codes": ({}, {}, ALL_LED_ON),
    "mfa_add_webauthn": ({}, {}, ALL_LED_ON),
    "mfa_remove_webauthn": ({"pk": "1"}, {}, ALL_LED_ON),
    "team-account-add": (TEAM, {"name": "cd", "role": "viewer"}, LEADS),
    "team-account-change": (ACCOUNT, {"role": "viewer"}, LEADS),
    "team-account-end": (ACCOUNT, {}, LEADS),
    "team-token-make": (
        TEAM,
        {"service_account": "ci", "name": "new", "scopes": "read", "expires_at": "30"},
        (302, 404, 403, 403, 201, 201),
    ),
    "team-token-revoke": ({**TEAM, **TOKEN}, {}, LEADS),
    "account-token-make": ({}, {"name": "new", "scopes": "read", "expires_at": ""}, OWN_TOKEN),
    # A service account's: nobody's own.
    "account-token-revoke": (TOKEN, {}, (302, 404, 404, 404, 404, 404)),
    "account-session-end": ({"session": TOKEN["token"]}, {}, (302, 404, 404, 404, 404, 404)),
    "account-sessions-end": ({}, {}, (302, 302, 302, 302, 302, 302)),
    "account-time-zone": ({}, {"time_zone": "Europe/Berlin"}, (302, 302, 302, 302, 302, 302)),
    "team-registry": (TEAM, {"registry": "ghcr.io", "password": "p"}, LEADS),
    "team-registry-remove": (TEAM, {"registry": "ghcr.io"}, LEADS),
    "team-webhook-new": (
        TEAM,
        {"url": HOOK_URL, "events": "deployment.failed"},
        (302, 404, 403, 403, 201, 201),
    ),
    "team-webhook": (HOOK, {"url": HOOK_URL, "events": "deployment.failed"}, LEADS),
    "team-webhook-test": (HOOK, {}, LEADS),
    "team-webhook-delete": (HOOK, {}, LEADS),
    "notifications-seen": ({}, {}, (302, 302, 302, 302, 302, 302)),
    # Being allowed is getting as far as the mistake.
    "clusters-connect": ({}, {"name": "second"}, (302, 403, 403, 403, 403, 422)),
    "clusters-one": (CLUSTER, {}, (302, 403, 403, 403, 403, 422)),
    "clusters-disconnect": (CLUSTER, {"confirm": "local"}, ADMINS),
    "clusters-forget": (CLUSTER, {}, (302, 403, 403, 403, 403, 409)),
    "clusters-namespace-give": (CLUSTER, {"team": "nobody"}, (302, 403, 403, 403, 403, 422)),
    "clusters-namespace": ({**CLUSTER, "namespace": "pricing"}, {"isolated": "true"}, ADMINS),
    "clusters-namespace-take": ({**CLUSTER, "namespace": "pricing"}, {}, (302, 403, 403, 403, 403, 409)),
    "platform-size-new": ({}, {"name": "big", **QUANTITIES}, ADMINS),
    "platform-size": (SIZE, {"name": "tiny", **QUANTITIES}, ADMINS),
    "platform-size-delete": (SIZE, {}, ADMINS),
    "platform-cluster": (
        CLUSTER,
        {"gpu_resource": "amd.com/gpu", "currency": "EUR", "cost_basis": "used"},
        ADMINS,
    ),
    "platform-nodes-new": (CLUSTER, {"name": "h100", "node_selector": "gpu=h100"}, ADMINS),
    "platform-nodes": (NODES, {"name": "a100", "node_selector": "gpu=a100"}, ADMINS),
    "platform-nodes-delete": (NODES, {}, ADMINS),
}
PEOPLE = ("anonymous", "stranger", "viewer", "other_deployer", "lead", "admin")


@pytest.fixture
def other_deployer(team: object) -> User:
    """A deployer of the team who made nothing."""
    user = User.objects.create_user("other", password="other")
    team.memberships.create(user=user, role="deployer")  # type: ignore[attr-defined]
    return user


@pytest.fixture(autouse=True)
def kept(cluster: Cluster, team: Team) -> None:
    """What admins and leads keep: two sizes, nodes, a registry login, a webhook."""
    for name in ("tiny", "small"):
        SizePreset.objects.create(name=name, **QUANTITIES)
    NodePreset.objects.create(cluster=cluster, name="a100", node_selector={"gpu": "a100"})
    RegistryCredential.objects.create(team=team, registry="ghcr.io", username="bot", updated_by="lead")
    Webhook.objects.create(id=HOOK["webhook"], team=team, url=HOOK_URL, events=["deployment.failed"])
    Invitation.objects.create(
        id=INVITATION["invitation"],
        team=team,
        invitee="ana",
        role="viewer",
        created_by="lead",
        digest=hashlib.sha256(LINK["secret"].encode()).hexdigest(),
        expires_at=timezone.now() + timedelta(days=1),
    )
    program = User.objects.create_user("pricing:ci")
    team.memberships.create(user=program, role="deployer")
    ServiceAccount.objects.create(team=team, user=program, name="ci")
    ApiToken.objects.create(id=TOKEN["token"], user=program, team=team, name="pipeline", digest="x")
    ensure_sealing_key()


@pytest.fixture
def visitor(request: pytest.FixtureRequest) -> Callable[[str], Client]:
    def of(person: str) -> Client:
        client = Client()
        if person != "anonymous":
            client.force_login(request.getfixturevalue(person))
        return client

    return of


def test_every_address_has_a_rule() -> None:
    pages = [
        *urlpatterns,
        *one_deployment,
        *one_model,
        *one_team,
        *own_pages,
        *platform_pages,
        *cluster_pages,
        *ways_in,
    ]
    names = {getattr(entry, "name", None) for entry in pages} - {None}
    assert names == set(GET_RULES) | STREAMS


@pytest.mark.parametrize("address", sorted(GET_RULES))
def test_reading(address: str, deployment: Deployment, visitor: Callable[[str], Client]) -> None:
    arguments, expected = GET_RULES[address]
    url = reverse(address, kwargs=arguments)
    assert tuple(visitor(person).get(url).status_code for person in PEOPLE) == expected


@pytest.mark.parametrize("address", sorted(POST_RULES))
def test_writing(address: str, deployment: Deployment, visitor: Callable[[str], Client]) -> None:
    arguments, typed, expected = POST_RULES[address]
    answers = [sent(visitor(person), reverse(address, kwargs=arguments), typed) for person in PEOPLE]
    assert tuple(answer.status_code for answer in answers) == expected
    if answers[0].status_code == 302:
        assert answers[0]["Location"].startswith(reverse("sign-in"))


def sent(client: Client, url: str, typed: dict[str, Any]) -> Any:
    """What a form is answered with; what it did is taken back, so that the next one finds the same."""
    with transaction.atomic():
        answer = client.post(url, typed)
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize(
    "address", ["deployment", "deployments", "overview", "deployment-events", "usage", "deployment-usage"]
)
def test_a_fragment_has_the_permission_of_its_page(
    address: str, deployment: Deployment, visitor: Callable[[str], Client]
) -> None:
    arguments, expected = GET_RULES[address]
    url = reverse(address, kwargs=arguments)
    got = [visitor(person).get(url, headers={"HX-Request": "true"}) for person in PEOPLE]
    assert tuple(answer.status_code for answer in got[1:]) == expected[1:]
    assert got[0]["HX-Redirect"].startswith(reverse("sign-in"))
    assert all("HX-Request" in answer["Vary"] for answer in got[1:])


def test_a_stranger_sees_no_names(deployment: Deployment, visitor: Callable[[str], Client]) -> None:
    for address in ("overview", "deployments", "models", "usage"):
        assert b"house" not in visitor("stranger").get(reverse(address)).content


def test_nobody_writes_without_the_forms_own_token(deployment: Deployment, deployer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(deployer)
    assert client.post(reverse("deployment-scale", kwargs=ONE), {"replicas": "3"}).status_code == 403

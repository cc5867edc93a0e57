"""Who may open what: every address of the pages, for every kind of person."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboard.urls import one_deployment, urlpatterns
from deployments.models import Deployment

# What anonymous, stranger, viewer, deployer, lead and admin get. 302 to anonymous is the way to sign in.
READ = (302, 404, 200, 200, 200, 200)
ALL_MAY = (302, 200, 200, 200, 200, 200)
NEEDS_DEPLOYER = (302, 403, 403, 200, 200, 200)
POST_ONLY = (302, 405, 405, 405, 405, 405)
# A worker or a stream answers these; without Redis the tests see that nobody can be asked.
ASKS = (302, 404, 503, 503, 503, 503)

ONE = {"team": "pricing", "name": "house-prices"}
MODEL = {"team": "pricing", "name": "house"}

GET_RULES: dict[str, tuple[dict[str, str], tuple[int, ...]]] = {
    "overview": ({}, ALL_MAY),
    "deployments": ({}, ALL_MAY),
    "deployments-new": ({}, NEEDS_DEPLOYER),
    "deployments-new-name": ({}, NEEDS_DEPLOYER),
    "models": ({}, ALL_MAY),
    "models-new": ({}, NEEDS_DEPLOYER),
    "model": (MODEL, READ),
    "model-version-new": (MODEL, (302, 404, 403, 200, 200, 200)),
    "account": ({}, ALL_MAY),
    "deployment": (ONE, READ),
    "deployment-logs": (ONE, READ),
    "deployment-logs-download": (ONE, ASKS),
    "deployment-events": (ONE, READ),
    "deployment-revisions": (ONE, READ),
    "deployment-try": (ONE, READ),
    "deployment-yaml": (ONE, READ),
    "deployment-yaml-download": (ONE, READ),
    "deployment-settings": (ONE, READ),
    "deployment-scale": (ONE, POST_ONLY),
    "deployment-restart": (ONE, POST_ONLY),
    "deployment-roll-out": (ONE, POST_ONLY),
    "deployment-delete": (ONE, POST_ONLY),
    "deployment-pod-delete": ({**ONE, "pod": "p"}, POST_ONLY),
    "sign-out": ({}, (405, 405, 405, 405, 405, 405)),
    "theme": ({}, (405, 405, 405, 405, 405, 405)),
    "sign-in": ({}, (200, 302, 302, 302, 302, 302)),
    "healthz": ({}, (200, 200, 200, 200, 200, 200)),
    "readyz": ({}, (200, 200, 200, 200, 200, 200)),
}
# Asynchronous; test_live.py has their rules.
STREAMS = {"live", "deployment-logs-follow"}

# What a write answers to anonymous, stranger, viewer, deployer (not its maker), lead and admin.
WRITE = (302, 404, 403, 302, 302, 302)
POST_RULES: dict[str, tuple[dict[str, str], dict[str, str], tuple[int, ...]]] = {
    "deployment-scale": (ONE, {"replicas": "3"}, WRITE),
    "deployment-restart": (ONE, {}, WRITE),
    "deployment-roll-out": (ONE, {"version": "2.0"}, WRITE),
    "deployment-delete": (ONE, {"confirm": "house-prices"}, (302, 404, 403, 403, 302, 302)),
    "deployment-settings": (ONE, {"source": "version", "version": "house@2.0", "replicas": "2"}, WRITE),
    "deployment-try": (ONE, {"path": "/", "method": "POST"}, (302, 404, 403, 503, 503, 503)),
    "deployment-pod-delete": ({**ONE, "pod": "nope"}, {}, (302, 404, 403, 404, 404, 404)),
    "deployments-new": ({}, {"image": "local/house:1.0"}, (302, 403, 403, 302, 302, 302)),
    "models-new": ({}, {"name": "iris"}, (302, 403, 403, 302, 302, 302)),
    "model-version-new": (MODEL, {"version": "3.0", "image": "local/house:3.0"}, WRITE),
}
PEOPLE = ("anonymous", "stranger", "viewer", "other_deployer", "lead", "admin")


@pytest.fixture
def other_deployer(team: object) -> User:
    """A deployer of the team who made nothing."""
    user = User.objects.create_user("other", password="other")
    team.memberships.create(user=user, role="deployer")  # type: ignore[attr-defined]
    return user


@pytest.fixture
def visitor(request: pytest.FixtureRequest) -> Callable[[str], Client]:
    def of(person: str) -> Client:
        client = Client()
        if person != "anonymous":
            client.force_login(request.getfixturevalue(person))
        return client

    return of


def test_every_address_has_a_rule() -> None:
    names = {getattr(entry, "name", None) for entry in [*urlpatterns, *one_deployment]} - {None}
    assert names == set(GET_RULES) | STREAMS


@pytest.mark.parametrize("address", sorted(GET_RULES))
def test_reading(address: str, deployment: Deployment, visitor: Callable[[str], Client]) -> None:
    arguments, expected = GET_RULES[address]
    url = reverse(address, kwargs=arguments)
    assert tuple(visitor(person).get(url).status_code for person in PEOPLE) == expected


@pytest.mark.parametrize("address", sorted(POST_RULES))
@pytest.mark.parametrize("number", range(len(PEOPLE)))
def test_writing(address: str, number: int, deployment: Deployment, visitor: Callable[[str], Client]) -> None:
    arguments, typed, expected = POST_RULES[address]
    answer = visitor(PEOPLE[number]).post(reverse(address, kwargs=arguments), typed)
    assert answer.status_code == expected[number]
    if number == 0:
        assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("address", ["deployment", "deployments", "overview", "deployment-events"])
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
    for address in ("overview", "deployments", "models"):
        assert b"house" not in visitor("stranger").get(reverse(address)).content


def test_nobody_writes_without_the_forms_own_token(deployment: Deployment, deployer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(deployer)
    assert client.post(reverse("deployment-scale", kwargs=ONE), {"replicas": "3"}).status_code == 403

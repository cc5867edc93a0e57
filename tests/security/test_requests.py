"""What strangers' pages, proxies and hand-made requests try at the door."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as conf
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.logs import Lines
from deployments.errors import TooManyRequests
from deployments.limits import take_stream
from deployments.models import Deployment
from tests.dashboard.test_permissions import GET_RULES, POST_RULES, kept

__all__ = ["kept"]
ONE = {"team": "pricing", "name": "house-prices"}
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "\thttps://evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
)


def browser_of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    "headers", [{}, {"HX-Request": "true", "X-CSRFToken": "a" * 32}], ids=["form", "htmx"]
)
def test_no_form_of_another_site_is_taken(
    headers: dict[str, str], admin: User, deployment: Deployment
) -> None:
    client = browser_of(admin, enforce_csrf_checks=True)
    client.cookies[conf.CSRF_COOKIE_NAME] = "b" * 32
    for name, (arguments, typed, _) in POST_RULES.items():
        answer = client.post(reverse(name, kwargs=arguments), typed, headers=headers)
        assert answer.status_code == 403, name
    for name in ("sign-in", "sign-out", "theme", "language"):
        assert client.post(reverse(name), {"username": "admin"}, headers=headers).status_code == 403
    deployment.refresh_from_db()
    assert deployment.generation == 1


def test_a_page_of_another_site_cannot_use_a_token_that_it_stole_from_a_form(
    deployer: User, deployment: Deployment
) -> None:
    client = browser_of(deployer, enforce_csrf_checks=True)
    address, token = reverse("deployment-restart", kwargs=ONE), "b" * 32
    for origin, status in (("https://evil.example", 403), ("null", 403), ("http://testserver", 302)):
        client.cookies[conf.CSRF_COOKIE_NAME] = token
        headers = {"Origin": origin, "X-CSRFToken": token}
        assert client.post(address, headers=headers).status_code == status


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_way_back_leads_to_another_site(address: str, deployer: User, deployment: Deployment) -> None:
    def leads_to(answer: Any) -> str:
        return str(answer.get("Location", "") or answer.get("HX-Redirect", ""))

    client = browser_of(deployer)
    answers = [
        Client().post(reverse("sign-in"), {"username": "deployer", "password": "deployer", "next": address}),
        client.get(reverse("sign-in"), {"next": address}),
        client.post(reverse("theme"), {"theme": "dark", "next": address}),
        client.post(reverse("language"), {"language": "en", "next": address}),
        client.post(reverse("deployments-bulk"), {"action": "none", "next": address}),
        Client().get(reverse("overview"), headers={"HX-Request": "true", "HX-Current-URL": address.strip()}),
        client.post(reverse("sign-out"), {"next": address}),
    ]
    assert all(answer.status_code in (200, 302) for answer in answers)
    assert not [leads_to(answer) for answer in answers if not re.match(r"/(?![/\\])|$", leads_to(answer))]
    assert not [leads_to(answer) for answer in answers if "evil" in leads_to(answer).partition("?")[0]]


def test_only_our_own_host_is_answered_to(settings: Any, deployer: User) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    client = browser_of(deployer)
    for host in ("evil.example", "testserver.evil.example", "testserver@evil.example", "testserver:x"):
        answer = client.get(reverse("overview"), headers={"Host": host})
        assert (answer.status_code, b"evil" in answer.content) == (400, False)
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Original-URL": "/platform/",
        "X-Rewrite-URL": "/platform/",
    }
    answer = Client().get(reverse("overview"), headers=forged)
    assert answer["Location"] == f"{reverse('sign-in')}?next=/"


def test_a_method_is_what_it_is_sent_as(deployer: User, deployment: Deployment) -> None:
    client = browser_of(deployer)
    address = "/api/v1/teams/pricing/deployments/house-prices/"
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        body = '{"_method": "DELETE"}'
        answer = client.post(f"{address}?_method=DELETE", body, "application/json", headers={name: "DELETE"})
        assert answer.status_code == 405
        assert client.get(address, headers={name: "DELETE"}).status_code == 200
    assert client.post(reverse("deployment", kwargs=ONE), {"_method": "delete"}).status_code == 405
    deployment.refresh_from_db()
    assert deployment.delete_requested_at is None


@pytest.mark.parametrize(
    ("typed", "statuses"),
    [
        ({"task": "a" * 5_000_000}, {400, 413}),
        ({f"field-{number}": "x" for number in range(2_000)}, {400}),
        ({"task": ["x"] * 2_000}, {400}),
    ],
    ids=["5 MB", "fields", "repeats"],
)
def test_a_form_beyond_measure_is_not_read(
    typed: dict[str, Any], statuses: set[int], deployer: User, deployment: Deployment
) -> None:
    address = reverse("model-edit", kwargs={"team": "pricing", "name": "house"})
    assert browser_of(deployer).post(address, typed).status_code in statuses


def test_what_is_asked_for_begins_no_line_of_the_log(
    deployer: User, deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    forged = "%0d%0a12:00:00 INFO forged%1b[2J%c2%85%e2%80%a8%e2%80%ae"
    client = browser_of(deployer)
    for address in (f"/nothing{forged}", f"/api/v1/nothing{forged}", f"/deployments/?q={forged}"):
        client.get(address)
    client.post(f"/deployments/pricing/house-prices/pods/{forged}/delete")
    name = "a\r\n12:00:00 INFO forged\x1b[2J"
    client.post(reverse("sign-in"), {"username": name, "password": "x"})
    Client().post(reverse("sign-in"), {"username": name, "password": "x"})
    written = [Lines().format(record) for record in caplog.records if record.exc_info is None]
    assert any("forged" in line for line in written)
    assert not [line for line in written if re.search(r"[\r\n\x1b\x85\u2028\u202e]", line)]


# Tables in which reading may leave a trace: how long a session lasts, when a token was last used.
_MAY_CHANGE = re.compile(r'"(django_session|teams_signin|teams_apitoken|deployments_seenhappenings)"')


def writes(queries: CaptureQueriesContext) -> Iterator[str]:
    for query in queries:
        sql = query["sql"]
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) and not _MAY_CHANGE.search(sql):
            yield sql


def test_looking_changes_nothing(admin: User, deployment: Deployment) -> None:
    client = browser_of(admin)
    for name, (arguments, _) in GET_RULES.items():
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            client.get(reverse(name, kwargs=arguments))
            transaction.set_rollback(True)
        assert not list(writes(queries)), name


def test_a_thousand_streams_of_one_person_are_not_served(redis_url: str, settings: Any) -> None:
    settings.REDIS_URL = redis_url

    def opened() -> bool:
        try:
            take_stream(1)
        except TooManyRequests:
            return False
        return True

    assert sum(opened() for _ in range(1_000)) == settings.STREAMS_PER_USER

"""Every form of the pages, sent what no browser sends: the answer is a refusal in words, never a 500."""

from http.cookies import SimpleCookie
from typing import cast

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils.http import url_has_allowed_host_and_scheme
from hypothesis import HealthCheck, Phase, given, note, settings

from deployments import intent
from deployments.models import Cluster, Deployment
from tests.dashboard.test_permissions import POST_RULES, kept
from tests.deployments.held import a_pod
from tests.security.addresses import address_of, page_routes, takes_posts
from tests.security.strange import FOR_EVERYBODY, Sent, forms

__all__ = ["kept"]
AT_LENGTH = 20
# Asks a worker, and nobody is there to be asked.
ASKS = {"deployment-try"}
# What marks the place of a mistake: a field, a row, the form, or a whole page about it.
MARKS = (b'aria-invalid="true"', b'role="alert"', b"field-error", b"note-bad", b"empty-state")


@pytest.fixture
def values(deployment: Deployment, lead: User) -> dict[str, object]:
    """Something real behind every parameter, so that forms get as far as they can."""
    schedule = intent.add_schedule(deployment, {"cron": "0 8 * * *", "replicas": 2}, by=lead)
    a_pod(deployment, "local")
    Cluster.objects.create(name="empty")
    return {"schedule": schedule.pk}


def parameters_of(name: str, values: dict[str, object]) -> dict[str, object]:
    known: dict[str, object] = dict(POST_RULES[name][0]) if name in POST_RULES else {}
    return {**known, "number": values["schedule"]} if "schedule" in name else known


def test_every_form_has_its_fields_here(admin: User, values: dict[str, object]) -> None:
    client = Client()
    client.force_login(admin)
    anything = dict.fromkeys(
        ("team", "name", "pod", "version", "account", "size", "cluster", "preset", "namespace", "secret"),
        "nothing",
    ) | {
        "number": 1,
        "pk": 1,
        **dict.fromkeys(
            ("token", "webhook", "session", "invitation"), "00000000-0000-0000-0000-000000000009"
        ),
    }
    taking = {
        name
        for name, parameters in page_routes()
        if takes_posts(client, name, address_of(name, parameters, anything))
    }
    assert taking == {*POST_RULES, *FOR_EVERYBODY}


def test_no_form_breaks_whatever_it_is_sent(
    admin: User, values: dict[str, object], request: pytest.FixtureRequest
) -> None:
    session = Client()
    session.force_login(admin)
    tries = int(request.config.getoption("--examples"))
    broken: dict[str, str] = {}
    for name, parameters in page_routes():
        if name in POST_RULES or name in FOR_EVERYBODY:
            address = address_of(name, parameters, parameters_of(name, values))
            try:
                send_many(session, name, address, tries)
            except Exception as found:  # noqa: BLE001  one broken form does not hide the others
                broken[name] = "\n".join([repr(found), *getattr(found, "__notes__", ())])
    assert not broken, "\n\n".join(f"{name}: {why}" for name, why in broken.items())


def send_many(session: Client, name: str, address: str, tries: int) -> None:
    """Sends a form so many bodies; each leaves nothing behind."""

    @settings(
        max_examples=tries,
        # The same each time in the suite; anything else when there is time for it.
        derandomize=tries < AT_LENGTH,
        database=None,
        deadline=None,
        # A body is short enough to be read as it is, and each takes some milliseconds.
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(forms(name))
    def send(sent: Sent) -> None:
        note(f"{address} {sent.body[:2000]!r}")
        client = Client()
        client.cookies = SimpleCookie(session.cookies.output(header="", sep=";"))
        with transaction.atomic():
            answer = client.generic("POST", address, sent.body, sent.media)
            transaction.set_rollback(True)
        answered_well(name, cast("HttpResponse", answer))

    send()


def answered_well(name: str, answer: HttpResponse) -> None:
    """A success, a way on that stays here, or a mistake that is told where it is."""
    assert answer.status_code < 500 or (answer.status_code == 503 and name in ASKS), answer.content[:500]
    if answer.status_code in (301, 302):
        assert url_has_allowed_host_and_scheme(answer["Location"], allowed_hosts={"testserver"})
    if answer.status_code == 422:
        assert any(mark in answer.content for mark in MARKS), answer.content[-3000:]

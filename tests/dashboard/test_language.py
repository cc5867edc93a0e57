"""In which language a page is."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

PORTUGUESE = {"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.5"}


def language_of(client: Client, address: str, **headers: str) -> str:
    page = client.get(address, headers=headers).content.decode()
    return page.partition('<html lang="')[2].partition('"')[0]


def test_a_page_is_in_the_first_language_of_the_browser_that_there_is() -> None:
    sign_in = reverse("sign-in")
    assert language_of(Client(), sign_in) == "en"
    assert language_of(Client(), sign_in, **PORTUGUESE) == "pt-br"
    assert language_of(Client(), sign_in, **{"Accept-Language": "pt"}) == "pt-br"
    assert language_of(Client(), sign_in, **{"Accept-Language": "fi,de;q=0.5"}) == "en"


def test_what_was_chosen_stays_until_it_is_given_back_to_the_browser(browser: Client) -> None:
    account = reverse("account")
    answer = browser.post(reverse("language"), {"language": "pt-br", "next": account})
    assert answer["Location"] == account
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME]["httponly"]
    assert language_of(browser, account) == "pt-br"
    browser.post(reverse("language"), {"language": "tlh", "next": account})
    assert language_of(browser, account) == "pt-br"
    browser.post(reverse("language"), {"language": "", "next": account})
    assert language_of(browser, account) == "en"


def test_the_language_can_be_changed_before_signing_in() -> None:
    client = Client()
    page = client.get(reverse("sign-in"), headers=PORTUGUESE).content.decode()
    assert 'name="language" value="en"' in page
    client.post(reverse("language"), {"language": "en", "next": reverse("sign-in")})
    assert language_of(client, reverse("sign-in"), **PORTUGUESE) == "en"


def test_caches_know_what_the_page_depends_on() -> None:
    answer = Client().get(reverse("sign-in"), headers=PORTUGUESE)
    assert answer["Content-Language"] == "pt-br"
    assert {"Accept-Language", "Cookie"} <= {part.strip() for part in answer["Vary"].split(",")}


def test_programs_are_answered_in_english_whatever_they_ask_for() -> None:
    client = Client()
    answers = [client.get("/api/v1/teams/", headers=headers) for headers in ({}, PORTUGUESE)]
    assert answers[0].status_code == 401
    details = {answer.json()["detail"] for answer in answers}
    assert len(details) == 1
    assert "Content-Language" not in answers[1]
    assert client.get(reverse("api:docs"), headers=PORTUGUESE)["Content-Language"] == "pt-br"

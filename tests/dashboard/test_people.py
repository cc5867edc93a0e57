"""Members, service accounts and tokens on a team's page; tokens, sessions and clock on one's own."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments import intent
from teams.access import role_of
from teams.models import ApiToken, AuditEntry, SignIn, Team
from teams.roles import Role
from teams.tokens import authenticate

FIREFOX = "Mozilla/5.0 Firefox/140.0"


def words_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def url(name: str = "team", *more: object) -> str:
    return reverse(name, args=["pricing", *more])


@pytest.fixture(autouse=True)
def stage(team: Team) -> None:
    """The team pricing."""


@pytest.fixture
def desk(lead: User, browser_of: Callable[[User], Client]) -> Client:
    """The lead's browser."""
    return browser_of(lead)


def shown_token(page: str) -> str:
    found = re.search(r'id="new-token">(tim_\w{40})<', page)
    assert found
    return found[1]


def test_a_lead_adds_changes_and_removes_members(desk: Client, stranger: User, team: Team) -> None:
    page = words_of(
        desk.post(url("team-member-add"), {"username": "stranger", "role": "viewer"}, follow=True)
    )
    assert "Role of stranger" in page
    desk.post(url("team-member-change"), {"username": "stranger", "role": "deployer"})
    assert role_of(stranger, team) is Role.DEPLOYER
    page = words_of(desk.post(url("team-member-remove"), {"username": "stranger"}, follow=True))
    assert "Role of stranger" not in page
    assert role_of(stranger, team) is None


def test_whoever_is_added_without_an_account_looks_no_different(desk: Client, stranger: User) -> None:
    def row_of(username: str) -> str:
        typed = {"username": username, "role": "viewer"}
        page = words_of(desk.post(url("team-member-add"), typed, follow=True))
        rows = page.partition('id="members"')[2].partition("</tbody>")[0].split("<tr>")
        found = next(row for row in rows if username in row)
        return re.sub(r'value="\w{64}"', "", found.replace(username, "...")).strip()

    assert row_of("stranger") == row_of("nobodyes")


def test_a_mistake_about_a_member_is_said_at_its_field_and_what_was_typed_stays(desk: Client) -> None:
    answer = desk.post(url("team-member-add"), {"username": "a b", "role": "deployer"})
    page = words_of(answer)
    assert answer.status_code == 422
    assert 'id="member-username-error"' in page
    assert 'id="member-username" name="username" value="a b"' in page
    assert '<option value="deployer" selected>' in page


def test_the_last_lead_is_told_why_they_cannot_leave(desk: Client, lead: User, team: Team) -> None:
    answer = desk.post(url("team-member-remove"), {"username": "lead"})
    assert answer.status_code == 409
    assert "last lead" in words_of(answer)
    assert role_of(lead, team) is Role.LEAD


def test_whoever_leaves_is_led_away(browser: Client) -> None:
    answer = browser.post(url("team-member-remove"), {"username": "deployer"})
    assert answer["Location"] == reverse("teams")
    assert browser.get(url()).status_code == 404


def test_a_token_of_a_service_account_is_shown_once(desk: Client) -> None:
    desk.post(url("team-account-add"), {"name": "ci", "role": "deployer", "description": "Pipeline"})
    typed = {"service_account": "ci", "name": "pipeline", "scopes": "deploy", "expires_at": "30"}
    answer = desk.post(url("team-token-make"), typed)
    assert answer["Cache-Control"] == "no-store, private, no-cache"
    token = shown_token(words_of(answer))
    row = authenticate(token)
    assert row is not None
    assert row.expires_at is not None
    page = words_of(desk.get(url()))
    assert token not in page
    assert "Revoke token pipeline of pricing:ci" in page
    desk.post(url("team-token-revoke", row.pk))
    assert authenticate(token) is None
    page = words_of(desk.post(url("team-account-end", "ci"), follow=True))
    assert "End service account ci" not in page


@pytest.mark.parametrize(
    ("address", "typed", "error"),
    [
        ("team-account-add", {"name": "C I", "role": "viewer"}, "account-name-error"),
        (
            "team-token-make",
            {"service_account": "ci", "name": "", "scopes": "read", "expires_at": "30"},
            "token-name-error",
        ),
        (
            "team-token-make",
            {"service_account": "ci", "name": "n", "scopes": "admin", "expires_at": "30"},
            "token-scopes-error",
        ),
        (
            "team-token-make",
            {"service_account": "ci", "name": "n", "scopes": "read", "expires_at": "soon"},
            "token-expires_at-error",
        ),
    ],
)
def test_a_mistake_about_a_program_is_said_at_its_field(
    address: str, typed: dict[str, str], error: str, desk: Client, team: Team, lead: User
) -> None:
    intent.create_service_account(team, {"name": "ci"}, by=lead)
    answer = desk.post(url(address), typed)
    assert answer.status_code == 422
    assert f'id="{error}"' in words_of(answer)
    assert not ApiToken.objects.exists()


def test_ones_own_token_is_made_shown_once_and_revoked(browser: Client, deployer: User) -> None:
    typed = {"name": "laptop", "scopes": "deploy", "team": "pricing", "expires_at": ""}
    token = shown_token(words_of(browser.post(reverse("account-token-make"), typed)))
    row = authenticate(token)
    assert row is not None
    assert (row.user, row.scopes, row.expires_at) == (deployer, ["deploy"], None)
    page = words_of(browser.get(reverse("account")))
    assert token not in page
    assert "Revoke token laptop" in page
    assert "admin: also members" not in page
    browser.post(reverse("account-token-revoke", args=[row.pk]))
    assert authenticate(token) is None
    answer = browser.post(reverse("account-token-make"), {**typed, "scopes": "admin"})
    assert answer.status_code == 422
    assert 'id="scopes-error"' in words_of(answer)


def test_other_sessions_are_listed_and_ended(browser: Client, deployer: User) -> None:
    there = Client(headers={"User-Agent": FIREFOX}, REMOTE_ADDR="192.0.2.9")
    there.post(reverse("sign-in"), {"username": "deployer", "password": "deployer"})
    page = words_of(browser.get(reverse("account")))
    assert page.count('small">this browser') == 1
    assert FIREFOX in page
    assert "192.0.2.9" in page
    session = SignIn.objects.get(address="192.0.2.9")
    key = there.cookies[settings.SESSION_COOKIE_NAME].value
    assert session.session_key not in page
    # Whoever reads the table is not let in by what it has.
    assert key not in page
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert thief.get(reverse("account")).status_code == 302
    browser.post(reverse("account-session-end", args=[session.id]))
    assert there.get(reverse("account")).status_code == 302
    assert browser.get(reverse("account")).status_code == 200
    assert AuditEntry.objects.filter(action="end session").exists()


def test_signing_out_everywhere_else_keeps_this_browser_and_other_peoples(
    browser: Client, deployer: User, desk: Client, browser_of: Callable[[User], Client]
) -> None:
    elsewhere = browser_of(deployer)
    browser.post(reverse("account-sessions-end"))
    assert elsewhere.get(reverse("account")).status_code == 302
    assert browser.get(reverse("account")).status_code == 200
    assert desk.get(reverse("account")).status_code == 200


def test_nobody_ends_somebody_elses_session(browser: Client, desk: Client, lead: User) -> None:
    session = SignIn.objects.get(user=lead)
    assert browser.post(reverse("account-session-end", args=[session.id])).status_code == 404
    assert desk.get(reverse("account")).status_code == 200


def test_exact_times_are_shown_by_ones_own_clock(browser: Client) -> None:
    assert " UTC" in words_of(browser.get(reverse("account")))
    browser.post(reverse("account-time-zone"), {"time_zone": "Asia/Tokyo"})
    page = words_of(browser.get(reverse("account")))
    assert " JST" in page
    assert " UTC" not in page
    answer = browser.post(reverse("account-time-zone"), {"time_zone": "../etc/passwd"})
    assert answer.status_code == 422
    assert 'id="own-zone-error"' in words_of(answer)
    browser.cookies["time_zone"] = "../etc/passwd"
    assert browser.get(reverse("account")).status_code == 200

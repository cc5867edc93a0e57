"""Tokens are never good for more than whoever makes them, and end at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent, selectors
from deployments.errors import Conflict, DuplicateName, InvalidInput, NotFound
from teams.models import ApiToken, AuditEntry, Team
from teams.roles import Scope
from teams.tokens import authenticate, create_token


@pytest.mark.parametrize(
    ("person", "may"),
    [
        ("stranger", ["read"]),
        ("viewer", ["read"]),
        ("deployer", ["read", "deploy"]),
        ("lead", ["read", "deploy", "admin"]),
        ("admin", ["read", "deploy", "admin"]),
    ],
)
def test_scopes_are_at_most_what_the_role_allows(
    person: str, may: list[str], team: Team, request: pytest.FixtureRequest
) -> None:
    by: User = request.getfixturevalue(person)
    limit = None if person == "stranger" else "pricing"
    for scope in Scope:
        payload = {"name": f"for {scope}", "scopes": [scope.value], "team": limit}
        if scope.value in may:
            text, _ = intent.create_own_token(payload, by=by)
            found = authenticate(text)
            assert found is not None
            assert (found.user, found.scopes) == (by, [scope.value])
        else:
            with pytest.raises(InvalidInput, match="more than"):
                intent.create_own_token(payload, by=by)


def test_only_an_admin_has_a_token_that_decides_everywhere(team: Team, lead: User, admin: User) -> None:
    everywhere = {"name": "n", "scopes": ["admin"]}
    with pytest.raises(InvalidInput):
        intent.create_own_token(everywhere, by=lead)
    assert intent.create_own_token(everywhere, by=admin)[1].team is None


def test_what_a_token_makes_is_no_better_than_itself(team: Team, admin: User) -> None:
    soon = timezone.now() + timedelta(days=1)
    _, using = create_token(admin, "using", [Scope.DEPLOY], team=team, expires_at=soon)
    Team.objects.create(name="fraud")
    for wrong, field in (
        ({"scopes": ["admin"]}, "scopes[0]"),
        ({"team": "fraud"}, "team"),
        ({"expires_at": (soon + timedelta(seconds=1)).isoformat()}, "expires_at"),
    ):
        with pytest.raises(InvalidInput) as refused:
            intent.create_own_token({"name": "n", "scopes": ["read"], **wrong}, by=admin, using=using)
        assert [error.field for error in refused.value.errors] == [field]
    _, made = intent.create_own_token({"name": "n", "scopes": ["read"]}, by=admin, using=using)
    assert (made.team, made.expires_at) == (team, soon)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["root"]}, "scopes[0]"),
        ({"scopes": [1]}, "scopes[0]"),
        ({"team": "nowhere"}, "team"),
        ({"team": 1}, "team"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2030-13-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"user": "admin"}, "user"),
    ],
)
def test_bad_input_about_a_token_names_its_field(
    change: dict[str, object], field: str, team: Team, deployer: User
) -> None:
    with pytest.raises(InvalidInput) as refused:
        intent.create_own_token({"name": "n", "scopes": ["read"], **change}, by=deployer)
    assert [error.field for error in refused.value.errors] == [field]
    assert not ApiToken.objects.exists()


def test_another_team_is_as_unknown_as_one_that_does_not_exist(team: Team, stranger: User) -> None:
    def words(name: str) -> str:
        with pytest.raises(InvalidInput) as refused:
            intent.create_own_token({"name": "n", "scopes": ["read"], "team": name}, by=stranger)
        return refused.value.detail.replace(name, "...")

    assert words("pricing") == words("nowhere")


def test_a_name_is_used_once_while_its_token_lives(team: Team, deployer: User) -> None:
    payload = {"name": "laptop", "scopes": ["read"]}
    _, first = intent.create_own_token(payload, by=deployer)
    with pytest.raises(DuplicateName):
        intent.create_own_token(payload, by=deployer)
    intent.revoke_token(first, by=deployer)
    intent.create_own_token(payload, by=deployer)
    assert selectors.owned_tokens(deployer).count() == 1


def test_there_is_an_end_to_the_number_of_tokens(
    team: Team, deployer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.intent.tokens.MOST_TOKENS", 2)
    for number in range(2):
        intent.create_own_token({"name": f"n{number}", "scopes": ["read"]}, by=deployer)
    with pytest.raises(Conflict, match="revoke one first"):
        intent.create_own_token({"name": "more", "scopes": ["read"]}, by=deployer)


def test_nobody_revokes_somebody_elses_token(team: Team, deployer: User, lead: User, admin: User) -> None:
    text, row = intent.create_own_token({"name": "n", "scopes": ["read"]}, by=deployer)
    for other in (lead, admin):
        with pytest.raises(NotFound):
            intent.revoke_token(row, by=other)
    assert authenticate(text) is not None
    intent.revoke_token(row, by=deployer)
    assert authenticate(text) is None


def test_the_text_of_a_token_is_nowhere_but_in_its_answer(team: Team, lead: User) -> None:
    intent.create_service_account(team, {"name": "ci"}, by=lead)
    makers: tuple[Callable[[], Any], ...] = (
        lambda: intent.create_own_token({"name": "n", "scopes": ["read"]}, by=lead),
        lambda: intent.create_account_token(
            team, {"service_account": "ci", "name": "n", "scopes": ["read"]}, by=lead
        ),
    )
    for make in makers:
        text, _ = make()
        for stored in (ApiToken, AuditEntry):
            assert text[4:] not in str(list(stored._default_manager.values()))

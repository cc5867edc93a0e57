"""API tokens: shown once, stored as a hash, ended at once."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from teams.access import role_of, teams_of
from teams.models import ApiToken, AuditEntry, Membership, Team
from teams.roles import Role, Scope
from teams.tokens import authenticate, create_token, revoke

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("deployer")


def test_a_token_proves_its_owner_and_is_not_stored(user: User) -> None:
    token, row = create_token(user, "ci", [Scope.DEPLOY])
    assert (token[:4], len(token)) == ("tim_", 44)
    assert token not in str(ApiToken.objects.values())
    found = authenticate(token)
    assert found == row
    assert found is not None
    assert (found.user, found.scopes) == (user, ["deploy"])
    row.refresh_from_db()
    assert row.last_used_at is not None


def test_a_revoked_token_ends_at_once(user: User) -> None:
    token, row = create_token(user, "ci", [Scope.READ])
    revoke(row)
    assert authenticate(token) is None


def test_an_expired_token_is_none(user: User) -> None:
    token, _ = create_token(user, "ci", [Scope.READ], expires_at=timezone.now() - timedelta(seconds=1))
    assert authenticate(token) is None


def test_the_token_of_a_disabled_account_is_none(user: User) -> None:
    token, _ = create_token(user, "ci", [Scope.READ])
    user.is_active = False
    user.save()
    assert authenticate(token) is None


@pytest.mark.parametrize("text", ["", "tim_", "tim_" + "x" * 40, "Bearer x", "tim_" + "é" * 40])
def test_what_is_no_token_is_none(text: str) -> None:
    assert authenticate(text) is None


def test_the_command_prints_the_token_and_nothing_else(user: User) -> None:
    Membership.objects.create(team=Team.objects.create(name="ours"), user=user, role="deployer")
    out = StringIO()
    call_command("token", "create", "--user", "deployer", "--scope", "deploy", stdout=out)
    token = out.getvalue().strip()
    found = authenticate(token)
    assert found is not None
    assert found.scopes == ["deploy"]
    assert AuditEntry.objects.get().action == "create token"


def test_the_command_knows_nobody_else() -> None:
    with pytest.raises(CommandError, match="no account"):
        call_command("token", "create", "--user", "nobody", "--scope", "read")


@pytest.mark.parametrize(
    ("who", "arguments", "why"),
    [
        ("viewer", ["--scope", "deploy"], "may have: read; not deploy"),
        ("lead", ["--scope", "read", "--scope", "admin"], "may have: read, deploy; not admin"),
        ("viewer", ["--scope", "read", "--team", "theirs"], "not in team 'theirs'"),
        ("gone", ["--scope", "read"], "disabled"),
    ],
)
def test_the_command_makes_no_token_that_its_owner_could_not_make(
    who: str, arguments: list[str], why: str
) -> None:
    ours, _ = Team.objects.create(name="ours"), Team.objects.create(name="theirs")
    for name in ("viewer", "lead"):
        Membership.objects.create(team=ours, user=User.objects.create_user(name), role=name)
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError, match=why):
        call_command("token", "create", "--user", who, *arguments)
    assert not ApiToken.objects.exists()
    call_command("token", "create", "--user", "lead", "--scope", "admin", "--team", "ours", stdout=StringIO())
    assert ApiToken.objects.get().team == ours


def test_roles_are_those_of_the_membership(user: User) -> None:
    ours, theirs = Team.objects.create(name="ours"), Team.objects.create(name="theirs")
    Membership.objects.create(team=ours, user=user, role="deployer")
    admin = User.objects.create_superuser("admin")
    assert (role_of(user, ours), role_of(user, theirs)) == (Role.DEPLOYER, None)
    assert role_of(admin, theirs) is Role.LEAD
    assert list(teams_of(user)) == [ours]
    assert list(teams_of(admin)) == [ours, theirs]

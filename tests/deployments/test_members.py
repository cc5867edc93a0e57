"""Who is in a team: leads decide, a team keeps a lead, and nobody learns who has an account."""

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import RequestFactory

from deployments import intent, selectors
from deployments.errors import DuplicateName, InvalidInput, LastLead, NotFound, PermissionDenied
from teams.access import role_of
from teams.models import AuditEntry, Team
from teams.roles import Role, Scope
from teams.tokens import authenticate as owner_of
from teams.tokens import create_token


def entry(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


def test_a_lead_adds_somebody_gives_another_role_and_takes_them_out(
    team: Team, lead: User, stranger: User
) -> None:
    intent.add_member(team, {"username": "stranger", "role": "viewer"}, by=lead)
    assert role_of(stranger, team) is Role.VIEWER
    intent.change_member(team, "stranger", {"role": "deployer"}, by=lead)
    assert role_of(stranger, team) is Role.DEPLOYER
    intent.remove_member(team, "stranger", by=lead)
    assert role_of(stranger, team) is None
    changed = entry("change member")
    assert (changed.before, changed.after) == ({"role": "viewer"}, {"role": "deployer"})
    assert entry("remove member").before == {"role": "deployer"}


def test_whoever_has_no_account_yet_looks_no_different_and_joins_with_it(
    team: Team, lead: User, stranger: User
) -> None:
    known = intent.add_member(team, {"username": "stranger", "role": "viewer"}, by=lead)
    awaited = intent.add_member(team, {"username": "newcomer", "role": "viewer"}, by=lead)
    assert (known.username, awaited.username) == ("stranger", "newcomer")
    listed = [(row.username, row.role) for row in selectors.members_of(team)]
    assert listed == [("lead", "lead"), ("newcomer", "viewer"), ("stranger", "viewer")]
    records = AuditEntry.objects.filter(action="add member").order_by("id").values_list("after", "detail")
    assert len(set(map(str, records))) == 1
    with pytest.raises(DuplicateName):
        intent.add_member(team, {"username": "newcomer", "role": "lead"}, by=lead)
    newcomer = User.objects.create_user("newcomer")
    assert role_of(newcomer, team) is Role.VIEWER
    assert role_of(User.objects.create_user("somebody-else"), team) is None


def test_adding_costs_the_same_whether_there_is_such_an_account(
    team: Team, lead: User, stranger: User, django_assert_num_queries: Any
) -> None:
    def add(username: str, queries: int) -> None:
        with django_assert_num_queries(queries):
            intent.add_member(team, {"username": username, "role": "viewer"}, by=lead)

    for username in ("nobody", "stranger"):
        add(username, 9)


@pytest.mark.parametrize("leaves", [True, False])
def test_the_last_lead_neither_leaves_nor_is_lowered(
    leaves: bool, team: Team, lead: User, deployer: User, admin: User
) -> None:
    intent.add_member(team, {"username": "not-here-yet", "role": "lead"}, by=lead)
    with pytest.raises(LastLead, match="Make somebody else lead first"):
        if leaves:
            intent.remove_member(team, "lead", by=lead)
        else:
            intent.change_member(team, "lead", {"role": "viewer"}, by=admin)
    assert role_of(lead, team) is Role.LEAD
    intent.change_member(team, "deployer", {"role": "lead"}, by=lead)
    intent.remove_member(team, "lead", by=lead)
    assert role_of(lead, team) is None


def test_a_lead_who_cannot_sign_in_leads_nobody(team: Team, lead: User, deployer: User) -> None:
    intent.change_member(team, "deployer", {"role": "lead"}, by=lead)
    User.objects.filter(pk=deployer.pk).update(is_active=False)
    with pytest.raises(LastLead):
        intent.remove_member(team, "lead", by=lead)


def test_whoever_is_no_lead_changes_nothing_but_may_leave(team: Team, deployer: User, viewer: User) -> None:
    for attempt in (
        lambda: intent.add_member(team, {"username": "x", "role": "viewer"}, by=deployer),
        lambda: intent.change_member(team, "deployer", {"role": "lead"}, by=deployer),
        lambda: intent.remove_member(team, "viewer", by=deployer),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert AuditEntry.objects.filter(actor="deployer", allowed=False).count() == 3
    intent.remove_member(team, "viewer", by=viewer)
    assert role_of(viewer, team) is None


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"role": "viewer"}, "username"),
        ({"username": "a b", "role": "viewer"}, "username"),
        ({"username": "pricing:ci", "role": "viewer"}, "username"),
        ({"username": "x" * 151, "role": "viewer"}, "username"),
        ({"username": "x"}, "role"),
        ({"username": "x", "role": "admin"}, "role"),
        ({"username": "x", "role": "viewer", "admin": True}, "admin"),
    ],
)
def test_bad_input_about_a_member_names_its_field(
    payload: dict[str, object], field: str, team: Team, lead: User
) -> None:
    with pytest.raises(InvalidInput) as refused:
        intent.add_member(team, payload, by=lead)
    assert [error.field for error in refused.value.errors] == [field]


def test_tokens_for_a_team_end_with_the_membership(team: Team, lead: User, deployer: User) -> None:
    ours, _ = create_token(deployer, "ours", [Scope.DEPLOY], team=team)
    everywhere, _ = create_token(deployer, "everywhere", [Scope.DEPLOY])
    intent.remove_member(team, "deployer", by=lead)
    assert owner_of(ours) is None
    assert owner_of(everywhere) is not None


def test_nobody_signs_in_as_a_service_account(team: Team, lead: User) -> None:
    account = intent.create_service_account(team, {"name": "ci", "role": "deployer"}, by=lead)
    assert account.user.username == "pricing:ci"
    assert role_of(account.user, team) is Role.DEPLOYER
    for password in ("", "pricing:ci", "!"):
        assert (
            authenticate(RequestFactory().post("/sign-in/"), username="pricing:ci", password=password) is None
        )
    assert [row.username for row in selectors.members_of(team)] == ["lead"]


def test_an_ended_service_account_leaves_its_name_and_nothing_that_works(team: Team, lead: User) -> None:
    account = intent.create_service_account(team, {"name": "ci"}, by=lead)
    payload = {"service_account": "ci", "name": "pipeline", "scopes": ["deploy"]}
    text, row = intent.create_account_token(team, payload, by=lead)
    found = owner_of(text)
    assert found is not None
    assert (found.team, found.created_by, found.user) == (team, "lead", account.user)
    intent.end_service_account(account, by=lead)
    assert owner_of(text) is None
    assert not selectors.service_accounts_of(team).exists()
    with pytest.raises(NotFound):
        intent.end_service_account(account, by=lead)
    with pytest.raises(NotFound):
        intent.revoke_token(row, by=lead)
    with pytest.raises(DuplicateName, match="not given again"):
        intent.create_service_account(team, {"name": "ci"}, by=lead)


def test_a_service_account_never_leads(team: Team, lead: User) -> None:
    with pytest.raises(InvalidInput):
        intent.create_service_account(team, {"name": "ci", "role": "lead"}, by=lead)
    account = intent.create_service_account(team, {"name": "ci", "role": "viewer"}, by=lead)
    with pytest.raises(InvalidInput):
        intent.change_service_account(account, {"role": "lead"}, by=lead)
    wants = {"service_account": "ci", "name": "n", "scopes": ["deploy"]}
    with pytest.raises(InvalidInput) as refused:
        intent.create_account_token(team, wants, by=lead)
    assert [error.code for error in refused.value.errors] == ["beyond_rights"]

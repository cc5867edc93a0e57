"""Invitations: a link that lets one person into a team, once."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments import intent
from deployments.errors import NotFound
from teams.models import AuditEntry, Invitation, Membership, Team
from teams.roles import Role
from tests.deployments.together import at_once

GOOD = {"username": "newcomer", "password": "a long enough one", "again": "a long enough one"}


@pytest.fixture
def desk(lead: User, browser_of: Callable[[User], Client]) -> Client:
    """The lead's browser."""
    return browser_of(lead)


def invited(desk: Client, **form: str) -> str:
    """Makes a link; its path."""
    form = {"invitee": "ana@example.org", "role": "deployer", "days": "7", **form}
    answer = desk.post("/teams/pricing/invitations/make", form)
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    found = re.search(r"http://testserver(/invitations/[\w-]{43}/)", answer.content.decode())
    assert found is not None
    return found[1]


def role_of(username: str) -> str | None:
    row = Membership.objects.filter(user__username=username, team__name="pricing").first()
    return row.role if row else None


@pytest.mark.django_db
def test_somebody_new_makes_an_account_and_is_in_the_team(desk: Client) -> None:
    link = invited(desk)
    guest = Client()
    assert "Join Pricing" in guest.get(link).content.decode()
    assert guest.post(link, GOOD)["Location"] == "/sign-in/"
    assert role_of("newcomer") == "deployer"
    assert guest.post("/sign-in/", GOOD)["Location"] == "/"
    assert User.objects.get(username="newcomer").email == "ana@example.org"
    rows = AuditEntry.objects.filter(action__in=["invite", "create account", "join team"]).order_by("pk")
    assert [row.actor for row in rows] == ["lead", "newcomer", "newcomer"]
    kept = str(list(AuditEntry.objects.values())) + str(list(Invitation.objects.values()))
    assert link.split("/")[2] not in kept
    assert GOOD["password"] not in kept


@pytest.mark.django_db
def test_the_link_is_shown_once_and_the_open_one_is_listed(desk: Client, browser: Client) -> None:
    link = invited(desk)
    page = desk.get("/teams/pricing/").content.decode()
    assert link not in page
    assert "ana@example.org" in page
    assert "ana@example.org" not in browser.get("/teams/pricing/").content.decode()


@pytest.mark.django_db
def test_whoever_has_an_account_joins_with_it_after_saying_so(desk: Client, stranger: User) -> None:
    link = invited(desk, role="viewer")
    theirs = Client()
    theirs.force_login(stranger)
    assert "Join as stranger" in theirs.get(link).content.decode()
    assert role_of("stranger") is None
    assert theirs.post(link)["Location"] == "/teams/pricing/"
    assert role_of("stranger") == "viewer"
    assert Client().get(link).status_code == 404


@pytest.mark.django_db
def test_whoever_is_in_the_team_keeps_their_role_and_the_link_stays_open(desk: Client, lead: User) -> None:
    link = invited(desk, role="viewer")
    answer = desk.post(link)
    assert answer.status_code == 409
    assert "in team pricing already" in answer.content.decode()
    assert role_of("lead") == "lead"
    assert Client().get(link).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["used", "revoked", "over", "never made"])
def test_a_link_that_is_not_open_lets_nobody_in(desk: Client, end: str) -> None:
    link = invited(desk)
    row = Invitation.objects.get()
    if end == "used":
        Client().post(link, GOOD)
    elif end == "revoked":
        desk.post(f"/teams/pricing/invitations/{row.pk}/revoke")
    elif end == "over":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        link = "/invitations/guessed/"
    late = {**GOOD, "username": "latecomer"}
    assert [Client().get(link).status_code, Client().post(link, late).status_code] == [404, 404]
    assert not User.objects.filter(username="latecomer").exists()
    assert desk.get("/teams/pricing/").context["invitations"].count() == (end == "never made")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"username": ""}, "required"),
        ({"username": "a b"}, "letters, digits"),
        ({"username": "pricing:ci"}, "letters, digits"),
        ({"username": "LEAD"}, "taken"),
        ({"username": "kept"}, "taken"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"password": "newcomer1", "again": "newcomer1"}, "similar"),
        ({"password": "another", "again": "different"}, "not the same"),
        ({"username": "x" * 151}, "150"),
        ({"username": "a\0b"}, "NUL"),
    ],
)
def test_a_mistake_is_said_and_leaves_the_link_open(
    desk: Client, team: Team, typed: dict[str, str], said: str
) -> None:
    """A place that is kept for a name is not for whoever chooses it."""
    Membership.objects.create(team=Team.objects.create(name="vision"), awaited="kept", role=Role.LEAD)
    link = invited(desk)
    answer = Client().post(link, {**GOOD, **typed})
    assert answer.status_code in (409, 422)
    assert said in answer.content.decode()
    assert GOOD["password"] not in answer.content.decode()
    assert Invitation.objects.get().used_at is None
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_place_that_this_team_keeps_for_the_one_it_invites_is_theirs(desk: Client, team: Team) -> None:
    Membership.objects.create(team=team, awaited="newcomer", role=Role.DEPLOYER)
    link = invited(desk, invitee="newcomer", role="viewer")
    assert Client().post(link, GOOD).status_code == 302
    assert role_of("newcomer") == "deployer"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"invitee": ""}, "invitee"),
        ({"invitee": "a\x07b"}, "invitee"),
        ({"role": "owner"}, "role"),
        ({"days": "0"}, "days"),
        ({"days": "a week"}, "days"),
        ({"days": "400"}, "days"),
    ],
)
def test_a_bad_invitation_is_refused_at_its_field(desk: Client, form: dict[str, str], field: str) -> None:
    typed = {"invitee": "ana", "role": "viewer", "days": "7", **form}
    answer = desk.post("/teams/pricing/invitations/make", typed)
    assert answer.status_code == 422
    assert answer.context["inviting"].errors[field]
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_another_teams_lead_revokes_nothing(desk: Client, browser_of: Callable[[User], Client]) -> None:
    invited(desk)
    other = User.objects.create_user("other-lead")
    Membership.objects.create(team=Team.objects.create(name="vision"), user=other, role=Role.LEAD)
    row = Invitation.objects.get()
    for path in (f"/teams/pricing/invitations/{row.pk}/revoke", f"/teams/vision/invitations/{row.pk}/revoke"):
        assert browser_of(other).post(path).status_code == 404
    row.refresh_from_db()
    assert row.revoked_at is None


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_instant_one_gets_in(lead: User, team: Team, pytestconfig: Any) -> None:
    for number in range(pytestconfig.getoption("tries")):
        secret, _ = intent.invite(team, {"invitee": "ana", "role": "viewer"}, by=lead)

        def follow(name: str, secret: str = secret, number: int = number) -> User:
            payload = {"username": f"{name}-{number}", "password": "a long enough one"}
            return intent.join_as_new(secret, payload)

        answers = at_once(lambda: follow("ana"), lambda: follow("eve"))
        assert {type(answer) for answer in answers} == {User, NotFound}
        assert User.objects.filter(username__endswith=f"-{number}").count() == 1

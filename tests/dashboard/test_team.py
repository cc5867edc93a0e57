"""A team's page: who is in it, its clock, its logins to registries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments import intent
from deployments.models import Cluster, RegistryCredential
from teams.models import AuditEntry, Team

PASSWORD = "a very secret token"
LOGIN = {"registry": "ghcr.io", "username": "bot", "password": PASSWORD}


def words_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def url(name: str = "team") -> str:
    return reverse(name, args=["pricing"])


@pytest.fixture(autouse=True)
def stage(team: Team) -> None:
    """The team pricing."""


@pytest.fixture
def desk(lead: User, browser_of: Callable[[User], Client]) -> Client:
    """The lead's browser."""
    return browser_of(lead)


def test_members_and_roles_are_read_by_all_of_the_team(browser: Client, viewer: User, lead: User) -> None:
    page = words_of(browser.get(url()))
    for name in ("viewer", "deployer", "lead"):
        assert f"{name}</td>" in page
    assert "Your role: deployer" in page


def test_only_a_lead_finds_something_to_change(browser: Client, desk: Client) -> None:
    for address in ("team-time-zone", "team-registry"):
        assert url(address) in words_of(desk.get(url()))
        assert url(address) not in words_of(browser.get(url()))


def test_the_time_zone_is_changed_and_a_wrong_one_is_said_and_kept(desk: Client, team: Team) -> None:
    page = words_of(desk.post(url("team-time-zone"), {"time_zone": "America/Sao_Paulo"}, follow=True))
    assert "America/Sao_Paulo" in page
    team.refresh_from_db()
    assert team.time_zone == "America/Sao_Paulo"
    for wrong in ("Mars/Olympus", "", "../etc/passwd"):
        answer = desk.post(url("team-time-zone"), {"time_zone": wrong})
        assert answer.status_code == 422
        assert 'id="time-zone-error"' in words_of(answer)
        assert f'value="{wrong}"' in words_of(answer)
    team.refresh_from_db()
    assert team.time_zone == "America/Sao_Paulo"


def test_a_login_is_stored_sealed_and_its_password_is_shown_nowhere(desk: Client) -> None:
    answer = desk.post(url("team-registry"), LOGIN, follow=True)
    page = words_of(answer)
    assert "ghcr.io" in page
    assert "by lead" in page
    assert PASSWORD not in page
    row = RegistryCredential.objects.get()
    assert row.username == "bot"
    assert PASSWORD not in row.sealed_password
    assert all(PASSWORD not in str(entry.detail) for entry in AuditEntry.objects.all())


def test_a_password_left_empty_stays_as_it_is_stored(desk: Client) -> None:
    desk.post(url("team-registry"), LOGIN)
    sealed = RegistryCredential.objects.get().sealed_password
    desk.post(url("team-registry"), {"registry": "ghcr.io", "username": "other", "password": ""})
    row = RegistryCredential.objects.get()
    assert (row.username, row.sealed_password) == ("other", sealed)


@pytest.mark.parametrize(
    ("field", "value"),
    [("registry", "https://ghcr.io/v2"), ("registry", ""), ("username", ""), ("password", "")],
)
def test_a_mistake_in_a_login_is_said_at_its_field_and_the_password_does_not_come_back(
    field: str, value: str, desk: Client
) -> None:
    answer = desk.post(url("team-registry"), {**LOGIN, field: value})
    page = words_of(answer)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in page
    assert PASSWORD not in page
    assert not RegistryCredential.objects.exists()


def test_a_login_is_removed(desk: Client) -> None:
    desk.post(url("team-registry"), LOGIN)
    page = words_of(desk.post(url("team-registry-remove"), {"registry": "ghcr.io"}, follow=True))
    assert "is removed" in page
    assert not RegistryCredential.objects.exists()
    assert desk.post(url("team-registry-remove"), {"registry": "ghcr.io"}).status_code == 404


def test_a_login_that_pulls_an_image_stays_and_the_page_says_whose(
    desk: Client, make: Callable[..., Any]
) -> None:
    desk.post(url("team-registry"), LOGIN)
    deployment = make()
    deployment.spec["registry"] = "ghcr.io"
    deployment.save(update_fields=["spec"])
    answer = desk.post(url("team-registry-remove"), {"registry": "ghcr.io"})
    assert answer.status_code == 409
    assert "house-prices" in words_of(answer)
    assert RegistryCredential.objects.exists()


def test_whoever_is_in_several_teams_chooses_one(desk: Client, lead: User) -> None:
    assert desk.get(reverse("teams"))["Location"] == url()
    other = Team.objects.create(name="search", title="Search")
    other.memberships.create(user=lead, role="viewer")
    page = words_of(desk.get(reverse("teams")))
    assert "Search" in page
    assert "viewer" in page


def test_the_page_costs_the_same_however_many_are_in_the_team(desk: Client, team: Team, lead: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert desk.get(url()).status_code == 200
        return len(seen)

    intent.create_service_account(team, {"name": "ci"}, by=lead)
    before = queries()
    for number in range(10):
        person = User.objects.create_user(f"more-{number}")
        team.memberships.create(user=person, role="viewer")
        intent.create_service_account(team, {"name": f"ci-{number}"}, by=lead)
        RegistryCredential.objects.create(
            team=team, registry=f"r{number}.example.org", username="bot", updated_by="lead"
        )
    assert queries() == before <= 14


def test_an_admin_makes_renames_archives_and_brings_back_a_team(
    team: Team, cluster: Cluster, admin: User, browser_of: Callable[[User], Client]
) -> None:
    desk = browser_of(admin)
    refused = desk.post(reverse("teams-new"), {"name": "Vision", "title": "Computer vision"})
    assert refused.status_code == 422
    assert 'value="Computer vision"' in refused.content.decode()
    typed = {"name": "vision", "title": "Computer vision", "time_zone": "UTC", "cluster": "local"}
    made = desk.post(reverse("teams-new"), typed, follow=True)
    assert "<h1>Computer vision</h1>" in made.content.decode()
    assert "namespace <code>vision</code>" in made.content.decode()
    desk.post(reverse("team-rename", args=["vision"]), {"title": "Sight"})
    assert Team.objects.get(name="vision").title == "Sight"
    gone = desk.post(reverse("team-archive", args=["vision"]), follow=True).content.decode()
    assert "Bring team Sight back" in gone
    assert desk.get(reverse("team", args=["vision"])).status_code == 404
    back = desk.post(reverse("team-archive", args=["vision"]), {"back": "true"}, follow=True)
    assert "<h1>Sight</h1>" in back.content.decode()

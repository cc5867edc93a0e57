"""Places, read at once, say the same as each question that is asked for itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from teams.access import Places, role_of, teams_of
from teams.models import Membership, Team
from teams.roles import Role

NAMES = ("anna", "bruno", "clara", "admin", "stranger", "retired")


@pytest.fixture
def teams(db: None) -> list[Team]:
    return [
        Team.objects.create(name="pricing", title="Pricing"),
        Team.objects.create(name="fraud"),
        Team.objects.create(name="gone", archived_at=timezone.now()),
    ]


@pytest.fixture
def someone(teams: list[Team]) -> Callable[[str], User | AnonymousUser]:
    """By name: a viewer and lead, a deployer, one of an archived team, and those without a place."""
    people = {name: User.objects.create_user(name) for name in NAMES if name != "admin"}
    people["admin"] = User.objects.create_superuser("admin")
    for name, team, role in (
        ("anna", 0, Role.VIEWER),
        ("anna", 1, Role.LEAD),
        ("bruno", 0, Role.DEPLOYER),
        ("clara", 0, Role.VIEWER),
        ("clara", 2, Role.LEAD),
        ("retired", 0, Role.LEAD),
    ):
        Membership.objects.create(team=teams[team], user=people[name], role=role)
    User.objects.filter(username="retired").update(is_active=False)
    return lambda name: User.objects.get(username=name) if name else AnonymousUser()


@pytest.mark.parametrize("name", [*NAMES, ""])
def test_they_say_what_each_question_says(
    name: str, someone: Callable[[str], User | AnonymousUser], teams: list[Team]
) -> None:
    user = someone(name)
    places = Places(user)
    assert places.teams == list(teams_of(user))
    assert [places.role_of(team) for team in teams] == [role_of(user, team) for team in teams]
    may_deploy = any((role := role_of(user, team)) and role.covers(Role.DEPLOYER) for team in teams)
    assert places.may_deploy_somewhere == may_deploy
    rows = Membership.objects.order_by("pk")
    assert list(places.within(rows)) == list(rows.filter(team__in=teams_of(user)))
    for team in teams_of(user):
        role = role_of(user, team)
        assert places.may_deploy_in(team.pk) == (role is not None and role.covers(Role.DEPLOYER))


def test_they_are_read_once(
    someone: Callable[[str], User], teams: list[Team], django_assert_num_queries: Any
) -> None:
    places = Places(someone("anna"))
    with django_assert_num_queries(1):
        assert places.may_deploy_somewhere
        assert not places.may_deploy_in(teams[0].pk)
        assert places.role_of(teams[1]) is Role.LEAD
        assert [str(team) for team in places.teams] == ["fraud", "Pricing"]

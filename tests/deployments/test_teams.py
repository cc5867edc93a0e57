"""Teams are made, called otherwise, archived and brought back by admins."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import intent, selectors
from deployments.errors import (
    DuplicateName,
    InvalidInput,
    NamespaceInUse,
    NotFound,
    PermissionDenied,
    TeamInUse,
)
from deployments.models import Cluster, Deployment, ModelVersion, Namespace
from teams.access import Places, highest_role
from teams.models import AuditEntry, Team

pytestmark = pytest.mark.django_db


def test_a_team_is_made_with_a_namespace_called_like_it(cluster: Cluster, admin: User) -> None:
    payload = {"name": "vision", "title": "Vision", "time_zone": "Europe/Berlin", "cluster": "local"}
    made = intent.make_team(payload, by=admin)
    assert (str(made), made.time_zone) == ("Vision", "Europe/Berlin")
    assert Namespace.objects.get(team=made).name == "vision"
    actions = AuditEntry.objects.filter(team="vision").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["make team", "give namespace"]


@pytest.mark.parametrize(
    ("payload", "error", "field"),
    [
        ({}, InvalidInput, "name"),
        ({"name": "Vision"}, InvalidInput, "name"),
        ({"name": "1st"}, InvalidInput, "name"),
        ({"name": "a" * 41}, InvalidInput, "name"),
        ({"name": "vision", "title": "a\nb"}, InvalidInput, "title"),
        ({"name": "vision", "time_zone": "Mars"}, InvalidInput, "time_zone"),
        ({"name": "vision", "cluster": "nowhere"}, InvalidInput, "cluster"),
        ({"name": "vision", "members": []}, InvalidInput, "members"),
        ({"name": "pricing"}, DuplicateName, "name"),
        ({"name": "taken", "cluster": "local"}, NamespaceInUse, "cluster"),
        ({"name": "kube-system", "cluster": "local"}, InvalidInput, "cluster"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_nothing_is_made(
    team: Team, cluster: Cluster, admin: User, payload: dict[str, Any], error: Any, field: str
) -> None:
    Namespace.objects.update(name="taken")
    with pytest.raises(error) as refused:
        intent.make_team(payload, by=admin)
    assert refused.value.errors[0].field == field
    assert Team.objects.count() == 1


def test_leads_make_archive_and_rename_none(team: Team, lead: User) -> None:
    acts: tuple[Callable[[], object], ...] = (
        lambda: intent.make_team({"name": "vision"}, by=lead),
        lambda: intent.change_team(team, {"title": "Mine"}, by=lead),
        lambda: intent.change_team(team, {"archived": True}, by=lead),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    assert AuditEntry.objects.filter(allowed=False).count() == 3
    assert intent.change_team(team, {"time_zone": "Europe/Berlin"}, by=lead).time_zone == "Europe/Berlin"


def test_an_archived_team_is_there_for_admins_alone_until_it_is_back(
    team: Team, cluster: Cluster, house: ModelVersion, deployer: User, admin: User
) -> None:
    intent.change_team(team, {"archived": True}, by=admin)
    for person in (deployer, admin):
        assert not selectors.teams_of(person).exists()
        with pytest.raises(NotFound):
            selectors.get_team(person, "pricing")
    assert highest_role(deployer) is None
    assert not Places(deployer).may_deploy_somewhere
    assert not selectors.archived_teams(deployer).exists()
    # Even with a team that was read before.
    payload = {"name": "house-prices", "model": "house", "version": "1.0"}
    with pytest.raises(NotFound):
        intent.create_deployment(team, payload, by=deployer)
    assert not Deployment.objects.exists()
    back = intent.change_team(selectors.get_any_team(admin, "pricing"), {"archived": False}, by=admin)
    assert intent.create_deployment(back, payload, by=deployer).deployment.team == team


def test_a_team_with_deployments_is_not_archived(deployment: Deployment, admin: User) -> None:
    with pytest.raises(TeamInUse, match="1 deployments"):
        intent.change_team(deployment.team, {"archived": True}, by=admin)
    assert Team.objects.get().archived_at is None

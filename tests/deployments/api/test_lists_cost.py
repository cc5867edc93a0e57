"""A list costs the same number of queries however long it is."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import intent
from deployments.models import Deployment
from teams.models import Team
from teams.roles import Scope
from teams.tokens import create_token
from tests.deployments.api.caller import Caller
from tests.deployments.api.conftest import House, by_token

ONE = "teams/pricing/deployments/house-0/"
# Token, its last use, the count and the page are four; the rest is what finds the row in question.
BUDGETS = {
    "deployments/": 6,
    "teams/pricing/deployments/": 7,
    "teams/pricing/models/": 9,
    "teams/pricing/models/house/versions/": 9,
    "operations/": 6,
    "sizes/": 4,
    "clusters/local/node-presets/": 7,
    "teams/pricing/registries/": 6,
    "teams/pricing/happenings/": 6,
    "teams/pricing/webhooks/": 7,
    ONE + "schedules/": 7,
    "teams/pricing/members/": 6,
    "teams/pricing/service-accounts/": 7,
    "teams/pricing/tokens/": 6,
    "me/tokens/": 5,
    "clusters/": 6,
    "usage/savings/": 6,
    # Clusters, nodes, pods, teams and places; then what deployments of the page hold and cost.
    "usage/": 24,
    ONE + "pods/": 7,
    ONE + "events/": 7,
    ONE + "logs/captured/": 7,
    ONE + "revisions/": 8,
    ONE + "timeline/": 7,
}


@pytest.mark.parametrize("address", sorted(BUDGETS))
def test_a_list_stays_within_its_queries(
    address: str, api: Caller, team: Team, lead: User, make_house: House, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        account = intent.create_service_account(team, {"name": f"ci-{number}"}, by=lead)
        create_token(account.user, "pipeline", [Scope.READ], team=team)
    rows: list[Deployment] = [make_house(f"house-{number}") for number in range(12)]
    assert rows
    with django_assert_max_num_queries(BUDGETS[address]):
        assert api.get(address).status_code == 200


@pytest.mark.parametrize(("address", "budget"), [("teams/pricing/audit/", 7), ("audit/", 5)])
def test_a_page_of_the_audit_costs_the_same_however_long_it_is(
    address: str, budget: int, admin: User, make_house: House, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        make_house(f"house-{number}")
    reader = by_token(admin, Scope.ADMIN)
    with django_assert_max_num_queries(budget):
        assert reader.get(address).json()["count"] > 12

"""Right-sizing over REST."""

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.models import Deployment, Sizing
from teams.roles import Scope
from tests.deployments.api.caller import Caller
from tests.deployments.api.conftest import by_token

ONE = "teams/pricing/deployments/house/"


def suggest(row: Deployment) -> None:
    Sizing.objects.create(
        deployment=row,
        computed_at=timezone.now(),
        revision=row.revision,
        hours=48,
        cpu=50,
        memory=96 * 2**20,
        waste_hour="0.5",
        saving_hour="0.2",
    )


def test_a_size_is_read_and_applied(house: Deployment, lead: User) -> None:
    suggest(house)
    caller = by_token(lead, Scope.DEPLOY)
    found = caller.get(ONE + "sizing/").json()
    assert (found["suggested"]["cpu"], found["suggested"]["memory"]) == ("50m", "96Mi")
    assert (found["waste_month"], found["saving_month"], found["currency"]) == ("365.00", "146.00", "USD")
    answer = caller.post(ONE + "sizing/apply/", if_match=f'"{house.generation}"')
    assert answer.status_code == 202
    assert answer.json()["deployment"]["resources"]["cpu"] == "50m"
    assert caller.post(ONE + "sizing/apply/").json()["code"] == "nothing_to_apply"


def test_a_stale_if_match_is_refused(house: Deployment, lead: User) -> None:
    suggest(house)
    caller = by_token(lead, Scope.DEPLOY)
    caller.post(ONE + "scale/", {"replicas": 3})
    assert caller.post(ONE + "sizing/apply/", if_match=f'"{house.generation}"').status_code == 412


def test_why_nothing_is_suggested_is_told(house: Deployment, api: Caller) -> None:
    found = api.get(ONE + "sizing/").json()
    assert (found["suggested"], found["reason"][:13]) == (None, "Not looked at")


def test_savings_list_the_most_wasteful_first_of_ones_teams(
    house: Deployment, api: Caller, stranger: User
) -> None:
    suggest(house)
    (found,) = api.get("usage/savings/?team=pricing").json()["results"]
    assert (found["team"], found["deployment"], found["waste_month"]) == ("pricing", "house", "365.00")
    assert api.get("usage/savings/?team=fraud").json()["count"] == 0
    assert by_token(stranger, Scope.READ).get("usage/savings/").json()["count"] == 0

"""What crashed containers wrote, over REST."""

import pytest

from deployments.models import CapturedLog, Deployment
from tests.deployments.api.caller import Caller
from tests.deployments.api.conftest import House

HOSTILE = "one\r\n\x1b[31mred</script><img src=x onerror=alert(1)>\n\ndata: 1\n\u202eback\n"
LIST = "teams/pricing/deployments/house/logs/captured/"


@pytest.fixture
def log(house: Deployment) -> CapturedLog:
    kept: CapturedLog = house.captured_logs.create(
        pod="house-gone",
        pod_uid="0",
        container="model",
        run=2,
        exit_code=137,
        reason="OOMKilled",
        text=HOSTILE,
    )
    return kept


def test_the_list_leads_to_the_text_as_it_was_written(api: Caller, log: CapturedLog) -> None:
    [told] = api.get(LIST).json()["results"]
    assert (told["pod"], told["run"], told["exit_code"], told["reason"]) == (
        "house-gone",
        2,
        137,
        "OOMKilled",
    )
    answer = api.get(told["text"])
    assert answer.content.decode() == HOSTILE
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_log_is_that_of_its_own_deployment_only(api: Caller, log: CapturedLog, make_house: House) -> None:
    make_house("other")
    assert api.get(f"{LIST}{log.pk}/").status_code == 200
    assert api.get(f"teams/pricing/deployments/other/logs/captured/{log.pk}/").status_code == 404
    assert api.get("teams/pricing/deployments/other/logs/captured/").json()["count"] == 0
    assert api.get(f"{LIST}{log.pk + 1}/").status_code == 404

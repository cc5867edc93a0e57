"""One action on several deployments, chosen in the list."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments import intent
from deployments.models import Deployment

Make = Callable[..., Deployment]
BULK = reverse("deployments-bulk")
LIST = reverse("deployments")


@pytest.fixture
def three(make: Make) -> list[Deployment]:
    return [make(name) for name in ("a", "b", "c")]


def choose(action: str, *names: str, **more: str) -> dict[str, str | list[str]]:
    return {"action": action, "chosen": [f"pricing/{name}" for name in names], **more}


def test_the_list_offers_a_box_for_each_row_that_may_be_changed(
    three: list[Deployment], browser: Client, browser_of: Callable[[User], Client], viewer: User
) -> None:
    page = browser.get(LIST).content.decode()
    assert page.count('name="chosen"') == 3
    assert 'id="bulk"' in page
    page = browser_of(viewer).get(LIST).content.decode()
    assert 'name="chosen"' not in page
    assert 'id="bulk"' not in page


def test_nothing_is_done_before_it_is_confirmed(three: list[Deployment], browser: Client) -> None:
    page = browser.get(BULK, choose("pause", "a", "b")).content.decode()
    assert "Pause 2 deployments" in page
    assert page.count('type="hidden" name="chosen"') == 2
    assert Deployment.objects.filter(paused_at=None).count() == 3


def test_all_that_were_chosen_change_and_the_list_comes_back_as_it_was(
    three: list[Deployment], browser: Client
) -> None:
    back = f"{LIST}?sort=state"
    answer = browser.post(BULK, choose("pause", "a", "b", next=back))
    assert answer["Location"] == back
    paused = Deployment.objects.exclude(paused_at=None).values_list("name", flat=True)
    assert set(paused) == {"a", "b"}
    assert "Pausing a, b." in browser.get(back).content.decode()
    browser.post(BULK, choose("resume", "a", "b"))
    browser.post(BULK, choose("scale", "a", "c", replicas="4"))
    assert list(Deployment.objects.order_by("name").values_list("replicas", flat=True)) == [4, 1, 4]
    assert not Deployment.objects.exclude(paused_at=None).exists()


def test_what_was_refused_is_told_row_by_row_and_the_others_are_done(
    three: list[Deployment], browser: Client, deployer: User
) -> None:
    intent.autoscale(three[1], {"max_replicas": 3, "target_cpu_percent": 70}, by=deployer)
    page = browser.get(BULK, choose("scale", "a", "b", "gone", replicas="2")).content.decode()
    assert "An autoscaler owns its count." in page
    assert "Scale 1 of 3 deployments" in page
    answer = browser.post(BULK, choose("scale", "a", "b", "gone", replicas="2"))
    page = answer.content.decode()
    assert "Scale: 1 of 3 done" in page
    assert "An autoscaler keeps b" in page
    assert "There is no deployment" in page
    assert Deployment.objects.get(name="a").replicas == 2


@pytest.mark.parametrize("typed", ["", "many", "-1", "100000"])
def test_a_count_that_cannot_be_is_refused_at_its_field_for_all(
    typed: str, three: list[Deployment], browser: Client
) -> None:
    answer = browser.post(BULK, choose("scale", "a", "b", replicas=typed))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="replicas-error"' in page
    assert f'value="{typed}"' in page
    assert not Deployment.objects.exclude(replicas=1).exists()


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"action": "pause"},
        {"action": "delete", "chosen": "pricing/a"},
        {"action": "pause", "chosen": "x"},
    ],
)
def test_nothing_chosen_or_an_unknown_action_goes_back_to_the_list(
    typed: dict[str, str], three: list[Deployment], browser: Client
) -> None:
    for answer in (browser.get(BULK, typed), browser.post(BULK, typed)):
        assert answer["Location"] == LIST
    assert not Deployment.objects.exclude(generation=1).exists()


def test_it_never_leads_to_another_site(three: list[Deployment], browser: Client) -> None:
    answer = browser.post(BULK, choose("pause", "a", next="https://evil.example/"))
    assert answer["Location"] == LIST


def test_a_way_back_that_is_no_address_of_ours_breaks_nothing(browser: Client) -> None:
    for back in ("-1", "sign-out", "a b", "\r\nX: y"):
        answer = browser.post(BULK, {"next": back})
        assert answer.status_code == 302
        assert "X" not in answer.headers


def test_other_teams_deployments_look_like_none(
    three: list[Deployment], browser_of: Callable[[User], Client], stranger: User
) -> None:
    page = browser_of(stranger).get(BULK, choose("pause", "a")).content.decode()
    assert "There is no such deployment any more." in page
    assert reverse("deployment", args=["pricing", "a"]) not in page
    browser_of(stranger).post(BULK, choose("pause", "a"))
    assert not Deployment.objects.exclude(paused_at=None).exists()


def test_confirming_many_costs_as_much_as_confirming_one(make: Make, browser: Client) -> None:
    names = [make(f"d{number}").name for number in range(12)]

    def queries(chosen: list[str]) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(BULK, choose("pause", *chosen)).status_code == 200
        return len(seen)

    assert queries(names) == queries(names[:1]) <= 8

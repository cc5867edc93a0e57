"""The scaling tab: who owns the count, schedules, and what the autoscaler does and why."""

from collections.abc import Callable

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments import intent
from deployments.models import Deployment, Event
from deployments.selectors import present_autoscaler
from k8s.facts import AutoscalerFacts, Condition, MetricFacts
from teams.models import Team

AUTOMATIC = {
    "mode": "automatic",
    "replicas": "1",
    "min_replicas": "2",
    "max_replicas": "6",
    "target_cpu_percent": "70",
    "target_memory_percent": "",
    "scale_down_seconds": "60",
}
BOUNDS = {"min_replicas": 2, "max_replicas": 6, "target_cpu_percent": 70}


def url(name: str, *more: object) -> str:
    return reverse(name, args=["pricing", "house-prices", *more])


@pytest.fixture(autouse=True)
def stage(deployment: Deployment) -> None:
    """The deployment house-prices, running."""


def test_the_card_hands_the_count_to_an_autoscaler_and_takes_it_back(
    browser: Client, deployment: Deployment
) -> None:
    assert browser.post(url("deployment-scaling"), AUTOMATIC)["Location"] == url("deployment-scaling")
    deployment.refresh_from_db()
    assert deployment.autoscaling is not None
    assert deployment.autoscaling["max_replicas"] == 6
    assert deployment.autoscaling["scale_down_seconds"] == 60
    overview = browser.get(url("deployment")).content.decode()
    assert 'name="replicas"' not in overview
    assert "The autoscaler owns the count" in overview
    assert url("deployment-scaling") in overview
    browser.post(url("deployment-scaling"), {"mode": "fixed", "replicas": "4"})
    deployment.refresh_from_db()
    assert (deployment.autoscaling, deployment.replicas, deployment.generation) == (None, 4, 3)


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("min_replicas", "9"),
        ("max_replicas", "many"),
        ("target_cpu_percent", "0"),
        ("scale_down_seconds", "-1"),
    ],
)
def test_a_refused_setting_is_said_at_its_field_and_kept(field: str, typed: str, browser: Client) -> None:
    answer = browser.post(url("deployment-scaling"), {**AUTOMATIC, field: typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'value="{typed}"' in page
    assert f'id="{field}-error"' in page
    assert 'value="automatic" checked' in page


def test_a_card_from_before_somebody_elses_change_is_not_saved_over_it(
    browser: Client, deployment: Deployment, lead: User
) -> None:
    intent.scale(deployment, 5, by=lead)
    answer = browser.post(url("deployment-scaling"), {**AUTOMATIC, "generation": "1"})
    assert answer.status_code == 412
    assert 'role="alert"' in answer.content.decode()
    deployment.refresh_from_db()
    assert (deployment.replicas, deployment.autoscaling) == (5, None)


def test_scaling_by_hand_what_an_autoscaler_owns_is_refused(browser: Client, deployment: Deployment) -> None:
    browser.post(url("deployment-scaling"), AUTOMATIC)
    answer = browser.post(url("deployment-scale"), {"replicas": "3"})
    assert answer.status_code == 409
    assert "autoscaler keeps" in answer.content.decode()


def observe(deployment: Deployment, *conditions: Condition, current: int | None = 90, wants: int = 5) -> None:
    facts = AutoscalerFacts(
        uid="h",
        name="house-prices",
        target="house-prices",
        min_replicas=2,
        max_replicas=6,
        current_replicas=3,
        desired_replicas=wants,
        metrics=(MetricFacts(resource="cpu", target=70, current=current),),
        conditions=conditions,
    )
    Deployment.objects.filter(pk=deployment.pk).update(
        autoscaling=BOUNDS, autoscaler=msgspec.to_builtins(facts)
    )
    deployment.refresh_from_db()


@pytest.mark.parametrize(
    ("conditions", "words", "troubled"),
    [
        ((), "Scales up to 5: CPU is at 90 % of the request, the target is 70 %", False),
        (
            (Condition(type="ScalingActive", status="False", reason="FailedGetResourceMetric"),),
            "It cannot decide yet: FailedGetResourceMetric.",
            True,
        ),
        (
            (Condition(type="ScalingLimited", status="True", reason="TooManyReplicas"),),
            "More are needed, but 6 is the most it may ask for.",
            False,
        ),
        (
            (Condition(type="AbleToScale", status="True", reason="ScaleDownStabilized"),),
            "the need was higher within the last 300 s",
            False,
        ),
    ],
)
def test_the_autoscalers_last_decision_is_told_with_its_reason(
    conditions: tuple[Condition, ...],
    words: str,
    troubled: bool,
    browser: Client,
    deployment: Deployment,
) -> None:
    observe(deployment, *conditions)
    shown = present_autoscaler(deployment)
    assert shown is not None
    assert words in shown.decision
    assert shown.troubled is troubled
    page = browser.get(url("deployment-scaling")).content.decode()
    assert words in page
    assert "90 %" in page


def test_a_paused_deployment_shows_no_autoscaler(browser: Client, deployment: Deployment, lead: User) -> None:
    observe(deployment)
    intent.pause(deployment, by=lead)
    deployment.refresh_from_db()
    assert present_autoscaler(deployment) is None
    assert "nobody while paused" in browser.get(url("deployment-scaling")).content.decode()


def test_leads_make_schedules_in_their_teams_time_zone_and_others_read_them(
    browser: Client, browser_of: Callable[[User], Client], lead: User, deployment: Deployment
) -> None:
    Team.objects.update(time_zone="America/Sao_Paulo")
    leads = browser_of(lead)
    typed = {"cron": "0 8 * * 1-5", "schedule.replicas": "5"}
    assert leads.post(url("deployment-schedule-add"), typed).status_code == 302
    for browser_ in (leads, browser):
        page = browser_.get(url("deployment-scaling")).content.decode()
        assert "At 08:00 on Monday through Friday" in page
        assert "5 replicas" in page
        assert "08:00</time>, America/Sao_Paulo" in page
        assert ('id="add-schedule"' in page) is (browser_ is leads)
    assert "Next change" in browser.get(url("deployment")).content.decode()
    schedule = deployment.schedules.get()
    leads.post(url("deployment-schedule-change", schedule.pk), {"enabled": "0"})
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_at) == (False, None)
    assert "Next change" not in browser.get(url("deployment")).content.decode()
    assert browser.post(url("deployment-schedule-delete", schedule.pk)).status_code == 403
    leads.post(url("deployment-schedule-delete", schedule.pk))
    assert not deployment.schedules.exists()


@pytest.mark.parametrize("cron", ["", "soon", "61 * * * *", "0 8 * *", "0 0 8 * * 1"])
def test_a_time_that_is_none_is_refused_at_its_field(
    cron: str, browser_of: Callable[[User], Client], lead: User
) -> None:
    typed = {"cron": cron, "schedule.replicas": "5"}
    answer = browser_of(lead).post(url("deployment-schedule-add"), typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="add-schedule"' in page
    assert 'id="schedule-replicas" name="schedule.replicas" value="5"' in page
    assert "field-error" in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({}, "a minimum and a maximum for the autoscaler"),
        ({"schedule.min_replicas": "2"}, "belong together"),
        ({"schedule.min_replicas": "4", "schedule.max_replicas": "2"}, "field-error"),
    ],
)
def test_a_schedule_of_bounds_that_lacks_some_is_refused_in_sight(
    typed: dict[str, str],
    words: str,
    browser_of: Callable[[User], Client],
    lead: User,
    deployment: Deployment,
) -> None:
    leads = browser_of(lead)
    leads.post(url("deployment-scaling"), AUTOMATIC)
    sent = {"cron": "0 8 * * 1-5", "schedule.min_replicas": "", "schedule.max_replicas": "", **typed}
    answer = leads.post(url("deployment-schedule-add"), sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in page
    assert words in page
    assert not deployment.schedules.exists()


def test_what_an_autoscaler_has_not_decided_yet_is_not_told_as_none(
    browser: Client, deployment: Deployment
) -> None:
    observe(deployment, current=None, wants=0)
    assert "nothing yet" in browser.get(url("deployment-scaling")).content.decode()
    observe(deployment, wants=5)
    assert "nothing yet" not in browser.get(url("deployment-scaling")).content.decode()


def test_troubles_of_an_autoscaler_are_told_in_plain_words(browser: Client, deployment: Deployment) -> None:
    observe(deployment)
    Event.objects.create(
        cluster=deployment.cluster,
        deployment=deployment,
        uid="e",
        object_kind="HorizontalPodAutoscaler",
        object_name=deployment.name,
        type="Warning",
        reason="FailedGetResourceMetric",
        message="failed to get cpu utilization: unable to get metrics",
        first_at=timezone.now(),
        last_at=timezone.now(),
    )
    page = browser.get(url("deployment-scaling")).content.decode()
    assert ">The autoscaler has no figures yet<" in page
    assert 'title="failed to get cpu utilization' in page


def test_what_a_time_means_is_told_while_it_is_typed_and_without_javascript(
    browser_of: Callable[[User], Client], lead: User
) -> None:
    fragment = browser_of(lead).get(url("deployment-schedule-next"), {"cron": "30 7 * * 1"})
    text = fragment.content.decode()
    assert "At 07:30 on Monday" in text
    assert text.count("<time") == 3
    assert "HX-Request" in fragment["Vary"]
    wrong = browser_of(lead).get(url("deployment-schedule-next"), {"cron": "x"}).content.decode()
    assert "field-error" in wrong
    page = browser_of(lead).get(url("deployment-scaling"), {"cron": "30 7 * * 1"}).content.decode()
    assert "At 07:30 on Monday" in page
    assert 'value="30 7 * * 1"' in page


def test_a_schedule_that_would_do_nothing_says_so(
    browser_of: Callable[[User], Client], lead: User, deployment: Deployment
) -> None:
    intent.add_schedule(deployment, {"cron": "0 8 * * *", "replicas": 3}, by=lead)
    intent.autoscale(deployment, BOUNDS, by=lead)
    page = browser_of(lead).get(url("deployment-scaling")).content.decode()
    assert "Skipped while an autoscaler owns the count." in page


def test_many_schedules_cost_as_much_as_one(browser: Client, deployment: Deployment, lead: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(url("deployment-scaling")).status_code == 200
        return len(seen)

    intent.add_schedule(deployment, {"cron": "0 8 * * *", "replicas": 3}, by=lead)
    one = queries()
    for hour in range(9, 19):
        intent.add_schedule(deployment, {"cron": f"0 {hour} * * *", "replicas": 3}, by=lead)
    assert queries() == one <= 12

"""What the form shows beside itself is what would be applied, and nothing that is secret."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from deployments import intent
from deployments.models import Cluster, Deployment, Model
from k8s import manifests
from teams.models import Team

NEW = reverse("deployments-new")
PREVIEW = reverse("deployments-new-preview")
PREFLIGHT = reverse("deployments-new-preflight")
TYPED = {"source": "image", "image": "local/house:1.0", "name": "prices", "replicas": "2", "preset": "small"}
SECRET = "correct-horse-battery"
BUDGET = 25


@pytest.fixture(autouse=True)
def stage(cluster: Cluster, house: Model) -> None:
    """A cluster to deploy to and a model to deploy."""


def test_the_preview_is_the_yaml_that_would_be_applied(browser: Client, team: Team, deployer: User) -> None:
    typed = {
        **TYPED,
        "scaling": "auto",
        "autoscaling.max_replicas": "4",
        "autoscaling.target_cpu_percent": "60",
    }
    payload: dict[str, Any] = {
        "image": "local/house:1.0",
        "name": "prices",
        "preset": "small",
        "autoscaling": {"max_replicas": 4, "target_cpu_percent": 60},
    }
    wanted = manifests.to_yaml(manifests.build(intent.draft(team, payload, by=deployer).wish))
    page = browser.post(PREVIEW, typed).content.decode()
    assert escape(wanted) in page
    assert "HorizontalPodAutoscaler" in page
    assert not Deployment.objects.exists()


def test_the_preview_stays_the_same_while_nothing_is_typed(browser: Client) -> None:
    typed = {**TYPED, "env.name": "KEY", "env.kind": "secret", "env.value": SECRET}
    assert browser.post(PREVIEW, typed).content == browser.post(PREVIEW, typed).content


def test_an_unfinished_form_is_told_what_is_missing_and_keeps_the_last_preview(browser: Client) -> None:
    page = browser.post(PREVIEW, {**TYPED, "resources.memory": "1Gb"}).content.decode()
    assert '<a href="#resources-memory">' in page
    assert "preview-body" not in page
    nothing = browser.post(PREVIEW, {"source": "image", "image": ""}).content.decode()
    assert "Name an image or a version" in nothing


def test_the_preflight_says_what_could_not_be_checked(browser: Client) -> None:
    page = browser.post(PREFLIGHT, TYPED).content.decode()
    assert 'class="check-unknown"' in page
    assert "not checked" in page


def test_a_secret_that_was_typed_is_in_no_answer(browser: Client, deployment: Deployment) -> None:
    secret = {"env.name": "API_KEY", "env.kind": "secret", "env.value": SECRET}
    change = [deployment.team.name, deployment.name]
    answers = [
        browser.post(reverse("deployments-new-name"), {**TYPED, **secret}),
        browser.post(PREVIEW, {**TYPED, **secret}),
        browser.post(PREFLIGHT, {**TYPED, **secret}),
        browser.post(NEW, {**TYPED, **secret, "then": "check"}),
        browser.post(NEW, {**TYPED, **secret, "port": "0"}),
        browser.post(reverse("deployment-settings-preview", args=change), secret),
        browser.post(reverse("deployment-settings-preflight", args=change), secret),
        browser.post(reverse("deployment-settings", args=change), {**secret, "port": "0"}),
        browser.post(NEW, {**TYPED, **secret}, follow=True),
    ]
    made = [deployment.team.name, "prices"]
    answers += [
        browser.get(reverse(name, args=made))
        for name in ("deployment", "deployment-settings", "deployment-yaml", "deployment-revisions")
    ]
    answers.append(browser.get(NEW, {"clone": "pricing/prices"}))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 422, 200, 200, 422] + [200] * 6
    assert not any(SECRET in answer.content.decode() for answer in answers)
    assert Deployment.objects.get(name="prices").spec["env"][0]["secret"] is True


def test_a_secret_that_came_back_with_an_error_has_to_be_typed_again(browser: Client) -> None:
    typed = {**TYPED, "env.name": "API_KEY", "env.kind": "secret", "env.value": SECRET}
    row = browser.post(NEW, {**typed, "port": "0"}).context["form"].env[0]
    assert (row.state, row.value) == ("lost", "")
    again = browser.post(NEW, {**typed, "env.value": "", "env.state": row.state})
    assert again.status_code == 422
    assert "Type the value again" in again.content.decode()
    assert not Deployment.objects.exists()


def test_a_viewer_gets_no_preview(
    deployment: Deployment, viewer: User, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(viewer)
    assert browser.post(PREVIEW, TYPED).status_code == 403
    change = reverse("deployment-settings-preview", args=["pricing", deployment.name])
    assert browser.post(change, {"replicas": "2"}).status_code == 403
    page = browser.get(reverse("deployment-settings", args=["pricing", deployment.name])).content.decode()
    assert "data-asks" not in page


@pytest.mark.parametrize("address", [PREVIEW, PREFLIGHT])
def test_a_look_costs_few_queries_however_much_there_is(
    address: str, browser: Client, make: Callable[..., Deployment]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.post(address, TYPED).status_code == 200
        return len(seen)

    few = queries()
    for number in range(5):
        make(f"more-{number}")
    assert queries() == few <= BUDGET


def test_without_a_script_a_check_shows_the_same_and_stores_nothing(browser: Client) -> None:
    page = browser.post(NEW, {**TYPED, "then": "check"}).content.decode()
    assert "kind: Deployment" in page
    assert 'id="check-name' not in page
    assert 'class="check-unknown"' in page
    assert 'name="name" value="prices"' in page
    assert not Deployment.objects.exists()

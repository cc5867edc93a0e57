"""The form that makes a deployment: a short way for the easy case, one rule with the API for the rest."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from deployments.errors import InvalidInput
from deployments.models import Cluster, Deployment, Model, Namespace
from deployments.spec import parse_create
from teams.models import Team

NEW = reverse("deployments-new")
TYPED = {"source": "image", "image": "local/house:1.0", "name": "prices", "replicas": "2", "preset": "small"}


@pytest.fixture(autouse=True)
def stage(cluster: Cluster, house: Model) -> None:
    """A cluster to deploy to and a model to deploy."""


def test_an_image_is_enough(browser: Client) -> None:
    answer = browser.post(NEW, {"image": "local/house:1.0"})
    assert answer["Location"] == reverse("deployment", args=["pricing", "house"])
    assert Deployment.objects.get(name="house").version.version == "1.0"


def test_a_version_of_the_catalogue_fills_the_form_in(browser: Client) -> None:
    page = browser.get(NEW, {"model": "house", "version": "2.0"}).content.decode()
    assert '<option value="house@2.0" selected>' in page
    assert 'value="house"' in page


def test_the_name_is_suggested_while_the_image_is_typed(browser: Client) -> None:
    url = reverse("deployments-new-name")
    first = browser.post(url, {"source": "image", "image": "local/house:1.0", "name": ""}).content.decode()
    assert 'name="name" value="house"' in first
    kept = browser.post(
        url, {"source": "image", "image": "local/iris:1.0", "name": "mine", "suggested": "house"}
    )
    assert 'name="name" value="mine"' in kept.content.decode()
    changed = browser.post(
        url, {"source": "image", "image": "local/iris:1.0", "name": "house", "suggested": "house"}
    )
    assert 'name="name" value="iris"' in changed.content.decode()


def test_a_taken_name_is_refused_at_its_field(deployment: Deployment, browser: Client) -> None:
    answer = browser.post(NEW, {**TYPED, "name": deployment.name})
    assert answer.status_code == 409
    assert "already" in answer.content.decode()
    assert 'id="name-error"' in answer.content.decode()


BAD: list[tuple[dict[str, str], str, Any]] = [
    ({"replicas": "many"}, "replicas", {"replicas": "many"}),
    ({"replicas": "-1"}, "replicas", {"replicas": -1}),
    ({"replicas": "1.5"}, "replicas", {"replicas": 1.5}),
    ({"name": "No Good"}, "name", {"name": "No Good"}),
    ({"image": "not an image"}, "image", {"image": "not an image"}),
    ({"service.node_port": "80"}, "service.node_port", {"service": {"type": "NodePort", "node_port": 80}}),
    ({"resources.memory": "1Gb"}, "resources.memory", {"resources": {"memory": "1Gb"}}),
    ({"resources.cpu": "-1"}, "resources.cpu", {"resources": {"cpu": "-1"}}),
    ({"port": "70000"}, "port", {"port": 70000}),
    ({"health_path": "healthz"}, "health_path", {"health_path": "healthz"}),
]


@pytest.mark.parametrize(
    ("typed", "field", "payload"), BAD, ids=[field + str(n) for n, (_, field, _) in enumerate(BAD)]
)
def test_the_form_says_what_the_api_says_and_keeps_what_was_typed(
    typed: dict[str, str], field: str, payload: dict[str, Any], browser: Client, team: Team
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_create(team, {"image": "local/house:1.0", "name": "prices", **payload})
    wanted = next(error.message for error in refused.value.errors if error.field == field)
    answer = browser.post(NEW, {**TYPED, "service.type": "NodePort", **typed})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert form.errors[field] == [wanted]
    assert form.values[field] == typed[field]
    page = answer.content.decode()
    assert f'id="{field.replace(".", "-")}-error"' in page
    assert not Deployment.objects.exists()


def test_the_first_wrong_field_gets_the_focus_and_its_section_opens(browser: Client) -> None:
    page = browser.post(NEW, {**TYPED, "resources.memory": "1Gb"}).content.decode()
    field = page[page.index('id="resources-memory"') : page.index('id="resources-memory-error"')]
    assert "autofocus" in field
    assert '<details class="section" id="section-resources" open>' in page
    assert '<details class="section" id="section-rollout">' in page


def test_environment_rows_become_variables_and_empty_rows_are_dropped(browser: Client) -> None:
    browser.post(NEW, {**TYPED, "env.name": ["A", "", "B"], "env.value": ["1", "", "x y"]})
    assert Deployment.objects.get().spec["env"] == [
        {"name": "A", "value": "1", "secret": False, "ref": ""},
        {"name": "B", "value": "x y", "secret": False, "ref": ""},
    ]


def test_a_wrong_variable_is_marked_in_its_row(browser: Client) -> None:
    answer = browser.post(NEW, {**TYPED, "env.name": ["A", "1 B"], "env.value": ["1", "2"]})
    rows = answer.context["form"].env
    assert (answer.status_code, [bool(row.errors) for row in rows]) == (422, [False, True])
    assert 'value="1 B"' in answer.content.decode()


def test_markup_that_was_typed_comes_back_as_text(browser: Client) -> None:
    page = browser.post(NEW, {**TYPED, "name": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in page


def test_a_team_one_only_looks_at_is_refused(
    browser: Client, deployer: User, browser_of: Callable[[User], Client]
) -> None:
    other = Team.objects.create(name="vision")
    other.memberships.create(user=deployer, role="viewer")
    assert browser.post(NEW, {**TYPED, "team": "vision"}).status_code == 403
    assert browser.post(NEW, {**TYPED, "team": "nope"}).status_code == 404


def test_a_team_without_a_cluster_is_told_so(browser: Client) -> None:
    Namespace.objects.all().delete()
    answer = browser.post(NEW, TYPED)
    messages = answer.context["form"].errors["cluster"]
    assert answer.status_code == 422
    assert messages
    assert all(escape(message) in answer.content.decode() for message in messages)

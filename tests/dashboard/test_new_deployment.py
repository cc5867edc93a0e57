"""The form that makes a deployment: a short way for the easy case, one rule with the API for the rest."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from deployments import intent
from deployments.errors import InvalidInput
from deployments.models import Cluster, Deployment, Model, ModelVersion, Namespace
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


FAR = {
    "autoscaling.min_replicas": "9",
    "autoscaling.max_replicas": "3",
    "autoscaling.target_cpu_percent": "50",
}
FAR_SENT = {"min_replicas": 9, "max_replicas": 3, "target_cpu_percent": 50}
AIMLESS = {"autoscaling.max_replicas": "3", "autoscaling.target_cpu_percent": ""}
AIMED = {"autoscaling.max_replicas": "", "autoscaling.target_cpu_percent": "50"}
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
    ({"start_seconds": "0"}, "start_seconds", {"start_seconds": 0}),
    ({"security.run_as_user": "me"}, "security.run_as_user", {"security": {"run_as_user": "me"}}),
    ({"rollout.strategy": "Magic"}, "rollout.strategy", {"rollout": {"strategy": "Magic"}}),
    ({"rollout.deadline_seconds": "1"}, "rollout.deadline_seconds", {"rollout": {"deadline_seconds": 1}}),
    ({"preset": "huge"}, "preset", {"preset": "huge"}),
    ({"node_preset": "none"}, "node_preset", {"node_preset": "none"}),
    ({"registry": "ghcr.io"}, "registry", {"registry": "ghcr.io"}),
    ({"scaling": "auto", **FAR}, "autoscaling.min_replicas", {"autoscaling": {**FAR_SENT}}),
    ({"scaling": "auto", **AIMLESS}, "autoscaling.target_cpu_percent", {"autoscaling": {"max_replicas": 3}}),
    ({"scaling": "auto", **AIMED}, "autoscaling.max_replicas", {"autoscaling": {"target_cpu_percent": 50}}),
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


@pytest.fixture
def big(house: Model) -> ModelVersion:
    """House 2.0, registered with resources of its own, a user and variables that it needs."""
    version = house.versions.get(version="2.0")
    version.resources = {"memory": "3Gi", "memory_limit": "3Gi"}
    version.run_as_user = 4242
    version.env_schema = [
        {"name": "LOG_LEVEL", "description": "How much it says", "default": "info"},
        {"name": "API_KEY", "description": "Of the feature store", "required": True, "secret": True},
    ]
    version.save()
    return version


def test_a_version_brings_its_size_and_the_variables_it_knows(browser: Client, big: ModelVersion) -> None:
    answer = browser.get(NEW, {"model": "house", "version": "2.0"})
    form = answer.context["form"]
    assert (form.values["preset"], form.values["resources.memory"]) == ("", "3Gi")
    assert form.values["security.run_as_user"] == "4242"
    assert [(row.name, row.value, row.kind) for row in form.env] == [
        ("LOG_LEVEL", "info", "text"),
        ("API_KEY", "", "secret"),
    ]
    assert 'id="section-env" open' in answer.content.decode()


@pytest.mark.parametrize("typed", ["local/house:2.0", ""])
def test_choosing_a_version_later_brings_them_too(browser: Client, big: ModelVersion, typed: str) -> None:
    chosen = {"source": "image", "image": typed} if typed else {"source": "version", "version": "house@2.0"}
    sent = {**chosen, "preset": "small", "suggested_size": "small", "suggested_for": "", "suggested": ""}
    page = browser.post(reverse("deployments-new-name"), sent).content.decode()
    assert 'value="3Gi"' in page
    assert "Of the feature store" in page
    by_hand = browser.post(reverse("deployments-new-name"), {**sent, "preset": "large"}).content.decode()
    assert "3Gi" not in by_hand
    assert 'hx-target="#size-box"' not in by_hand


def test_without_a_script_a_version_still_keeps_its_size(browser: Client, big: ModelVersion) -> None:
    sent = {"image": "local/house:2.0", "preset": "small", "suggested_size": "small", "suggested_for": ""}
    secret = {"env.name": "API_KEY", "env.kind": "secret", "env.value": "k"}
    assert browser.post(NEW, {**sent, **secret}).status_code == 302
    assert Deployment.objects.get().spec["resources"]["memory"] == "3Gi"


def test_a_variable_that_the_version_needs_is_asked_for_in_its_row(
    browser: Client, big: ModelVersion
) -> None:
    answer = browser.post(NEW, {"source": "version", "version": "house@2.0", "name": "prices"})
    assert answer.status_code == 422
    assert "This version needs the variable API_KEY" in answer.content.decode()
    assert "API_KEY" in [row.name for row in answer.context["form"].env]
    assert 'id="section-env" open' in answer.content.decode()


def test_a_clone_has_all_but_the_secrets_and_the_node_port(
    browser: Client, deployment: Deployment, deployer: User
) -> None:
    changes = {
        "resources": {"memory": "200Mi"},
        "env": [{"name": "KEY", "secret": True, "value": "hidden"}, {"name": "A", "value": "1"}],
        "service": {"node_port": 30444},
        "security": {"read_only_root": True},
        "autoscaling": {"max_replicas": 7, "target_cpu_percent": 50},
    }
    intent.update_deployment(deployment, changes, by=deployer)
    answer = browser.get(NEW, {"clone": f"pricing/{deployment.name}"})
    page, form = answer.content.decode(), answer.context["form"]
    assert "Secret values are not copied" in page
    assert form.values["name"] == "house-prices-2"
    assert form.values["service.node_port"] == ""
    assert form.values["autoscaling.max_replicas"] == "7"
    assert form.values["security.read_only_root"] == "true"
    assert [(row.name, row.value, row.state) for row in form.env] == [("KEY", "", ""), ("A", "1", "")]
    refused = browser.post(
        NEW, {"name": "copy", "image": "local/house:1.0", "env.name": "KEY", "env.kind": "secret"}
    )
    assert refused.status_code == 422
    assert "Give KEY a value" in refused.content.decode()


def test_a_clone_of_what_one_may_not_see_is_not_found(
    deployment: Deployment, stranger: User, browser_of: Callable[[User], Client]
) -> None:
    own = Team.objects.create(name="vision")
    own.memberships.create(user=stranger, role="deployer")
    assert browser_of(stranger).get(NEW, {"clone": f"pricing/{deployment.name}"}).status_code == 404


def test_two_clicks_make_one_deployment(browser: Client) -> None:
    for typed in ({"image": "local/house:1.0"}, {**TYPED, "name": "prices"}):
        first, second = (browser.post(NEW, typed)["Location"] for _ in range(2))
        assert first == second
    assert sorted(Deployment.objects.values_list("name", flat=True)) == ["house", "prices"]


def test_every_choice_of_the_form_reaches_the_deployment(browser: Client, cluster: Cluster) -> None:
    cluster.node_presets.create(name="a100", node_selector={"gpu": "a100"})
    typed = {
        **TYPED,
        "scaling": "auto",
        "autoscaling.min_replicas": "2",
        "autoscaling.max_replicas": "6",
        "autoscaling.target_cpu_percent": "",
        "autoscaling.target_memory_percent": "80",
        "autoscaling.scale_down_seconds": "60",
        "start_seconds": "90",
        "node_preset": "a100",
        "registry": "-",
        "security.run_as_user": "0",
        "security.read_only_root": ["false", "true"],
        "rollout.strategy": "Recreate",
        "rollout.deadline_seconds": "300",
        "rollout.auto_rollback": ["false", "true"],
        "env.name": ["CERT"],
        "env.value": ["one\r\ntwo"],
    }
    assert browser.post(NEW, typed).status_code == 302
    made = Deployment.objects.get()
    assert made.autoscaling == {
        "min_replicas": 2,
        "max_replicas": 6,
        "target_cpu_percent": None,
        "target_memory_percent": 80,
        "scale_down_seconds": 60,
    }
    assert made.spec["security"] == {"run_as_user": 0, "read_only_root": True}
    assert made.spec["placement"]["preset"] == "a100"
    assert (made.spec["start_seconds"], made.spec["env"][0]["value"]) == (90, "one\ntwo")
    assert made.spec["rollout"]["strategy"] == "Recreate"
    assert made.spec["rollout"]["auto_rollback"] is True

"""The same form for what runs already: what changes is shown first, and two people do not undo each other."""

import json
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments import intent
from deployments.models import Deployment, Model

SETTINGS = reverse("deployment-settings", args=["pricing", "house-prices"])
PREVIEW = reverse("deployment-settings-preview", args=["pricing", "house-prices"])


class Fields(HTMLParser):
    """What a browser would send of the page's form, if nobody touched it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.select = self.area = ""
        self.chosen: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        name, value = at.get("name") or "", at.get("value") or ""
        if tag == "input" and name:
            if at.get("type") not in {"radio", "checkbox"} or "checked" in at:
                self.sent.append((name, value))
        elif tag == "select":
            self.select, self.chosen = name, None
        elif tag == "option" and self.select and (self.chosen is None or "selected" in at):
            self.chosen = value
        elif tag == "textarea":
            self.area = name
            self.sent.append((name, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.sent.append((self.select, self.chosen or ""))
            self.select = ""
        elif tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            name, before = self.sent.pop()
            self.sent.append((name, (before + data).removeprefix("\n")))


def opened(browser: Client) -> dict[str, Any]:
    """The settings form as a browser has it after opening the page."""
    page = browser.get(SETTINGS).content.decode()
    start = page.index("data-asks")
    sent: dict[str, Any] = {}
    for name, value in Fields(page[start : page.index("</form>", start)]).sent:
        sent.setdefault(name, []).append(unescape(value))
    return sent


@pytest.fixture(autouse=True)
def stage(deployment: Deployment) -> None:
    """Something to change."""


@pytest.fixture
def rich(deployment: Deployment, deployer: User) -> Deployment:
    """Everything set that can be set, variables of several lines among it."""
    changes = {
        "replicas": 2,
        "resources": {"memory": "200Mi"},
        "env": [
            {"name": "KEY", "secret": True, "value": "hidden"},
            {"name": "TEXT", "value": "\ntwo\nlines "},
        ],
        "rollout": {"max_surge": 2, "deadline_seconds": 900, "auto_rollback": True},
        "security": {"run_as_user": 2000, "read_only_root": True},
        "start_seconds": 60,
        "service": {"type": "NodePort", "port": 8080, "node_port": 30555},
    }
    intent.update_deployment(deployment, changes, by=deployer)
    deployment.refresh_from_db()
    return deployment


def test_saving_an_untouched_form_changes_nothing(rich: Deployment, browser: Client) -> None:
    answer = browser.post(SETTINGS, opened(browser), follow=True)
    assert "nothing was changed" in answer.content.decode()
    before, rich_spec = rich.generation, rich.spec
    rich.refresh_from_db()
    assert (rich.generation, rich.spec) == (before, rich_spec)


def test_an_untouched_form_has_no_difference_to_show(rich: Deployment, browser: Client) -> None:
    answer = browser.post(PREVIEW, opened(browser))
    assert answer.context["preview"].errors == ()
    assert not answer.context["preview"].diff


def test_one_field_changes_one_thing(rich: Deployment, browser: Client) -> None:
    form = opened(browser) | {"rollout.max_surge": "1", "env.value": ["", "other"]}
    form["env.value"] += [""] * (len(form["env.name"]) - 2)
    assert browser.post(SETTINGS, form).status_code == 302
    old = rich.spec
    rich.refresh_from_db()
    changed = {key for key, value in rich.spec.items() if value != old[key]}
    assert changed == {"rollout", "env"}
    assert rich.spec["rollout"] == old["rollout"] | {"max_surge": 1}
    assert rich.spec["env"][0] == old["env"][0], "a secret left empty keeps its value"
    assert rich.spec["env"][1]["value"] == "other"


def test_the_difference_and_the_fate_of_the_pods_are_shown_before(browser: Client) -> None:
    form = opened(browser)
    scaled = browser.post(PREVIEW, form | {"replicas": "3"}).content.decode()
    assert '<span class="diff-drop">-  replicas: 1' in scaled
    assert '<span class="diff-add">+  replicas: 3' in scaled
    assert "No pod is replaced" in scaled
    bigger = browser.post(PREVIEW, form | {"preset": "medium"}).content.decode()
    assert "Every pod is replaced, one after the other" in bigger
    stopped = browser.post(PREVIEW, form | {"preset": "medium", "rollout.strategy": "Recreate"})
    assert "all at once" in stopped.content.decode()


def test_autoscaling_is_switched_on_and_off(browser: Client, deployment: Deployment) -> None:
    form = opened(browser) | {"scaling": "auto", "autoscaling.max_replicas": "4"}
    assert browser.post(SETTINGS, form).status_code == 302
    deployment.refresh_from_db()
    assert deployment.autoscaling == {
        "min_replicas": 1,
        "max_replicas": 4,
        "target_cpu_percent": 70,
        "target_memory_percent": None,
        "scale_down_seconds": 300,
    }
    form = opened(browser) | {"scaling": "fixed", "replicas": "2"}
    assert browser.post(SETTINGS, form).status_code == 302
    deployment.refresh_from_db()
    assert (deployment.autoscaling, deployment.replicas) == (None, 2)


def test_two_peoples_changes_are_brought_together(
    browser: Client, lead: User, browser_of: Callable[[User], Client], deployment: Deployment
) -> None:
    form = opened(browser) | {"preset": "medium"}
    other = browser_of(lead)
    assert other.post(SETTINGS, opened(other) | {"replicas": "4", "health_path": "/ready"}).status_code == 302

    refused = browser.post(SETTINGS, form)
    page = refused.content.decode()
    assert refused.status_code == 412
    assert "lead" in page
    assert "Somebody changed it meanwhile" in page
    assert '<span class="diff-add">+' in page
    values = refused.context["form"].values
    assert (values["preset"], values["replicas"], values["health_path"]) == ("medium", "4", "/ready")
    assert refused.context["meanwhile"].both == []

    start = page.index("data-asks")
    again: dict[str, Any] = {}
    for name, value in Fields(page[start : page.index("</form>", start)]).sent:
        again.setdefault(name, []).append(value)
    assert browser.post(SETTINGS, again).status_code == 302
    deployment.refresh_from_db()
    assert deployment.replicas == 4
    assert deployment.spec["health_path"] == "/ready"
    assert deployment.spec["resources"]["memory"] == "512Mi"


def test_a_field_that_both_changed_is_named_and_keeps_what_was_typed(
    browser: Client, lead: User, browser_of: Callable[[User], Client]
) -> None:
    form = opened(browser) | {"health_path": "/mine"}
    other = browser_of(lead)
    other.post(SETTINGS, opened(other) | {"health_path": "/theirs"})
    refused = browser.post(SETTINGS, form)
    assert refused.context["meanwhile"].both == ["health path"]
    assert refused.context["form"].values["health_path"] == "/mine"


def test_a_double_click_makes_one_revision(browser: Client, deployment: Deployment) -> None:
    form = opened(browser) | {"preset": "medium"}
    assert [browser.post(SETTINGS, form).status_code for _ in range(2)] == [302, 302]
    assert deployment.revisions.count() == 2


def test_a_page_that_was_opened_before_is_warned_while_typing(browser: Client, deployer: User) -> None:
    form = opened(browser)
    intent.scale(Deployment.objects.get(), 5, by=deployer)
    assert "changed by somebody else" in browser.post(PREVIEW, form).content.decode()


def test_a_mistake_is_shown_at_its_field_and_the_rest_is_kept(browser: Client) -> None:
    form = opened(browser) | {"resources.cpu": "much", "replicas": "3"}
    answer = browser.post(SETTINGS, form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="resources-cpu-error"' in page
    assert 'id="section-resources" open' in page
    assert answer.context["form"].values["replicas"] == "3"
    assert answer.context["seen"] == 1


def test_a_garbled_memory_of_the_form_is_not_believed(browser: Client, deployment: Deployment) -> None:
    odd = {"values": {"service": "x", "service.port": "1"}, "source": "", "version": "", "env": []}
    assert (
        browser.post(SETTINGS + "preview", opened(browser) | {"opened": json.dumps(odd)}).status_code == 200
    )
    form = opened(browser) | {"opened": '{"values": 3}', "replicas": "2"}
    assert browser.post(SETTINGS, form).status_code == 302
    deployment.refresh_from_db()
    assert deployment.replicas == 2


def test_an_archived_version_is_offered_only_to_those_that_run_it(browser: Client, house: Model) -> None:
    house.versions.update(archived_at=timezone.now())
    page = browser.get(SETTINGS).content.decode()
    assert "house@1.0" in page
    assert "house@2.0" not in page
    assert "house@1.0" not in browser.get(reverse("deployments-new")).content.decode()

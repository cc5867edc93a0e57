"""Pressing things on a deployment, in a browser without JavaScript and in one with it."""

import html
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from deployments import selectors
from deployments.models import Deployment, ModelVersion, State
from k8s import manifests

HTMX = {"HX-Request": "true"}


def url(name: str, *more: str) -> str:
    return reverse(name, args=["pricing", "house-prices", *more])


@pytest.fixture(autouse=True)
def stage(deployment: Deployment) -> None:
    """The deployment house-prices, running."""


def test_scaling_goes_back_to_the_page_that_shows_it(browser: Client, deployment: Deployment) -> None:
    answer = browser.post(url("deployment-scale"), {"replicas": "5"}, follow=True)
    assert answer.redirect_chain == [(url("deployment"), 302)]
    assert "Scaling house-prices to 5." in answer.content.decode()
    deployment.refresh_from_db()
    assert (deployment.replicas, deployment.generation) == (5, 2)


def test_the_steppers_buttons_work_without_javascript(browser: Client, deployment: Deployment) -> None:
    browser.post(url("deployment-scale"), {"replicas": "3", "step": "+1"})
    deployment.refresh_from_db()
    assert deployment.replicas == 4


@pytest.mark.parametrize("typed", ["many", "", "-1", "1000000", "2.5"])
def test_a_refused_count_is_said_beside_the_field_and_kept(typed: str, browser: Client) -> None:
    answer = browser.post(url("deployment-scale"), {"replicas": typed}, headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'role="alert"' in page
    assert f'value="{typed}"' in page
    assert 'aria-describedby="replicas-error"' in page
    assert page.count('role="alert"') == 1
    assert page.lstrip().startswith('<div id="live"')


def test_htmx_gets_the_live_part_after_the_redirect(browser: Client) -> None:
    answer = browser.post(url("deployment-restart"), headers=HTMX, follow=True)
    page = answer.content.decode()
    assert page.lstrip().startswith('<div id="live"')
    assert '<hx-partial hx-target="#toasts"' in page


def test_rolling_out_another_version(browser: Client, deployment: Deployment) -> None:
    browser.post(url("deployment-roll-out"), {"version": "2.0"})
    deployment.refresh_from_db()
    assert (deployment.version.version, deployment.revision) == ("2.0", 2)


def test_an_unknown_version_is_refused(browser: Client) -> None:
    answer = browser.post(url("deployment-roll-out"), {"version": "9"})
    assert answer.status_code == 422
    assert "has no version" in answer.content.decode()


def test_deleting_needs_the_name_typed(browser: Client, deployment: Deployment) -> None:
    assert browser.post(url("deployment-delete"), {"confirm": "house"}).status_code == 422
    deployment.refresh_from_db()
    assert deployment.delete_requested_at is None
    assert browser.post(url("deployment-delete"), {"confirm": "house-prices"}).status_code == 302
    deployment.refresh_from_db()
    assert deployment.delete_requested_at is not None


def test_nothing_is_offered_while_it_is_being_deleted(browser: Client, deployment: Deployment) -> None:
    browser.post(url("deployment-delete"), {"confirm": "house-prices"})
    page = browser.get(url("deployment")).content.decode()
    assert 'id="scale"' not in page
    assert browser.post(url("deployment-scale"), {"replicas": "2"}).status_code == 409


def test_a_deleted_deployment_keeps_its_page_and_its_place_in_the_history(
    browser: Client, make: Callable[..., Deployment]
) -> None:
    gone = Deployment.objects.get(name="house-prices")
    Deployment.objects.filter(pk=gone.pk).update(state=State.DELETED, deleted_at=gone.created_at)
    page = browser.get(url("deployment")).content.decode()
    assert "Create house 1.0" in page
    assert 'id="scale"' not in page
    assert "house-prices" in browser.get(reverse("deployments"), {"state": "deleted"}).content.decode()
    assert "house-prices" not in browser.get(reverse("deployments")).content.decode()
    newer = make("house-prices")
    assert browser.get(url("deployment")).context["deployment"].pk == newer.pk
    assert browser.get(url("deployment"), {"deleted": gone.pk}).context["deployment"].pk == gone.pk
    assert browser.get(url("deployment"), {"deleted": "99999999999999999"}).status_code == 404


def test_settings_hold_what_is_wanted_and_change_only_what_was_changed(
    browser: Client, deployment: Deployment
) -> None:
    page = browser.get(url("deployment-settings")).content.decode()
    assert '<option value="house@1.0" selected>' in page
    typed = {
        "source": "version",
        "version": "house@1.0",
        "replicas": "1",
        "preset": "medium",
        "service.type": "NodePort",
        "service.port": "5001",
        "service.node_port": "",
        "port": "5001",
        "health_path": "/healthz",
        "generation": "1",
    }
    assert browser.post(url("deployment-settings"), typed).status_code == 302
    deployment.refresh_from_db()
    assert deployment.spec["resources"]["memory"] == "512Mi"
    assert deployment.operations.get(generation=2).arguments["fields"] == ["preset"]


def test_settings_opened_before_somebody_elses_change_are_not_saved_over_it(
    browser: Client, deployment: Deployment
) -> None:
    browser.post(url("deployment-scale"), {"replicas": "4"})
    answer = browser.post(
        url("deployment-settings"), {"source": "version", "version": "house@2.0", "generation": "1"}
    )
    assert answer.status_code == 412
    deployment.refresh_from_db()
    assert deployment.version.version == "1.0"


def test_the_sample_request_is_filled_in_and_copyable(browser: Client, deployment: Deployment) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(node_port=30001)
    page = browser.get(url("deployment-try")).content.decode()
    assert "/v1/models/house:predict" in page
    assert "curl -X POST http://127.0.0.1:30001/v1/models/house:predict" in page


def test_a_body_that_is_no_json_is_refused_where_it_was_typed(browser: Client) -> None:
    answer = browser.post(url("deployment-try"), {"path": "/x", "method": "POST", "body": '{"a": '})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Not JSON" in page
    assert "{&quot;a&quot;: " in page


def test_manifests_can_be_read_and_downloaded(browser: Client) -> None:
    assert "kind: Deployment" in browser.get(url("deployment-yaml")).content.decode()
    answer = browser.get(url("deployment-yaml-download"))
    assert answer["Content-Disposition"] == 'attachment; filename="house-prices.yaml"'


def test_what_is_downloaded_is_what_the_form_previews_and_rest_gives(
    browser: Client, deployment: Deployment
) -> None:
    text = browser.get(url("deployment-yaml-download")).content.decode()
    assert text == manifests.to_yaml(selectors.manifests_of(deployment))
    assert "&id" not in text
    previewed = html.unescape(browser.get(url("deployment-settings")).content.decode())
    assert text in previewed


def test_models_and_versions_are_added_by_form(browser: Client) -> None:
    answer = browser.post(reverse("models-new"), {"name": "iris", "task": "classification"})
    assert answer["Location"] == reverse("model-version-new", args=["pricing", "iris"])
    bad = browser.post(
        answer["Location"], {"version": "1.0", "image": "local/iris:1.0", "sample_request.body": "{"}
    )
    assert (bad.status_code, "Not JSON" in bad.content.decode()) == (422, True)
    typed = {
        "version": "1.0",
        "image": "local/iris:1.0",
        "port": "5001",
        "sample_request.path": "/p",
        "sample_request.body": "[1]",
    }
    assert browser.post(answer["Location"], typed).status_code == 302
    version = ModelVersion.objects.get(model__name="iris")
    assert version.sample_request == {"path": "/p", "method": "POST", "body": [1]}

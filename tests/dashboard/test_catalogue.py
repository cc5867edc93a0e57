"""The catalogue's pages, in a browser without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.models import Deployment, Model, ModelVersion
from teams.models import Team

VERSION = {
    "version": "3.0",
    "image": "local/house:3.0",
    "port": "5001",
    "health_path": "/healthz",
    "sample_request.path": "/v1/models/house:predict",
    "sample_request.method": "POST",
    "sample_request.body": '{"instances": [[1]]}',
}


def model_url(name: str, *more: str) -> str:
    return reverse(name, args=["pricing", "house", *more])


def words_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


@pytest.fixture(autouse=True)
def stage(house: Model) -> None:
    """The model house, with versions 1.0 and 2.0."""


def test_a_model_is_added_and_leads_to_its_first_version(browser: Client) -> None:
    answer = browser.post(reverse("models-new"), {"name": "iris", "task": "classification"})
    assert answer["Location"] == reverse("model-version-new", args=["pricing", "iris"])
    assert Model.objects.get(name="iris").task == "classification"


@pytest.mark.parametrize("name", ["", "House", "a b", "x" * 51, "house"])
def test_a_wrong_model_name_is_said_at_the_field_and_kept(name: str, browser: Client) -> None:
    answer = browser.post(reverse("models-new"), {"name": name, "description": "kept"})
    page = words_of(answer)
    assert answer.status_code in {409, 422}
    assert 'id="name-error"' in page
    assert 'href="#name"' in page
    assert f'value="{name}"' in page
    assert 'value="kept"' in page


def test_a_version_has_everything_that_was_typed(browser: Client) -> None:
    typed = {
        **VERSION,
        "framework": "scikit-learn",
        "digest": "sha256:" + "ab" * 32,
        "run_as_user": "1001",
        "resources.memory": "512Mi",
        "resources.memory_limit": "1Gi",
        "env_schema.name": ["LOG_LEVEL", "", "API_KEY"],
        "env_schema.description": ["How much it says", "", "Key of the store"],
        "env_schema.default": ["info", "", ""],
        "env_schema.kind": ["optional", "optional", "required secret"],
        "links.title": ["Training run", ""],
        "links.url": ["https://mlflow.example.org/runs/1", ""],
    }
    answer = browser.post(model_url("model-version-new"), typed, follow=True)
    version = ModelVersion.objects.get(version="3.0")
    assert version.sample_request == {
        "path": "/v1/models/house:predict",
        "method": "POST",
        "body": {"instances": [[1]]},
    }
    assert [(rule["name"], rule["required"], rule["secret"]) for rule in version.env_schema] == [
        ("LOG_LEVEL", False, False),
        ("API_KEY", True, True),
    ]
    assert version.links == [{"title": "Training run", "url": "https://mlflow.example.org/runs/1"}]
    assert (version.run_as_user, version.resources["memory"]) == (1001, "512Mi")
    for shown in (
        "LOG_LEVEL",
        "How much it says",
        "Training run",
        "1001",
        "512Mi",
        "scikit-learn",
        "sha256:",
    ):
        assert shown in words_of(answer)


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("image", "Not An Image", "image"),
        ("image", "", "image"),
        ("version", "-1-", "version"),
        ("version", "1.0", "version"),
        ("port", "70000", "port"),
        ("port", "many", "port"),
        ("health_path", "healthz", "health_path"),
        ("run_as_user", "-1", "run_as_user"),
        ("resources.memory", "1Gb", "resources-memory"),
        ("resources.gpu", "1.5", "resources-gpu"),
        ("sample_request.body", '{"a": ', "sample_request-body"),
        ("sample_request.path", "predict", "sample_request-path"),
    ],
)
def test_a_mistake_in_a_version_is_said_at_its_field(
    field: str, value: str, place: str, browser: Client
) -> None:
    answer = browser.post(model_url("model-version-new"), {**VERSION, field: value})
    page = words_of(answer)
    assert answer.status_code in {409, 422}
    assert f'id="{place}-error"' in page
    assert 'value="/v1/models/house:predict"' in page or field == "sample_request.path"
    assert not ModelVersion.objects.filter(version="3.0").exists()


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ({"env_schema.name": "1X"}, "variable-1-error"),
        ({"env_schema.name": ["A", "A"]}, "variable-2-error"),
        ({"env_schema.name": "", "env_schema.description": "nameless"}, "variable-1-error"),
        (
            {"env_schema.name": "A", "env_schema.default": "x", "env_schema.kind": "secret"},
            "variable-1-error",
        ),
        ({"links.title": "Run", "links.url": "javascript:alert(1)"}, "link-1-error"),
        ({"links.title": "Run", "links.url": ""}, "link-1-error"),
    ],
)
def test_a_mistake_in_a_row_is_said_at_the_row_and_the_row_is_kept(
    typed: dict[str, Any], place: str, browser: Client
) -> None:
    answer = browser.post(model_url("model-version-new"), {**VERSION, **typed})
    page = words_of(answer)
    assert answer.status_code == 422
    assert f'id="{place}"' in page
    assert f'href="#rows-{next(iter(typed)).partition(".")[0]}"' in page
    for value in typed.values():
        for text in [value] if isinstance(value, str) else value:
            assert not text or f'value="{text}"' in page or f"<option selected>{text}" in page


def test_editing_starts_from_what_is_and_changes_only_that(browser: Client) -> None:
    url = model_url("model-version-edit", "2.0")
    page = words_of(browser.get(url))
    assert 'value="local/house:2.0"' in page
    assert "&quot;instances&quot;" in page
    typed = {name: value for name, value in VERSION.items() if name != "version"}
    answer = browser.post(url, {**typed, "image": "local/house:2.0", "framework": "torch"})
    assert answer["Location"] == model_url("model") + "#version-2.0"
    version = ModelVersion.objects.get(version="2.0")
    assert (version.framework, version.image, version.port) == ("torch", "local/house:2.0", 5001)


def test_an_emptied_field_is_emptied(browser: Client) -> None:
    ModelVersion.objects.filter(version="2.0").update(
        framework="torch",
        digest="sha256:1",
        run_as_user=7,
        links=[{"title": "a", "url": "https://a.example"}],
    )
    typed = {"image": "local/house:2.0", "port": "5001", "health_path": "/healthz"}
    assert browser.post(model_url("model-version-edit", "2.0"), typed).status_code == 302
    version = ModelVersion.objects.get(version="2.0")
    assert (version.framework, version.digest, version.run_as_user) == ("", None, None)
    assert (version.links, version.sample_request, version.resources) == ([], None, {})


def test_a_model_is_described_anew(browser: Client) -> None:
    answer = browser.post(model_url("model-edit"), {"task": "ranking", "description": "Prices"}, follow=True)
    assert "Ranking. Prices" in words_of(answer)
    assert Model.objects.get().description == "Prices"


def test_an_archived_version_is_shown_apart_and_not_offered(browser: Client) -> None:
    browser.post(model_url("model-version-archive", "2.0"), {"archived": "true"})
    page = words_of(browser.get(model_url("model")))
    assert "version=1.0" in page
    assert "version=2.0" not in page
    assert "Archived versions" in page
    assert "Deploy 1.0" in words_of(browser.get(reverse("models")))
    browser.post(model_url("model-version-archive", "2.0"), {"archived": "false"})
    assert "version=2.0" in words_of(browser.get(model_url("model")))


def test_an_archived_model_is_listed_apart_and_can_be_restored(browser: Client) -> None:
    browser.post(model_url("model-archive"), {"archived": "true"})
    assert model_url("model") not in words_of(browser.get(reverse("models")))
    listed = words_of(browser.get(reverse("models"), {"show": "archived"}))
    assert model_url("model") in listed
    assert "deployments/new?" not in listed
    page = words_of(browser.get(model_url("model")))
    assert "Restore" in page
    assert "deployments/new?" not in page
    browser.post(model_url("model-archive"), {"archived": "false"})
    assert model_url("model") in words_of(browser.get(reverse("models")))


def test_deploy_leads_to_the_form_filled_in(browser: Client) -> None:
    address = f"{reverse('deployments-new')}?team=pricing&amp;model=house&amp;version=2.0"
    assert address in words_of(browser.get(model_url("model")))
    assert "house" in words_of(browser.get(address.replace("&amp;", "&")))


def test_who_serves_a_version_is_said(browser: Client, deployment: Deployment) -> None:
    page = words_of(browser.get(model_url("model")))
    assert reverse("deployment", args=["pricing", "house-prices"]) in page
    assert "by deployer" in page
    assert "namespace pricing" in page


@pytest.mark.parametrize(
    ("address", "more", "word"), [("model", (), "house"), ("model-version", ("1.0",), "1.0")]
)
def test_what_serves_is_not_deleted_and_the_page_says_by_whom(
    address: str, more: tuple[str, ...], word: str, browser: Client, deployment: Deployment
) -> None:
    answer = browser.post(model_url(f"{address}-delete", *more), {"confirm": word})
    page = words_of(answer)
    assert answer.status_code == 409
    assert "is deployed as house-prices" in page
    assert reverse("deployment", args=["pricing", "house-prices"]) in page
    assert 'name="confirm"' not in page
    assert ModelVersion.objects.filter(version="1.0", deleted_at=None).exists()


def test_deleting_needs_the_name_typed(browser: Client) -> None:
    assert browser.post(model_url("model-version-delete", "1.0"), {"confirm": "2.0"}).status_code == 422
    assert browser.post(model_url("model-delete"), {"confirm": "hous"}).status_code == 422
    assert ModelVersion.objects.filter(deleted_at=None).count() == 2
    browser.post(model_url("model-version-delete", "1.0"), {"confirm": "1.0"})
    assert [v.version for v in ModelVersion.objects.filter(deleted_at=None)] == ["2.0"]
    answer = browser.post(model_url("model-delete"), {"confirm": "house"}, follow=True)
    assert answer.redirect_chain[-1] == (reverse("models"), 302)
    assert browser.get(model_url("model")).status_code == 404


def test_the_list_is_searched_and_narrowed(browser: Client, team: Team) -> None:
    Model.objects.create(team=team, name="iris", task="classification")
    for q, found in (("hous", True), ("regression", True), ("local/house", True), ("iris", False)):
        assert (model_url("model") in words_of(browser.get(reverse("models"), {"q": q}))) is found
    assert "No results" in words_of(browser.get(reverse("models"), {"q": "nothing like it"}))
    assert "No results" in words_of(browser.get(reverse("models"), {"team": "other"}))


def test_a_viewer_reads_and_is_offered_nothing_to_press(
    viewer: User, browser_of: Callable[[User], Client]
) -> None:
    page = words_of(browser_of(viewer).get(model_url("model")))
    for address in ("model-edit", "model-version-new"):
        assert model_url(address) not in page
    assert "deployments/new?" not in page
    assert "deployments/new?" not in words_of(browser_of(viewer).get(reverse("models")))


def test_a_models_page_costs_the_same_however_many_versions(
    browser: Client, deployment: Deployment, house: Model
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(model_url("model")).status_code == 200
        return len(seen)

    ModelVersion.objects.create(model=house, version="0.1", image="x", archived_at=timezone.now())
    before = queries()
    for number in range(30):
        ModelVersion.objects.create(
            model=house, version=f"3.{number}", image="x", archived_at=timezone.now() if number % 2 else None
        )
    assert queries() == before <= 14

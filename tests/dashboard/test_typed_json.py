"""JSON typed into a form is as strict as the API's: what cannot be used is said at the field."""

import pytest
from django.test import Client
from django.urls import reverse

from deployments import ask
from deployments.models import Deployment, ModelVersion

UNUSABLE = (
    "[" * 100_000,
    "[" * 600 + "]" * 600,
    "1" * 5000,
    "NaN",
    "1e999",
    '"\\ud800"',
    '{"a": ["\\u0000"]}',
    '{"a": 1, "a": 2}',
)


def named(text: str) -> str:
    return text[:12]


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("a worker was asked")

    monkeypatch.setattr(ask, "predict", refuse)


@pytest.mark.parametrize("typed", UNUSABLE, ids=named)
def test_what_cannot_be_used_is_not_sent_to_a_model(
    typed: str, browser: Client, deployment: Deployment, nobody_is_asked: None
) -> None:
    address = reverse("deployment-try", args=["pricing", "house-prices"])
    answer = browser.post(address, {"method": "POST", "path": "/", "body": typed})
    assert answer.status_code == 422


@pytest.mark.parametrize("typed", UNUSABLE, ids=named)
def test_what_cannot_be_used_is_no_sample_request(
    typed: str, browser: Client, deployment: Deployment
) -> None:
    address = reverse("model-version-new", args=["pricing", "house"])
    form = {"version": "9.9", "image": "local/house:9.9", "port": "5001", "sample_request.path": "/"}
    answer = browser.post(address, {**form, "sample_request.body": typed})
    assert answer.status_code in {409, 422}
    assert not ModelVersion.objects.filter(version="9.9").exists()

"""What a predict sends when not everything is named."""

from typing import Any

import pytest

from deployments.api.views.observed import question
from deployments.errors import InvalidInput

SAMPLE = {"path": "/v1/models/house:predict", "method": "POST", "body": {"instances": [1]}}


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({}, SAMPLE),
        ({"path": SAMPLE["path"]}, SAMPLE),
        ({"body": {"instances": [2]}}, {**SAMPLE, "body": {"instances": [2]}}),
        ({"path": "/healthz"}, {"path": "/healthz", "method": "GET", "body": None}),
        ({"path": "/x", "body": [1]}, {"path": "/x", "method": "POST", "body": [1]}),
        ({"path": "/x", "method": "PUT", "body": 0}, {"path": "/x", "method": "PUT", "body": 0}),
    ],
)
def test_the_sample_fills_in_what_is_not_named(payload: dict[str, Any], sent: dict[str, Any]) -> None:
    assert question(payload, SAMPLE) == sent


def test_without_a_sample_the_root_is_asked() -> None:
    assert question({}, None) == {"path": "/", "method": "GET", "body": None}


@pytest.mark.parametrize("payload", [{"path": 1}, {"method": None}, {"path": ["/"]}])
def test_path_and_method_are_text(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        question(payload, SAMPLE)

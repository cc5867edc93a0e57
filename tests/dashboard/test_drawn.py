"""What is drawn once is drawn again as soon as anything that it says is different."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from django.template import Template
from django.test.signals import template_rendered
from django.utils import timezone

from dashboard import drawn as drawing
from dashboard.drawn import drawn
from deployments.selectors.usage.shapes import Amounts, Money

TEMPLATE = "usage/chart_rows.html"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Row(NamedTuple):
    """A row as views make them: values of values."""

    requested: Amounts
    money: Money


@pytest.fixture
def renders() -> Iterator[list[str]]:
    """What was really drawn since; nothing is left of other tests."""
    drawing._drawn.cache_clear()
    names: list[str] = []

    def note(template: Template, **_: object) -> None:
        names.append(str(template.name))

    template_rendered.connect(note)
    yield names
    template_rendered.disconnect(note)


def test_equal_values_are_drawn_once(renders: list[str]) -> None:
    first = drawn(TEMPLATE, ((NOON, ("1.00", "2.00")),))
    again = drawn(TEMPLATE, ((datetime(2026, 11, 29, 12, tzinfo=UTC), ("1.00", "2.00")),))
    assert first == again
    assert renders == [TEMPLATE]


def test_another_value_and_another_clock_are_drawn_anew(renders: list[str]) -> None:
    drawn(TEMPLATE, ((NOON, ("1.00",)),))
    assert "1.01" in drawn(TEMPLATE, ((NOON, ("1.01",)),))
    with timezone.override("America/Sao_Paulo"):
        assert "2026-11-29 09:00" in drawn(TEMPLATE, ((NOON, ("1.00",)),))
    assert len(renders) == 3


def test_rows_are_told_apart_by_what_is_deep_in_them() -> None:
    assert Row(Amounts(1, 2), Money("EUR")) == Row(Amounts(1, 2), Money("EUR"))
    assert hash(Row(Amounts(1, 2), Money("EUR"))) != hash(Row(Amounts(1, 3), Money("EUR")))


def test_what_is_written_in_a_row_is_escaped() -> None:
    assert "<script>" not in drawn(TEMPLATE, ((NOON, ("<script>",)),))

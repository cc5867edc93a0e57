"""Figures, times and bars are written as in the reader's language; in English as ever."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from dashboard import charting, drawing
from dashboard.templatetags import timoneiro, usage
from deployments.selectors.usage.shapes import Amounts, Chart, QuotaLine
from tests.dashboard.catalogue import reading

MESSAGES: dict[str | tuple[str, str], str] = {
    "{time} ago": "há {time}",
    "in {time}": "em {time}",
    "since {moment}": "desde {moment}",
    ("date format", "D d M H:i"): "D d/m H:i",
    "running": "em execução",
    ("step", "Image pulled"): "Imagem baixada",
    "{count} core": "{count} núcleo",
    "{count} cores": "{count} núcleos",
    "No limit": "Sem limite",
    "{used} of at most {limit} ({percent}%)": "{used} de no máximo {limit} ({percent}%)",
    "{resource} {requested} of {limit}, {left} left": "{resource}: {requested} de {limit}, restam {left}",
    "memory": "memória",
    "Memory": "Memória",
    "requested": "solicitado",
    "used": "usado",
    "cores": "núcleos",
    "highest minute": "minuto mais alto",
    "allocatable": "alocável",
    ("column", "{title} {label}"): "{title}, {label}",
}
MEMORY_LINE = QuotaLine("memory", 8 * 2**30, None, 3 * 2**29, 0, 13 * 2**29)
TUESDAY = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def portuguese(tmp_path: Path, settings: Any) -> Iterator[None]:
    with reading(tmp_path, settings, MESSAGES):
        yield


@pytest.fixture
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def drawn(text: str, **context: object) -> str:
    return Template("{% load timoneiro usage %}" + text).render(Context(context))


def chart() -> Chart:
    none: list[int | None] = [None, None]
    return Chart(
        window="24h",
        step_seconds=9000,
        at=[0, 9000],
        cpu_requested=[1500, 1500],
        cpu_used=[250, None],
        cpu_peak=none,
        memory_requested=[2**30, 2**30],
        memory_used=none,
        memory_peak=none,
        gpu_requested=[0, 0],
        pods=[1.0, 1.0],
    )


@pytest.mark.usefixtures("english")
def test_english_figures_have_a_point() -> None:
    assert usage.cores(1_250_500) == "1,250.5"
    assert usage.size(3 * 2**29) == "1.5 GiB"
    assert usage.gib(2**40) == "1,024"
    assert usage.money(Decimal("1234.56")) == "1,234.56"
    assert timoneiro.precisely(0.42) == "0.4 s"
    assert charting.step_word(9000) == "2.5 h"
    assert drawing.amount_text(Amounts(1000, 0), "cpu") == "1 core"
    assert drawing.amount_text(Amounts(1500, 0), "cpu") == "1.5 cores"


@pytest.mark.usefixtures("portuguese")
def test_portuguese_figures_have_a_comma() -> None:
    assert usage.cores(1_250_500) == "1.250,5"
    assert usage.size(3 * 2**29) == "1,5 GiB"
    assert usage.gib(2**40) == "1.024"
    assert usage.gib(2**29) == "0,5"
    assert usage.money(Decimal("1234.56")) == "1.234,56"
    assert timoneiro.precisely(0.42) == "0,4 s"
    assert charting.step_word(9000) == "2,5 h"
    assert drawing.amount_text(Amounts(1000, 0), "cpu") == "1 núcleo"
    assert drawing.amount_text(Amounts(1500, 0), "cpu") == "1,5 núcleos"


@pytest.mark.usefixtures("english")
def test_english_times_are_as_ever() -> None:
    moment = timezone.now() - timedelta(minutes=5)
    assert ">5 min ago</time>" in drawn("{% ago moment %}", moment=moment)
    assert 'title="since 20' in drawn("{% age moment %}", moment=moment)
    assert ">in 59 min</time>" in drawn("{% left moment %}", moment=moment + timedelta(minutes=64.5))
    assert timoneiro.in_zone(TUESDAY, "Europe/Berlin") == "Tue 24 Nov 09:00"


@pytest.mark.usefixtures("portuguese")
def test_portuguese_times_come_in_its_order() -> None:
    moment = timezone.now() - timedelta(minutes=5)
    assert ">há 5 min</time>" in drawn("{% ago moment %}", moment=moment)
    assert 'title="desde 20' in drawn("{% age moment %}", moment=moment)
    assert ">em 59 min</time>" in drawn("{% left moment %}", moment=moment + timedelta(minutes=64.5))
    assert timoneiro.in_zone(TUESDAY, "Europe/Berlin") == "Ter 24/11 09:00"


@pytest.mark.usefixtures("portuguese")
def test_a_state_keeps_its_colour_and_icon_under_other_words() -> None:
    assert 'class="state state-running"' in drawn('{% state "running" %}')
    assert '<span class="state-word">em execução</span>' in drawn('{% state "running" %}')
    assert "Imagem baixada" in drawn("{{ step|rollout_word }}", step="pulled")


@pytest.mark.usefixtures("portuguese")
def test_what_is_used_of_a_limit_is_said_whole() -> None:
    assert 'title="0,25 de no máximo 1,5 (17%)"' in drawn('{% against 250 1500 "cpu" %}')
    assert 'title="Sem limite"' in drawn('{% against 250 0 "cpu" %}')
    assert drawn("{% quota_words line %}", line=MEMORY_LINE) == "memória: 1,5 GiB de 8 GiB, restam 6,5 GiB"


@pytest.mark.usefixtures("english")
def test_a_quota_is_said_in_english() -> None:
    assert drawn("{% quota_words line %}", line=MEMORY_LINE) == "memory 1.5 GiB of 8 GiB, 6.5 GiB left"


@pytest.mark.usefixtures("portuguese")
def test_bars_are_drawn_with_points_in_every_language() -> None:
    bar = drawing.level_bar(250.5, 1500, 4000)
    assert "," not in bar


@pytest.mark.usefixtures("portuguese")
def test_a_chart_has_words_for_people_and_numbers_for_its_script() -> None:
    shown = charting.shown_chart(chart(), ceiling=Amounts(4000, 2**32), ceiling_word="allocatable")
    assert shown.columns[:2] == ["CPU, solicitado", "CPU, usado"]
    assert shown.rows[-1][1][:2] == ("1,50", "0,25")
    plot = shown.data["plots"][0]
    assert plot["unit"] == "núcleos"
    assert [line["label"] for line in plot["lines"]] == [
        "solicitado",
        "usado",
        "minuto mais alto",
        "alocável",
    ]
    assert plot["lines"][0]["values"] == [1.5, 1.5]


@pytest.mark.usefixtures("english")
def test_a_chart_in_english() -> None:
    shown = charting.shown_chart(chart(), ceiling=None, ceiling_word="")
    assert shown.columns[:3] == ["CPU requested", "CPU used", "CPU highest minute"]
    assert shown.rows[-1][1][:2] == ("1.50", "0.25")

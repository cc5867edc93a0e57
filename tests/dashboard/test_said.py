"""Sentences that Python says in English are read in the reader's language."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import Context, Template
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from dashboard.said import said
from tests.dashboard.catalogue import reading

MESSAGES: dict[str | tuple[str, str], str] = {
    "Saved.": "Salvo.",
    "Deleted.": "Excluído.",
    "running": "em execução",
    "replica": "réplica",
    "replicas": "réplicas",
    "<b>Bold</b> words.": "<b>Palavras</b> em negrito.",
    "At most {max} characters.": "No máximo {max} caracteres.",
    "{n} replica": "{n} réplica",
    "{n} replicas": "{n} réplicas",
    "{name} is now {state}.": "{name}: {state}.",
    "{name} is paused.": "{name} está em pausa.",
    'No deployment is called "{given}".': 'Nenhuma implantação se chama "{given}".',
    "{used} of {limit} used": "{limit} no total, {used} em uso",
    "Not saved: {reason}": "Não foi salvo: {reason}",
    "Scaled from {before} to {after}.": "Escalado de {before} para {after}.",
    "It holds {cores} cores.": "Retém {cores} núcleos.",
    "{name} and {name} again.": "{name} e {name} de novo.",
    "First half. Second half.": "As duas metades.",
    "{a} or {b}": "{a} ou {b}",
    "CPU at {target} %": "CPU em {target} %",
    "memory at {target} %": "memória em {target} %",
    "Refused: {message}": "Recusado: {message}",
    "{amount}: they ask for {more} more.": "{amount}: pedem mais {more}.",
    "Broken {value}.": "Quebrado {other}.",
    "Only a { brace": "Só uma { chave",
    ("button", "Deployed"): "Implantar",
}


@pytest.fixture
def portuguese(tmp_path: Path, settings: Any) -> Iterator[None]:
    """A catalogue of these messages, and a reader of it."""
    with reading(tmp_path, settings, MESSAGES):
        yield


def test_english_stays_as_it_is() -> None:
    with translation.override("en"):
        assert said("At most 63 characters.") == "At most 63 characters."


@pytest.mark.usefixtures("portuguese")
@pytest.mark.parametrize(
    ("english", "meaning"),
    [
        ("Saved.", "Salvo."),
        ("At most 63 characters.", "No máximo 63 caracteres."),
        ("1 replica", "1 réplica"),
        ("2 replicas", "2 réplicas"),
        ("3 of 8 used", "8 no total, 3 em uso"),
        # A word of ours at a placeholder, and a sentence of ours.
        ("house is now running.", "house: em execução."),
        ("Not saved: At most 63 characters.", "Não foi salvo: No máximo 63 caracteres."),
        ("Scaled from 1 replica to 3 replicas.", "Escalado de 1 réplica para 3 réplicas."),
        # What people call things is no word of ours.
        ("running is paused.", "running está em pausa."),
        ('No deployment is called "running".', 'Nenhuma implantação se chama "running".'),
        # The most telling pattern, not the first that fits.
        ("house is paused.", "house está em pausa."),
        # Several sentences.
        ("Saved. Deleted.", "Salvo. Excluído."),
        ("house is paused. shop is paused.", "house está em pausa. shop está em pausa."),
        ("3 of 8 used; At most 63 characters.", "8 no total, 3 em uso; No máximo 63 caracteres."),
        ("First half. Second half. Saved.", "As duas metades. Salvo."),
        ("Saved.\nDeleted.", "Salvo.\nExcluído."),
        ("Saved. exit status 137", "Salvo. exit status 137"),
        # Figures with a unit are written as here; a version is none.
        ("It holds 1,234.5 cores.", "Retém 1.234,5 núcleos."),
        ("1.5 GiB of 8 GiB used", "8 GiB no total, 1,5 GiB em uso"),
        ("Scaled from 1.0 to 1.1.", "Escalado de 1.0 para 1.1."),
        ("a and a again.", "a e a de novo."),
        ("Only a { brace", "Só uma { chave"),
        # What is put together of parts: a prefix, brackets, a list, a full stop.
        ("env[0].name: At most 63 characters.", "env[0].name: No máximo 63 caracteres."),
        ("3 of 8 used: connection refused by peer", "8 no total, 3 em uso: connection refused by peer"),
        ("3 of 8 used: the pod is now running.", "8 no total, 3 em uso: the pod: em execução."),
        ("3 of 8 used (running)", "8 no total, 3 em uso (em execução)"),
        ("2 replicas, ClusterIP, CPU 500m", "2 réplicas, ClusterIP, CPU 500m"),
        ("running.", "em execução."),
        ("CPU at 70 %, memory at 80 %", "CPU em 70 %, memória em 80 %"),
        # What begins with a value may have taken another sentence's beginning for it.
        ("Refused: 3 of 8 used: they ask for 2 more.", "Recusado: 8 no total, 3 em uso: pedem mais 2."),
    ],
)
def test_a_sentence_is_found_by_its_words_or_its_pattern(english: str, meaning: str) -> None:
    assert said(english) == meaning


@pytest.mark.usefixtures("portuguese")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "exit status 137",
        "Back-off pulling image\r\nwith a line more",
        "At most  characters.",
        "we saw this: running",  # words of somebody else before a word of ours
        "running, as somebody else would have said",
        "at most 63 characters.",
        "Deployed",  # a message of another context
        "a and b again.",  # one name is one value
        "this or that",  # too little of its own: "{a} or {b}"
        "there are still 2 replicas",  # a short pattern takes no long values
        "Broken 5.",
        "Saved. " * 400,
    ],
)
def test_what_is_not_ours_stays_as_it_is(text: str) -> None:
    assert said(text) == text


@pytest.mark.usefixtures("portuguese")
def test_what_was_to_be_escaped_is_still_to_be_escaped() -> None:
    plain = said("<script> is now running.")
    assert not isinstance(plain, SafeString)
    shown = Template("{% load timoneiro %}{{ text|said }}").render(
        Context({"text": "<script> is now running."})
    )
    assert shown == "&lt;script&gt;: em execução."
    assert isinstance(said(mark_safe("<b>Bold</b> words.")), SafeString)


@pytest.mark.usefixtures("portuguese")
def test_templates_show_anything_else_unchanged() -> None:
    template = Template("{% load timoneiro %}{{ value|said }}")
    values = [
        (None, "None"),
        (7, "7"),
        (Message(constants.INFO, "Saved."), "Salvo."),
        (gettext_lazy("Saved."), "Salvo."),
    ]
    for value, shown in values:
        assert template.render(Context({"value": value})) == shown


@pytest.mark.usefixtures("portuguese")
@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: "{a} of {b} " * (size // 11),
        lambda size: " of" * (size // 3) + " used",
        lambda size: "a is " * (size // 5),
        lambda size: "Not saved: " * (size // 11),
        lambda size: ". " * (size // 2),
        lambda size: "; \n" * (size // 3),
        lambda size: " " * size,
        lambda size: "1," * (size // 2) + " cores",
        lambda size: "Scaled from 1 to " * (size // 17) + ".",
        lambda size: "First half. " * 11 + "x" * (size - 132),
        lambda size: "Not saved: a, b (c). " * (size // 21),
        lambda size: "running: " * (size // 9),
        lambda size: "a (" * (size // 4) + ")" * (size // 4),
        lambda size: "2 replicas, " * (size // 12),
    ],
)
def test_nothing_that_a_cluster_says_keeps_a_page_waiting(hostile: Callable[[int], str]) -> None:
    said("Saved.")  # the catalogue is read once
    for size in (1999, 5000):
        started = time.process_time()
        said(hostile(size))
        assert time.process_time() - started < 0.05


@pytest.mark.timeout(30)
@pytest.mark.parametrize("words", [" replica" * 200, "port since change memory " * 60])
def test_short_patterns_in_one_another_are_not_tried_in_every_combination(words: str) -> None:
    """With each more it took four times as long: of these it would be the age of the universe."""
    with translation.override("pt-br"):
        for text in (f"a b c{words}", f"There is no pod 'x; a b c{words}; y'.", f"{words}a b c"):
            assert said(text)


def test_words_that_were_safe_once_are_not_safe_from_somebody_else() -> None:
    with translation.override("pt-br"):
        assert isinstance(said(mark_safe("<b>nothing of ours</b>")), SafeString)
        assert not isinstance(said("<b>nothing of ours</b>"), SafeString)

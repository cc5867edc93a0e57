"""Words of templates are looked up once in each language, and only what cannot be different is kept."""

from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import translation

from tests.dashboard.catalogue import write_catalogue


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, settings: Any) -> None:
    write_catalogue(tmp_path, {"Save": "Salvar", "Name": "Nome", "100%% of it": "100%% disso"})
    settings.LOCALE_PATHS = [tmp_path]


def said_in(language: str, template: Template, **values: str) -> str:
    with translation.override(language):
        return template.render(Context(values))


@pytest.mark.parametrize("tag", ["translate", "trans"])
def test_words_are_said_in_the_language_of_each_reader(tag: str) -> None:
    template = Template("{% load i18n %}{% " + tag + ' "Save" %}')
    for _ in range(2):
        assert said_in("pt-br", template) == "Salvar"
        assert said_in("en", template) == "Save"


def test_a_variable_is_translated_and_escaped_each_time() -> None:
    template = Template("{% load i18n %}{% translate word %}")
    assert said_in("pt-br", template, word="Save") == "Salvar"
    assert said_in("pt-br", template, word="Name") == "Nome"
    assert said_in("pt-br", template, word="<b>") == "&lt;b&gt;"


def test_a_filter_and_a_name_are_for_each_time() -> None:
    assert said_in("pt-br", Template('{% load i18n %}{% translate "Save"|upper %}')) == "SALVAR"
    template = Template('{% load i18n %}{% translate "Save" as word %}{{ word }}.')
    assert said_in("pt-br", template) == said_in("pt-br", template) == "Salvar."


def test_what_is_safe_stays_so_and_percents_are_one() -> None:
    template = Template('{% load i18n %}{% translate "100% of it" %} {% translate "<b>" %}')
    assert said_in("pt-br", template) == said_in("pt-br", template) == "100% disso <b>"


def test_another_catalogue_is_asked_anew(tmp_path: Path, settings: Any) -> None:
    template = Template('{% load i18n %}{% translate "Save" %}')
    assert said_in("pt-br", template) == "Salvar"
    write_catalogue(tmp_path / "other", {"Save": "Gravar"})
    settings.LOCALE_PATHS = [tmp_path / "other"]
    assert said_in("pt-br", template) == "Gravar"

"""What scripts say is in the catalogue, and a page in another language brings it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import translation

from dashboard.words import SCRIPTS
from tests.dashboard.catalogue import reading

SCRIPTS_FOLDER = Path(__file__).parents[2] / "static" / "js"
SAID = re.compile(r'\bt\((?:[^"()]*\? )?"([^"]+)"(?: : "([^"]+)")?')


@pytest.fixture
def portuguese(tmp_path: Path, settings: Any) -> Iterator[None]:
    with reading(tmp_path, settings, {"Copied.": "Copiado.", "live": "ao vivo", "pieces": "pieces"}):
        yield


def sources_of(script: str) -> str:
    several = (
        sorted(SCRIPTS_FOLDER.glob("logs*.js")) if script == "logs" else [SCRIPTS_FOLDER / f"{script}.js"]
    )
    return "".join(one.read_text() for one in several)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_table_has_what_the_script_says_and_nothing_else(script: str) -> None:
    source = sources_of(script)
    said = {words for found in SAID.findall(source) for words in found if words}
    assert said <= {*SCRIPTS[script], *SCRIPTS["app"]}
    assert [words for words in SCRIPTS[script] if f'"{words}"' not in source] == []


def test_no_script_is_without_its_words() -> None:
    speaking = {path.stem for path in SCRIPTS_FOLDER.glob("*.js") if SAID.search(path.read_text())}
    assert {name.split("-")[0] if name.startswith("logs") else name for name in speaking} == set(SCRIPTS)


def test_every_page_with_a_script_brings_its_words() -> None:
    templates = SCRIPTS_FOLDER.parents[1] / "templates"
    for path in templates.rglob("*.html"):
        for name in re.findall(r"static 'js/([\w-]+)\.js'", text := path.read_text()):
            assert (
                name not in SCRIPTS
                or f'{{% words "{name}" %}}<script src="{{% static \'js/{name}.js\'' in text
            )


def drawn(script: str) -> str:
    return Template("{% load timoneiro %}{% words script %}").render(Context({"script": script}))


def test_an_english_page_brings_none() -> None:
    with translation.override("en"):
        assert drawn("app") == ""


@pytest.mark.usefixtures("portuguese")
def test_another_page_brings_those_that_are_others() -> None:
    block = re.fullmatch(r'<script id="words-app" type="application/json">(.*)</script>', drawn("app"))
    assert block and json.loads(block[1]) == {"Copied.": "Copiado.", "live": "ao vivo"}
    assert drawn("usage-chart") == ""

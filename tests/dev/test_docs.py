"""What the documents say is what the product does."""

import gettext
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployments.webhooks.outbox import KINDS, TEST
from deployments.webhooks.sending import SIGNATURE, signature
from devtools.diagnoses import TARGET, table
from k8s.diagnosis import WORDS

WEBHOOKS = Path(TARGET).with_name("webhooks.md")
DOCS = Path(TARGET).parent
GUIDES = ("guide.md", "guia.md")
EMPHASIS = re.compile(r"(\*{1,2})(?! )([^*]+?)\1")
BODY = b'{"id": "1", "message": "\xc3\xa9"}'


@pytest.fixture
def is_from_timoneiro() -> Callable[..., bool]:
    """The document's own example."""
    found = re.search(r"```python\n(.*?)```", WEBHOOKS.read_text(), re.S)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102  the example as readers copy it
    function: Callable[..., bool] = names["is_from_timoneiro"]
    return function


def test_the_table_of_diagnoses_is_the_one_the_product_speaks_from() -> None:
    assert TARGET.read_text() == table(), "run .venv/bin/python -m devtools.diagnoses"


def test_every_diagnosis_is_in_the_table_in_a_row_of_its_own() -> None:
    rows = [line for line in table().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(WORDS)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
    assert "{" not in "".join(rows)


def test_the_example_takes_what_we_sign(is_from_timoneiro: Callable[..., bool]) -> None:
    header = signature("secret", BODY, at=int(time.time()))
    assert is_from_timoneiro("secret", header, BODY)
    assert not is_from_timoneiro("other", header, BODY)
    assert not is_from_timoneiro("secret", header, BODY + b" ")


def test_the_example_refuses_the_old_and_the_nonsense(is_from_timoneiro: Callable[..., bool]) -> None:
    assert not is_from_timoneiro("secret", signature("secret", BODY, at=int(time.time()) - 600), BODY)
    for header in ("", "t=1", "v1=00", "t=x,v1=00", "nonsense", "t=,v1="):
        assert not is_from_timoneiro("secret", header, BODY)


def test_every_event_and_header_is_named() -> None:
    text = WEBHOOKS.read_text()
    for name in (*KINDS, TEST):
        assert f"| `{name}` |" in text
    for name in (SIGNATURE, "Timoneiro-Event", "Timoneiro-Delivery", "WEBHOOK_ALLOW="):
        assert name in text


def test_both_guides_call_what_is_on_a_page_as_it_is_called_there() -> None:
    said = [[" ".join(found[1].split()) for found in EMPHASIS.findall(prose(page))] for page in GUIDES]
    assert len(said[0]) == len(said[1])
    words = gettext.translation("django", DOCS.parent / "locale", ["pt_BR"], fallback=True)
    for word, its in zip(*said, strict=True):
        # The same English may mean two things; what the pages never say is nobody's to compare.
        shown = {words.gettext(word), words.pgettext("deployment", word)} - {word}
        assert not shown or its in shown, word


def prose(page: str) -> str:
    """Without its blocks of code, and without the stars of lists."""
    text = re.sub(r"^```.*?^```$", "", (DOCS / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^\* ", "", text, flags=re.MULTILINE)

"""What there is to translate, and what has been: `python -m devtools.messages`.

Gathers the words of templates (Django's own tags), of Python (gettext's functions) and the sentences
that Python makes for people (devtools/sentences.py) into locale/*/LC_MESSAGES/django.po, keeps what is
translated, and compiles it. `--check` changes nothing and fails where that would change something, where a
translation is missing, or where it lacks a placeholder. `--merge FILE` takes translations from JSON,
`{"msgid": "msgstr"}`; a plural's msgid is `"one\\u0000many"`, its msgstr a list, and with a context it is
`"context\\u0004msgid"`.

No program of the system is needed: what is compiled is committed, since who installs has no compiler for it.
"""

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from devtools.sentences import not_shown, sentences

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("pt_BR",)
TEMPLATES = ("templates", "dashboard/templates", "deployments/templates", "teams/templates")
PYTHON = ("dashboard", "deployments", "teams")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_noop": None,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
HEADER = (
    "# Timoneiro in another language. Made by `python -m devtools.messages`: only msgstr is written by hand."
)
# Headers: moments of making would make every run a change, and there is no list of translators.
_OF_NO_USE = re.compile(
    rb'"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Report-Msgid-Bugs-To|Language-Team):'
)
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")

Found = tuple[str | tuple[str, ...], str | None, str]
"""Msgid (or singular and plural), context, file."""


def main(arguments: list[str]) -> int:
    """Bring the files up to date, or check that they are; 0 when all is translated."""
    template = gathered()
    problems = []
    for language in LANGUAGES:
        path = ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
        before = path.read_bytes() if path.exists() else b""
        catalog = brought_up(before, language, template)
        for file in arguments[1:] if arguments[:1] == ["--merge"] else ():
            merge(catalog, json.loads(Path(file).read_text()))
        text, binary = written(catalog)
        compiled = path.with_suffix(".mo")
        if arguments != ["--check"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            compiled.write_bytes(binary)
        elif before != text or not compiled.exists() or compiled.read_bytes() != binary:
            problems.append(f"{path.relative_to(ROOT)} is out of date: run python -m devtools.messages")
        problems += [f"{language}: {problem}" for problem in lacking(catalog)]
    problems += out_of_place()
    print("\n".join(problems) or f"{len(template)} messages, all translated")
    return 1 if problems else 0


def gathered() -> Catalog:
    """Every message of the product, once, with the files that have it."""
    catalog = Catalog(charset="utf-8")
    hidden = set(not_shown())
    for msgid, context, file in (*of_templates(), *of_python(), *of_sentences()):
        if msgid not in hidden:
            catalog.add(msgid, locations=[(file, 0)], context=context)
    return catalog


def of_templates() -> Iterator[Found]:
    """The words in Django's template tags."""
    for folder in TEMPLATES:
        for path in sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".html", ".txt")):
            # What is left of a template's source between its words is letters: of no language that
            # has comments. JavaScript is read without minding what stands between.
            yield from _extracted("javascript", templatize(path.read_text()).encode(), path)


def of_python() -> Iterator[Found]:
    """The arguments of gettext's functions."""
    for folder in PYTHON:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from _extracted("python", path.read_bytes(), path)


def of_sentences() -> Iterator[Found]:
    """What Python says in English, and pages in the reader's language."""
    for msgid, file, _line in all_sentences():
        yield msgid, None, file


@cache
def all_sentences() -> tuple[tuple[str, str, int], ...]:
    """Read once: it takes seconds."""
    return tuple(sentences())


def _extracted(how: str, source: bytes, path: Path) -> Iterator[Found]:
    file = str(path.relative_to(ROOT))
    for _line, msgid, _comments, context in extract(how, io.BytesIO(source), keywords=KEYWORDS):
        yield msgid, context, file


def brought_up(before: bytes, language: str, template: Catalog) -> Catalog:
    """The messages of today with the translations that there are; what is said no longer is dropped."""
    known = read_po(io.BytesIO(before), locale=language)
    catalog = Catalog(
        locale=language, project="Timoneiro", version="1", charset="utf-8", header_comment=HEADER, fuzzy=False
    )
    for message in sorted(template, key=_order):
        if message.id:
            old = known.get(message.id, message.context)
            string = old.string if old is not None else ""
            catalog.add(message.id, string, sorted(set(message.locations)), context=message.context)
    return catalog


def _order(message: Message) -> tuple[str, str]:
    first = message.id if isinstance(message.id, str) else message.id[0]
    return first, message.context or ""


def merge(catalog: Catalog, translations: dict[str, str | list[str]]) -> None:
    """Fill in what the file has; a message that there is not (any more) is left out."""
    for key, string in translations.items():
        context, between, rest = key.rpartition("\4")
        msgid = tuple(rest.split("\0")) if "\0" in rest else rest
        message = catalog.get(msgid, context if between else None)
        if message is None and isinstance(msgid, tuple):
            message = catalog.get(msgid[0], context if between else None)
        if message is not None:
            message.string = tuple(string) if isinstance(string, list) else string


def written(catalog: Catalog) -> tuple[bytes, bytes]:
    """The catalogue as text and compiled, the same for the same messages."""
    text, binary = io.BytesIO(), io.BytesIO()
    write_po(text, catalog, width=110, include_lineno=False, omit_header=False)
    kept = [line for line in text.getvalue().splitlines(keepends=True) if not _OF_NO_USE.match(line)]
    compiled = read_po(io.BytesIO(b"".join(kept)), locale=catalog.locale)
    # It would be the time of day, and no two runs would make the same.
    compiled.creation_date = _NO_DATE
    write_mo(binary, compiled)
    return b"".join(kept), binary.getvalue()


def lacking(catalog: Iterable[Message]) -> Iterator[str]:
    """What is not translated, or not with what it has to hold."""
    for message in catalog:
        if not message.id:
            continue
        ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        strings = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
        if not all(strings):
            yield f"not translated: {ids[0]!r} ({message.locations[0][0]})"
            continue
        wanted = placeholders(ids[-1])
        # "One replica" needs no number.
        if placeholders(strings[-1]) != wanted or any(placeholders(string) - wanted for string in strings):
            yield f"placeholders differ: {ids[-1]!r} and {strings!r}"


def placeholders(text: str) -> set[str]:
    """The names of what is filled in: of `%(name)s` and `{name}`."""
    return {one or other for one, other in _PLACEHOLDER.findall(text)}


def out_of_place() -> Iterator[str]:
    """Lines of locale/not-shown.txt that nothing says."""
    said = {msgid for msgid, _, _ in all_sentences()}
    for msgid in not_shown():
        if msgid not in said:
            yield f"locale/not-shown.txt: nothing says {msgid!r}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

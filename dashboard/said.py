"""Sentences of ours in the language of whoever reads them.

Python says everything in English: to pages, to programs, and in rows that are kept for years. Where a page
shows a sentence it is found in the catalogue again, word for word or by its pattern: f"At most {MAX} tries."
is the message "At most {max} tries." there. What is not found stays as it is, as people's own words do.

Texts may come from anywhere, a cluster's messages too. So patterns are no regular expressions: what is
between placeholders is looked for from left to right once, and nothing is ever tried again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from string import Formatter
from typing import Any

from django.utils.safestring import SafeData, mark_safe
from django.utils.translation import get_language
from django.utils.translation.trans_real import DjangoTranslation, catalog

from dashboard.figures import localized

LONGEST_TEXT = 2000
TEXTS_KEPT = 1024
FEWEST_LETTERS = 4
"""Besides its placeholders: a pattern with less of its own would find itself anywhere."""
SHORT_PATTERN = 12
"""Letters below which a pattern's values are no more than two words, unless after a colon."""
MOST_SENTENCES = 12
DEEPEST = 3
"""A sentence in a sentence in a sentence."""
CONTEXT_SEPARATOR = "\x04"
# Placeholders of these names are what people call things, though one may be called "running".
NAMES = re.compile(
    "(?:account|address|by|cluster|container|deployment|email|host|image|key|login|model|name|namespace|node"
    "|path|pod|secret|slug|tag|team|url|user|username|version|who|zone)(?:_[0-9]+)?"
)
# With a unit: "1.0" alone may be a version.
FIGURE = re.compile(r"(\d[\d,]{0,30}(?:\.\d{1,9})?)( (?:[KMGTP]i)?B| cores?|%|)")
UNITS = re.compile(r" (?:[KMGTP]i)?B\b| cores?\b|%")
WORD = re.compile(r"\w+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|;\s+|\n+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A message with placeholders: `literals` are around them, one more than there are `names`.

    `meaning` is the translation: text and the placeholder after it, or None at its end.
    """

    literals: tuple[str, ...]
    names: tuple[str, ...]
    meaning: tuple[tuple[str, str | None], ...]
    letters: int

    def values_in(self, text: str) -> list[str] | None:
        """What stands at the placeholders, at least a character each; None if it is another sentence."""
        first, *between, last = self.literals
        place, end = len(first), len(text) - len(last)
        if place >= end or not text.startswith(first) or not text.endswith(last):
            return None
        values = []
        for literal in between:
            found = text.find(literal, place + 1, end)
            if found < 0:
                return None
            values.append(text[place:found])
            place = found + len(literal)
        if place >= end:
            return None
        values.append(text[place:end])
        if self.letters < SHORT_PATTERN and any(
            value.count(" ") > 1 and not before.endswith(": ")
            for before, value in zip(self.literals, values, strict=False)
        ):
            return None
        known = dict(zip(self.names, values, strict=True))
        return values if [known[name] for name in self.names] == values else None


@dataclass(slots=True)
class Sentences:
    """What one language has: `exact` messages, and patterns by a word that each of them needs."""

    exact: dict[str, str] = field(default_factory=dict)
    by_word: dict[str, list[Pattern]] = field(default_factory=dict)
    without_word: list[Pattern] = field(default_factory=list)

    def matching(self, text: str) -> Iterator[tuple[Pattern, list[str]]]:
        """Patterns that fit, the most telling first, with what stands at their placeholders."""
        candidates = [*self.without_word]
        for word in set(WORD.findall(text)):
            candidates += self.by_word.get(word, ())
        for pattern in sorted(candidates, key=lambda one: -one.letters):
            values = pattern.values_in(text)
            if values is not None:
                yield pattern, values


def said(text: str) -> str:
    """The sentence in the active language; unchanged if that is English, or if it is none of ours."""
    if not text or len(text) > LONGEST_TEXT or (get_language() or "en").startswith("en"):
        return text
    found = _said(str(text), catalog())
    # Of what was safe each part is, and what is around the parts is the catalogue's.
    return mark_safe(found) if isinstance(text, SafeData) else found  # noqa: S308


@lru_cache(maxsize=TEXTS_KEPT)
def _said(text: str, translation: DjangoTranslation) -> str:
    return _translated(text, _sentences_of(translation), 0) or text


def _translated(text: str, known: Sentences, depth: int) -> str | None:
    """The whole of it, else what is known of its sentences; None if nothing is."""
    exact = known.exact.get(text)
    if exact is not None or depth > DEEPEST:
        return exact
    fitting = next(known.matching(text), None)
    if fitting and not any(SENTENCE_END.search(value) for value in fitting[1]):
        return _filled(*fitting, known, depth)
    # A value with sentences in it may be the end of one and the beginning of another.
    parted, whole = _by_sentences(text, known, depth)
    if whole or not fitting:
        return parted
    return _filled(*fitting, known, depth)


def _by_sentences(text: str, known: Sentences, depth: int) -> tuple[str | None, bool]:
    """Each by itself, or two together where the catalogue has them so; whether all of them are known."""
    ends = [(end.start(), end.end()) for end in SENTENCE_END.finditer(text)]
    if not ends or len(ends) >= MOST_SENTENCES:
        return None, False
    starts = [0, *(after for _, after in ends)]
    stops = [*(before for before, _ in ends), len(text)]
    made, place, found, missed = "", 0, False, False
    while place < len(starts):
        last = min(place + 1, len(starts) - 1)
        for until in range(last, place - 1, -1):
            if (until, place) == (len(starts) - 1, 0):
                continue  # the whole text, which is why we are here
            piece = text[starts[place] : stops[until]]
            meaning = _alone(piece, known, depth)
            if meaning is not None or until == place:
                break
        found, missed = found or meaning is not None, missed or meaning is None
        place = until + 1
        made += piece if meaning is None else meaning
        made += text[stops[until] : starts[place]] if place < len(starts) else ""
    return (made if found else None), found and not missed


def _alone(text: str, known: Sentences, depth: int) -> str | None:
    exact = known.exact.get(text)
    if exact is not None:
        return exact
    for pattern, values in known.matching(text):
        if not any(SENTENCE_END.search(value) for value in values):
            return _filled(pattern, values, known, depth)
    return None


def _filled(pattern: Pattern, values: list[str], known: Sentences, depth: int) -> str:
    shown = {
        name: value if before[-1:] in ("'", '"', "`") else _value(name, value, after, known, depth)
        for name, value, before, after in zip(
            pattern.names, values, pattern.literals, pattern.literals[1:], strict=False
        )
    }
    return "".join(literal + (shown[name] if name else "") for literal, name in pattern.meaning)


def _value(name: str, value: str, after: str, known: Sentences, depth: int) -> str:
    """What stands at a placeholder: a word or a sentence of ours, a figure, or anything else as it is."""
    figure = FIGURE.fullmatch(value)
    if figure and (figure[2] or UNITS.match(after)):
        return localized(value)
    if NAMES.fullmatch(name):
        return value
    if " " in value:
        return _translated(value, known, depth + 1) or value
    return known.exact.get(value, value)


@lru_cache(maxsize=4)
def _sentences_of(translation: DjangoTranslation) -> Sentences:
    """A catalogue, read once. A message with a context is a word that templates ask for by it."""
    sentences = Sentences()
    patterns = []
    messages: Any = translation._catalog  # noqa: SLF001  there is no other way to all of them
    for message, meaning in messages.items():
        if not isinstance(message, str) or not message or CONTEXT_SEPARATOR in message:
            continue
        # Of several catalogues the first is ours.
        sentences.exact.setdefault(message, meaning)
        if "{" in message and (pattern := _pattern(message, meaning)):
            patterns.append(pattern)
    _arrange(patterns, sentences)
    return sentences


def _pattern(message: str, meaning: str) -> Pattern | None:
    try:
        parts = [(text, name) for text, name, _, _ in Formatter().parse(message)]
        filled = tuple((text, name) for text, name, _, _ in Formatter().parse(meaning))
    except ValueError:
        return None  # a brace that is only a brace
    names = tuple(name for _, name in parts if name is not None)
    literals = [text for text, _ in parts]
    if parts[-1][1] is not None:
        literals.append("")
    letters = sum(char.isalpha() for text in literals for char in text)
    unknown = {name for _, name in filled if name is not None} - set(names)
    if not names or unknown or letters < FEWEST_LETTERS or not all(name.isidentifier() for name in names):
        return None
    return Pattern(tuple(literals), names, filled, letters)


def _arrange(patterns: list[Pattern], sentences: Sentences) -> None:
    """By the word of each that the fewest others have: few are then looked at for any text."""
    words = {pattern: _whole_words(pattern) for pattern in patterns}
    common = Counter(word for of_one in words.values() for word in of_one)
    by_word = defaultdict(list)
    for pattern, of_one in words.items():
        if of_one:
            by_word[min(of_one, key=lambda word: (common[word], -len(word)))].append(pattern)
        else:
            sentences.without_word.append(pattern)
    sentences.by_word = dict(by_word)


def _whole_words(pattern: Pattern) -> set[str]:
    """Words that a placeholder cannot make longer: not the "s" of "{count}s"."""
    found = set()
    last = len(pattern.literals) - 1
    for place, literal in enumerate(pattern.literals):
        for word in WORD.finditer(literal):
            begins = word.start() > 0 or place == 0
            ends = word.end() < len(literal) or place == last
            if begins and ends:
                found.add(word[0])
    return found

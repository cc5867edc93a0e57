"""Messages of a catalogue with placeholders, and which of them a sentence may have been made from.

Sentences may hold what anybody wrote, a cluster's messages too. So patterns are no regular expressions: what
is between placeholders is looked for from left to right once, and nothing is ever tried again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from string import Formatter
from typing import Any

from django.utils.translation.trans_real import DjangoTranslation

FEWEST_LETTERS = 4
"""Besides its placeholders: a pattern with less of its own would find itself anywhere."""
CONTEXT_SEPARATOR = "\x04"
WORD = re.compile(r"\w+")


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
        known = dict(zip(self.names, values, strict=True))
        return values if [known[name] for name in self.names] == values else None


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern with what stands at each of its placeholders."""

    pattern: Pattern
    values: list[str]

    def parts(self) -> Iterator[tuple[str, str, str, str]]:
        """Of each placeholder its name, what stands there, what is before and what after."""
        literals = self.pattern.literals
        return zip(self.pattern.names, self.values, literals, literals[1:], strict=False)


@dataclass(slots=True)
class Sentences:
    """What one language has: `exact` messages, and patterns by a word that each of them needs."""

    exact: dict[str, str] = field(default_factory=dict)
    by_word: dict[str, list[Pattern]] = field(default_factory=dict)
    without_word: list[Pattern] = field(default_factory=list)

    def matching(self, text: str) -> Iterator[Match]:
        """Patterns that fit, those with the most letters of their own first."""
        candidates = [*self.without_word]
        for word in set(WORD.findall(text)):
            candidates += self.by_word.get(word, ())
        for pattern in sorted(candidates, key=lambda one: -one.letters):
            values = pattern.values_in(text)
            if values is not None:
                yield Match(pattern, values)


@lru_cache(maxsize=4)
def sentences_of(translation: DjangoTranslation) -> Sentences:
    """A catalogue, read once. A message with a context is a word that templates ask for by it."""
    sentences = Sentences()
    patterns = []
    # Django has no name for all of them together.
    messages: Any = vars(translation)["_catalog"]
    for message, meaning in messages.items():
        if not isinstance(message, str) or not message or CONTEXT_SEPARATOR in message:
            continue
        # Of several catalogues the first is ours.
        sentences.exact.setdefault(message, meaning)
        if "{" in message and (pattern := pattern_of(message, meaning)):
            patterns.append(pattern)
    _arrange(patterns, sentences)
    return sentences


def pattern_of(message: str, meaning: str) -> Pattern | None:
    """None where nothing is filled in, or too little is said besides."""
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
            by_word[min(of_one, key=lambda word: (common[word], -len(word), word))].append(pattern)
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

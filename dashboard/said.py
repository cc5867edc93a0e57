"""Sentences of ours in the language of whoever reads them.

Python says everything in English: to pages, to programs, and in rows that are kept for years. Where a page
shows a sentence it is found in the catalogue again, word for word or by its pattern: f"At most {MAX} tries."
is the message "At most {max} tries." there. What is not found stays as it is, as people's own words do.
"""

import re
from functools import lru_cache

from django.utils.safestring import SafeData, mark_safe
from django.utils.translation import get_language
from django.utils.translation.trans_real import DjangoTranslation, catalog

from dashboard.figures import localized
from dashboard.patterns import Match, Sentences, sentences_of

LONGEST_TEXT = 2000
TEXTS_KEPT = 1024
SHORT_PATTERN = 12
"""Letters below which a pattern's values are two words at most, or after a colon, or sentences of ours."""
MOST_SENTENCES = 12
MOST_PIECES = 20
DEEPEST = 4
"""How often there may be a sentence in a sentence."""
# Placeholders of these names are what people or Kubernetes call things, though one may be called "running".
NAMES = re.compile(
    "(?:account|address|by|cluster|container|deployment|email|host|image|key|kind|login|model|name|namespace"
    "|node|path|pod|removed|secret|slug|tag|team|url|user|username|version|who|zone)(?:_[0-9]+)?"
)
# Placeholders of these names are figures also where no unit says so: "1.0" alone may be a version.
FIGURES = re.compile("bounds|hour|least|money|most|price")
FIGURE = re.compile(r"(\d[\d,]{0,30}(?:\.\d{1,9})?)( (?:[KMGTP]i)?B| cores?|%|)")
UNITS = re.compile(r" (?:[KMGTP]i)?B\b| cores?\b|%")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|;\s+|\n+")


def said(text: str) -> str:
    """The sentence in the active language; unchanged if that is English, or if it is none of ours."""
    if not text or len(text) > LONGEST_TEXT or (get_language() or "en").startswith("en"):
        return text
    # A plain text, also of a safe one: whoever asks for the same words later must not be given those as safe.
    found = _said("".join(text), catalog())
    # Of what was safe each part is, and what is around the parts is the catalogue's.
    return mark_safe(found) if isinstance(text, SafeData) else found  # noqa: S308


@lru_cache(maxsize=TEXTS_KEPT)
def _said(text: str, translation: DjangoTranslation) -> str:
    return _translated(text, sentences_of(translation), 0) or text


def _translated(text: str, known: Sentences, depth: int) -> str | None:
    """The whole of it, else what is known of its parts; None if nothing is."""
    if depth > DEEPEST:
        return known.exact.get(text)
    whole = _alone(text, known, depth)
    if whole is not None:
        return whole
    parted, all_known = _by_sentences(text, known, depth)
    if all_known:
        return parted
    return (
        _after_colon(text, known, depth)
        or _loosely(text, known, depth)
        or parted
        or _rest(text, known, depth)
    )


def _alone(text: str, known: Sentences, depth: int) -> str | None:
    """One sentence: a message, or a pattern with values that are no parts of other sentences."""
    exact = known.exact.get(text)
    if exact is not None:
        return exact
    fitting = (
        match for match in known.matching(text) if not _is_loose(match) and _is_meant(match, known, depth)
    )
    match = next(fitting, None)
    if match is None:
        return None
    if match.pattern.letters < SHORT_PATTERN and ", " in text:
        # "CPU at 70 %, memory at 80 %" are two of them, not one with a long value.
        meanings = [_alone(piece, known, depth) for piece in text.split(", ", MOST_PIECES)]
        if all(meanings):
            return ", ".join(filter(None, meanings))
    return _filled(match, known, depth)


def _loosely(text: str, known: Sentences, depth: int) -> str | None:
    """A pattern although its values may be the end of one sentence and the beginning of another."""
    fitting = [match for match in known.matching(text) if _is_meant(match, known, depth)]
    # What begins with words of its own cannot have taken them for a value.
    best = min(fitting, key=lambda match: not match.pattern.literals[0], default=None)
    return None if best is None else _filled(best, known, depth)


def _is_loose(match: Match) -> bool:
    *earlier, last = match.values
    after_colon = match.pattern.literals[-2].endswith(": ") and not match.pattern.literals[-1]
    return any(SENTENCE_END.search(value) for value in match.values) or any(
        ": " in value for value in (earlier if after_colon else (*earlier, last))
    )


def _is_meant(match: Match, known: Sentences, depth: int) -> bool:
    """Not with any long text in a pattern that says little itself."""
    # Never back to the surface: short patterns in one another would be tried in every combination.
    deeper = max(depth + 1, DEEPEST - 1)
    return match.pattern.letters >= SHORT_PATTERN or all(
        value.replace(", ", ",").count(" ") < 2
        or before.endswith(": ")
        or _translated(value, known, deeper) is not None
        for _, value, before, _ in match.parts()
    )


def _by_sentences(text: str, known: Sentences, depth: int) -> tuple[str | None, bool]:
    """Each by itself, or two together where the catalogue has them so; whether all of them are known."""
    ends = [(end.start(), end.end()) for end in SENTENCE_END.finditer(text)]
    if not ends or len(ends) >= MOST_SENTENCES:
        return None, False
    starts = [0, *(after for _, after in ends)]
    stops = [*(before for before, _ in ends), len(text)]
    made, place, found, missed = "", 0, False, False
    while place < len(starts):
        pair = text[starts[place] : stops[min(place + 1, len(stops) - 1)]]
        meaning = _alone(pair, known, depth) if pair != text else None
        until = place if meaning is None else min(place + 1, len(stops) - 1)
        piece = text[starts[place] : stops[until]]
        if meaning is None:
            meaning = _alone(piece, known, depth) or _after_colon(piece, known, depth)
            meaning = meaning or _rest(piece, known, depth)
        found, missed = found or meaning is not None, missed or meaning is None
        place = until + 1
        made += meaning or piece
        made += text[stops[until] : starts[place]] if place < len(starts) else ""
    return (made if found else None), found and not missed


def _after_colon(text: str, known: Sentences, depth: int) -> str | None:
    """What is before the first colon, and after it. A name may be before it, but not just any words."""
    head, colon, tail = text.partition(": ")
    if not colon:
        return None
    before = _alone(head, known, depth)
    if before is None and " " in head:
        return None
    after = _translated(tail, known, depth + 1)
    return None if before is None and after is None else f"{before or head}: {after or tail}"


def _rest(text: str, known: Sentences, depth: int) -> str | None:
    """A sentence before brackets, a list, or a full stop too many."""
    if text.endswith(")") and " (" in text:
        head, _, inner = text[:-1].rpartition(" (")
        before = _alone(head, known, depth)
        if before is not None:
            return f"{before} ({_translated(inner, known, depth + 1) or inner})"
    pieces = text.split(", ", MOST_PIECES)
    if len(pieces) > 1:
        meanings = [_alone(piece, known, depth) for piece in pieces]
        pairs = list(zip(pieces, meanings, strict=True))
        if any(meanings) and all(meaning or piece.count(" ") < 2 for piece, meaning in pairs):
            return ", ".join(meaning or piece for piece, meaning in pairs)
    short = _alone(text[:-1], known, depth) if text.endswith(".") else None
    return None if short is None else f"{short}."


def _filled(match: Match, known: Sentences, depth: int) -> str:
    shown = {
        name: value if before[-1:] in ("'", '"', "`") else _value(name, value, after, known, depth)
        for name, value, before, after in match.parts()
    }
    return "".join(literal + (shown[name] if name else "") for literal, name in match.pattern.meaning)


def _value(name: str, value: str, after: str, known: Sentences, depth: int) -> str:
    """What stands at a placeholder: a word or a sentence of ours, a figure, or anything else as it is."""
    figure = FIGURE.fullmatch(value)
    if figure and (figure[2] or UNITS.match(after) or FIGURES.fullmatch(name)):
        return localized(value)
    if NAMES.fullmatch(name):
        return value
    if " " in value:
        return _translated(value, known, depth + 1) or value
    return known.exact.get(value, value)

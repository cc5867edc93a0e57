"""Parts of pages that say the same as a moment ago, drawn once.

A table is asked for again with every change of any of its rows, by everybody who has it open, and drawing
its rows is most of what that costs. What a row says is a value here, and equal values look the same whoever
asks: nothing has to be thrown away when something changes, and nothing can be seen that was not passed in.
"""

from collections.abc import Hashable, Iterable
from functools import lru_cache

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

KEPT = 4096
"""Rows of a table are about 2 KiB each, and every process that draws pages keeps its own."""


def drawn(template: str, row: Hashable) -> SafeString:
    """The template with `row` and nothing else: all that it depends on, moments in words of now included."""
    [one] = drawn_each(template, [row])
    return one


def drawn_each(template: str, rows: Iterable[Hashable]) -> list[SafeString]:
    """As `drawn`, for each of `rows`."""
    zone, language = timezone.get_current_timezone_name(), get_language()
    return [_drawn(template, row, zone, language) for row in rows]


@lru_cache(maxsize=KEPT)
def _drawn(template: str, row: Hashable, zone: str, language: str | None) -> SafeString:
    # Zone and language are the active ones, by which times and words are written: part of the key.
    del zone, language
    return render_to_string(template, {"row": row})

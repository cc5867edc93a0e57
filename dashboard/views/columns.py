"""Headings of tables that can be sorted by their columns."""

from collections.abc import Iterable

Column = tuple[str, str, str]
"""Sort key ("" when it cannot be sorted), word, class."""


def headings(columns: Iterable[Column], sort: str, *, largest_first: bool = False) -> list[dict[str, str]]:
    """The columns, each with the sort its heading leads to and how it is sorted now.

    `largest_first`: numbers that are not sorted by yet are sorted downwards first.
    """
    current, descending = sort.removeprefix("-"), sort.startswith("-")

    def leads_to(key: str, style: str) -> str:
        downwards = not descending if key == current else largest_first and style == "num"
        return f"-{key}" if key and downwards else key

    return [
        {
            "key": key,
            "word": word,
            "class": style,
            "sort": leads_to(key, style),
            "aria": ("descending" if descending else "ascending") if key and key == current else "",
        }
        for key, word, style in columns
    ]

"""What a cluster says and the database cannot take: left out and logged, and the rest goes on."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import DataError, transaction

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

# A number too large for its column, a character that cannot be stored. SQLite says the former by itself.
NEVER_HEAL = (DataError, OverflowError)
_LONGEST = 300


def store(items: Sequence[Item], write: Callable[[Sequence[Item]], object], *, name: str) -> None:
    """Writes all at once; where that cannot be, each by itself but those that cannot.

    To try again would change nothing: without this, one odd row would keep all others from being
    stored, for ever. `name` is what one is called in the log, with "{}" for the item.
    """
    try:
        with transaction.atomic():
            write(items)
    except NEVER_HEAL as exc:
        if len(items) == 1:
            logger.error(
                "%s cannot be stored and is left out: %s", name.format(items[0]), str(exc)[:_LONGEST]
            )
            return
    else:
        return
    for item in items:
        store([item], write, name=name)


def storable(text: str) -> str:
    """What a cluster said, without what no PostgreSQL takes."""
    return text.replace("\0", "")

"""Remarks that an answer carries in its ``Warning`` header, made anywhere below the handler."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

_REMARKS: Final[ContextVar[list[str] | None]] = ContextVar("remarks", default=None)


def warn(text: str) -> None:
    """Remark something to whoever made the request; controllers, which made none, are not told."""
    remarks = _REMARKS.get()
    if remarks is not None and text not in remarks:
        remarks.append(text)


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """The remarks made inside, in their order."""
    remarks: list[str] = []
    token = _REMARKS.set(remarks)
    try:
        yield remarks
    finally:
        _REMARKS.reset(token)


def header(remarks: list[str]) -> str:
    """The value of the header: RFC 7234, code 299."""
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in remarks)
    return ", ".join(f'299 - "{text}"' for text in escaped)

"""The audit as CSV, for programs and for tables of an office."""

import csv
import io
from collections.abc import Iterable

import msgspec

from teams.models import AuditEntry

COLUMNS = (
    "at",
    "actor",
    "token",
    "address",
    "request_id",
    "team",
    "action",
    "target",
    "allowed",
    "detail",
    "before",
    "after",
)
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(rows: Iterable[AuditEntry], *, head: bool = True) -> str:
    """With a line of names first. What a spreadsheet takes for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    if head:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(harmless(_text(getattr(row, column))) for column in COLUMNS)
    return out.getvalue()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_BEGINS) else cell


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value == {}:
        return ""
    encoded = msgspec.json.encode(value).decode()
    # Times come quoted, as JSON has them; objects and truth values as they are.
    return encoded.strip('"') if encoded.startswith('"') else encoded

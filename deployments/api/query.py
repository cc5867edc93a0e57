"""Query parameters and headers, read strictly: what cannot be understood is refused with its name."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.request import Request

from deployments.api.problems import bad_parameter
from deployments.errors import StaleGeneration

Row = TypeVar("Row", bound=Model)

MAX_TEXT = 400
MAX_WAIT_SECONDS = 60
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def text(request: Request, name: str) -> str:
    """The parameter, or "" when it is not there."""
    value = request.query_params.get(name, "")
    if "\0" in value or len(value) > MAX_TEXT:
        raise bad_parameter(name, f"must be text of at most {MAX_TEXT} characters without NUL")
    return value


def choice(request: Request, name: str, allowed: Collection[str]) -> str:
    value = text(request, name)
    if value and value not in allowed:
        raise bad_parameter(name, f"must be one of {', '.join(allowed)}", code="invalid_choice")
    return value


def flag(request: Request, name: str) -> bool:
    value = text(request, name).lower()
    if value not in {"", "true", "false", "1", "0"}:
        raise bad_parameter(name, "must be true or false")
    return value in {"true", "1"}


def whole(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    """A whole number of at least `low`; more than `high` means `high`."""
    value = text(request, name)
    if not value:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) or int(value) < low:
        raise bad_parameter(name, f"must be a whole number from {low} to {high}")
    return min(int(value), high)


def wait_seconds(request: Request) -> int:
    """`?wait=`: how long a write's answer may be held; 0 not at all."""
    return whole(request, "wait", default=0, low=0, high=MAX_WAIT_SECONDS)


def matching(
    request: Request, rows: QuerySet[Row], columns: Mapping[str, str], switches: Mapping[str, Q]
) -> QuerySet[Row]:
    """Rows whose fields are as asked: `columns` of text by the API's names, `switches` by what true means."""
    wanted = {column: value for name, column in columns.items() if (value := text(request, name))}
    rows = rows.filter(**wanted)
    for name, condition in switches.items():
        if text(request, name):
            rows = rows.filter(condition if flag(request, name) else ~condition)
    return rows


def since_seconds(request: Request) -> int | None:
    """`?since=` as `90`, `90s`, `10m`, `2h` or `1d`, in seconds."""
    value = text(request, "since")
    if not value:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([smhd]?)", value, re.ASCII)
    if not found or int(found[1]) == 0:
        raise bad_parameter("since", "must be a duration such as 90s, 10m, 2h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def moment(request: Request, name: str) -> datetime | None:
    """A day, or a time with its zone; None when it is not there. A day begins at midnight UTC."""
    value = text(request, name)
    if not value:
        return None
    try:
        day = parse_date(value)
        found = datetime.combine(day, time.min, UTC) if day else parse_datetime(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise bad_parameter(name, "must be a day such as 2030-01-31 or a time such as 2030-01-31T12:00:00Z")
    return found


def ordered(
    request: Request, rows: QuerySet[Row], allowed: Mapping[str, str], *, default: str
) -> QuerySet[Row]:
    """`?ordering=name,-created_at`: `allowed` maps the API's names to columns. Ties are broken by id."""
    columns: list[str] = []
    for term in (text(request, "ordering") or default).split(","):
        name = term.strip().removeprefix("-")
        if name not in allowed:
            raise bad_parameter("ordering", f"can be by {', '.join(allowed)}", code="invalid_choice")
        columns.append(("-" if term.strip().startswith("-") else "") + allowed[name])
    return rows.order_by(*columns, "pk")


def searched(request: Request, rows: QuerySet[Row], columns: Collection[str]) -> QuerySet[Row]:
    """`?search=`: rows with the text somewhere in one of the columns, whatever its case."""
    value = text(request, "search")
    if not value:
        return rows
    found = Q()
    for column in columns:
        found |= Q(**{f"{column}__icontains": value})
    return rows.filter(found)


def if_match(request: Request, current: int) -> int | None:
    """The generation that `If-Match` makes this write depend on; None when any will do.

    One that is not `current` is for the domain to judge: a double click is no conflict.

    Raises:
        StaleGeneration: when it names nothing that could be a generation.
    """
    header = str(request.headers.get("If-Match", "")).strip()
    if not header or header == "*":
        return None
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    seen = [int(tag) for tag in tags if re.fullmatch(r"[0-9]{1,9}", tag, re.ASCII)]
    if not seen:
        raise stale(header, current)
    return current if current in seen else max(seen)


def stale(seen: object, current: int) -> StaleGeneration:
    return StaleGeneration(
        f"If-Match is {seen}, but the deployment is at generation {current}. Read it again."
    )

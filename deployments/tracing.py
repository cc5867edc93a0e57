"""Which request, operation and task this code works for: said in each line of the log, from click to PATCH.

A request's id goes to the workers as a header of the message, and is kept with the operation that
the request began: a message that is lost takes nothing along that the sweep would miss.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final

HEADER: Final = "timoneiro_request_id"
"""Of a Celery message; among Celery's own headers, so that it must not be called like one of those."""

carriers: Final[list[Callable[[dict[str, str]], None]]] = []
"""Whoever adds to what a message to a worker carries along: OpenTelemetry, where it is wanted."""

_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_-]{16,40}")


@dataclass(frozen=True, slots=True)
class Ids:
    """Each is "" where there is none."""

    request_id: str = ""
    operation_id: str = ""
    task_id: str = ""


_NONE: Final = Ids()
_ids: ContextVar[Ids] = ContextVar("ids", default=_NONE)


def current() -> Ids:
    return _ids.get()


@contextmanager
def working_for(**ids: str) -> Iterator[None]:
    """Lines of the log that are written inside carry these ids, and the others that they would carry."""
    before = _ids.set(replace(_ids.get(), **ids))
    try:
        yield
    finally:
        _ids.reset(before)


def begin_task(task_id: str, request_id: object) -> None:
    """From here on a worker's process works for this task alone."""
    _ids.set(Ids(request_id=well_formed(request_id), task_id=task_id))


def end_task() -> None:
    _ids.set(_NONE)


def well_formed(request_id: object) -> str:
    """The id if it is 16 to 40 letters, digits, "-" and "_"; "" for anything else: it is written to logs."""
    found = request_id if isinstance(request_id, str) else ""
    return found if _WELL_FORMED.fullmatch(found) else ""


def headers() -> dict[str, str]:
    """What a message to a worker carries along."""
    request_id = _ids.get().request_id
    carried = {HEADER: request_id} if request_id else {}
    for carrier in carriers:
        carrier(carried)
    return carried


def kept() -> dict[str, str]:
    """What an operation's `arguments` keep of the request that began it."""
    request_id = _ids.get().request_id
    return {"request_id": request_id} if request_id else {}


def of_operation(operation_id: object, arguments: Mapping[str, Any]) -> dict[str, str]:
    """The ids to work for while an operation is carried out; see `working_for`."""
    return {
        "operation_id": str(operation_id),
        "request_id": well_formed(arguments.get("request_id")),
    }

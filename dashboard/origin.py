"""Each request gets an id; what is written to log and audit while it is answered says where it came from."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from deployments import tracing
from teams import audit

HEADER = "X-Request-ID"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

log = logging.getLogger("dashboard.requests")


@sync_and_async_middleware
def with_origin(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A well-formed X-Request-ID is taken over, so that a proxy's lines and ours can be joined.

    Whoever sends one may send it twice: it joins lines, and proves nothing. The address is the one
    that the server saw; behind a proxy, FORWARDED_ALLOW_IPS tells uvicorn whose X-Forwarded-For to believe.
    """
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            with _coming_from(origin_of(request)) as note:
                return note(request, await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> Any:
        with _coming_from(origin_of(request)) as note:
            return note(request, get_response(request))

    return answer


@contextmanager
def _coming_from(
    origin: audit.Origin,
) -> Iterator[Callable[[HttpRequest, HttpResponseBase], HttpResponseBase]]:
    begun = time.perf_counter()

    def note(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers[HEADER] = origin.request_id
        _tell(request, response, origin, (time.perf_counter() - begun) * 1000)
        return response

    with audit.coming_from(origin), tracing.working_for(request_id=origin.request_id):
        yield note


def _tell(request: HttpRequest, response: HttpResponseBase, origin: audit.Origin, ms: float) -> None:
    """What may have changed something is a line by default; what only reads is one while debugging."""
    level = logging.DEBUG if request.method in _SAFE else logging.INFO
    if not log.isEnabledFor(level):
        return
    fields = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "ms": round(ms, 1),
        "address": origin.address,
    }
    log.log(level, "%(method)s %(path)s %(status)s in %(ms)s ms", fields, extra={"fields": fields})


def origin_of(request: HttpRequest) -> audit.Origin:
    request_id = tracing.well_formed(request.headers.get(HEADER)) or uuid4().hex
    return audit.Origin(address=request.META.get("REMOTE_ADDR", ""), request_id=request_id)

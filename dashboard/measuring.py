"""What each request is counted as: the name of its route, never its address."""

import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from deployments.metrics import REQUESTS

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@sync_and_async_middleware
def measured(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Counts requests and the time until their answers begin."""
    if iscoroutinefunction(get_response):

        async def measure_async(request: HttpRequest) -> HttpResponseBase:
            begun = time.perf_counter()
            response: HttpResponseBase = await get_response(request)
            note(request, response, time.perf_counter() - begun)
            return response

        return measure_async

    def measure(request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        response: HttpResponseBase = get_response(request)
        note(request, response, time.perf_counter() - begun)
        return response

    return measure


def note(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    # Anybody may invent addresses and methods: those count together.
    route = (match.view_name or "unnamed") if match else "unmatched"
    method = request.method if request.method in _METHODS else "other"
    REQUESTS.labels(route, method, str(response.status_code)).observe(seconds)

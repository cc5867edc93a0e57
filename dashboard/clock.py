"""The clock that a person's pages show: of the zone that a cookie names, else UTC."""

from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

COOKIE = "time_zone"


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    return name in zones()


@sync_and_async_middleware
def by_own_clock(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Only how times are written depends on it: what is stored and what the API answers is UTC."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            with timezone.override(_zone_of(request)):
                return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        with timezone.override(_zone_of(request)):
            return get_response(request)

    return answer


def _zone_of(request: HttpRequest) -> ZoneInfo | None:
    """None is the zone of the settings."""
    name = request.COOKIES.get(COOKIE, "")
    return ZoneInfo(name) if is_zone(name) else None

"""Each request gets an id; what is written to the audit while it is answered says where it came from."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from teams import audit

HEADER = "X-Request-ID"


@sync_and_async_middleware
def with_origin(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """The id is made here, not taken from the client, who could give two requests the same one.

    The address is the one that the server saw; behind a proxy, FORWARDED_ALLOW_IPS tells
    uvicorn whose X-Forwarded-For to believe.
    """
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            origin = origin_of(request)
            with audit.coming_from(origin):
                response = await get_response(request)
            response.headers[HEADER] = origin.request_id
            return response

        return answer_async

    def answer(request: HttpRequest) -> Any:
        origin = origin_of(request)
        with audit.coming_from(origin):
            response = get_response(request)
        response.headers[HEADER] = origin.request_id
        return response

    return answer


def origin_of(request: HttpRequest) -> audit.Origin:
    return audit.Origin(address=request.META.get("REMOTE_ADDR", ""), request_id=uuid4().hex)

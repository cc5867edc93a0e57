"""What is refused before any page looks at it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from deployments.api.problems import MAX_BODY_BYTES, MEDIA_TYPE, problem_response, too_large

API = "/api/"
# More than any form or API body may have, so that those are refused in their own words.
MOST_BODY_BYTES = 10_000_000

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


@sync_and_async_middleware
def without_nul(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Refuses addresses with a NUL, which PostgreSQL can neither store nor compare with.

    Those of the API are left to it: its problems name the parameter.
    """

    def refusal(request: HttpRequest) -> HttpResponseBase | None:
        if request.path_info.startswith(API):
            return None
        texts = [request.path_info, *(text for _, values in request.GET.lists() for text in values)]
        if not any("\0" in text for text in texts):
            return None
        return HttpResponseBadRequest(
            "There is a NUL character in this address.\n", content_type="text/plain"
        )

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = refusal(request) or await get_response(request)
            return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = refusal(request) or get_response(request)
        return response

    return answer


# Asked by machines, which know a process by its address alone; none of them looks at the host.
FOR_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})


@sync_and_async_middleware
def machines_by_address(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Lets a kubelet and Prometheus, who call a pod by its address, past ALLOWED_HOSTS."""

    def named(request: HttpRequest) -> HttpRequest:
        hosts = settings.ALLOWED_HOSTS
        if request.path_info in FOR_MACHINES and hosts and "*" not in hosts:
            request.META["HTTP_HOST"] = hosts[0].removeprefix(".")
            request.META.pop("HTTP_X_FORWARDED_HOST", None)
        return request

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(named(request))
            return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(named(request))
        return response

    return answer


class BodyLimit:
    """Around an ASGI application: a body larger than `most_bytes` is not taken in.

    Django stores the whole body, on disk when it is large, before it asks who sends it.
    """

    def __init__(self, application: Application, *, most_bytes: int = MOST_BODY_BYTES) -> None:
        self._application = application
        self._most_bytes = most_bytes

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
        elif _declared(scope) > self._most_bytes:
            await _refuse(scope, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """A body may also come in pieces, without having said how much there is."""
        taken, begun = 0, False

        async def count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= self._most_bytes else {"type": "http.disconnect"}

        async def note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        await self._application(scope, count, note)
        if taken > self._most_bytes and not begun:
            await _refuse(scope, send)


def _declared(scope: dict[str, Any]) -> int:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return max(
        (int(value) for name, value in headers if name == b"content-length" and value.isdigit()), default=0
    )


async def _refuse(scope: Mapping[str, Any], send: Send) -> None:
    media, body = b"text/plain", b"The body is too large.\n"
    if str(scope.get("path", "")).startswith(API):
        problem = problem_response(too_large(MAX_BODY_BYTES))
        media, body = MEDIA_TYPE.encode(), problem.content
    headers = [(b"content-type", media), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})

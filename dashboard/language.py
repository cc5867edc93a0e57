"""The language of a person's pages: the one they chose, else the first their browser asks for that there is.

Programs are answered in English, whatever they ask for: what they read must not depend on who reads it.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware

FOR_PROGRAMS = "/api/"
PAGES_THERE = ("/api/docs", "/api/docs/")


@sync_and_async_middleware
def by_own_language(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answers in the request's language, and says which one that is."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            language = language_of(request)
            with translation.override(language):
                return _told(await get_response(request), language)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        language = language_of(request)
        with translation.override(language):
            return _told(get_response(request), language)

    return answer


def language_of(request: HttpRequest) -> str:
    """A code of `LANGUAGES`."""
    path = request.path_info
    if path.startswith(FOR_PROGRAMS) and path not in PAGES_THERE:
        return "en"
    return translation.get_language_from_request(request)


def _told(response: HttpResponseBase, language: str) -> HttpResponseBase:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response

"""What every page has in common: who asks, what a refusal looks like, page or fragment."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from deployments import intent
from deployments.errors import DomainError

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of somebody signed in, after the middleware."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[PageRequest, P], HttpResponse]


def page(view: View[P]) -> Callable[..., HttpResponse]:
    """A view for people who are signed in; the domain's refusals become pages.

    A stranger to the product is sent to sign in and brought back. Every answer
    varies with `HX-Request`, because one address serves a page and its fragment.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        known = cast("PageRequest", request)
        if not request.user.is_authenticated:
            return to_sign_in(known)
        if any("\0" in text for _, texts in request.POST.lists() for text in texts):
            # PostgreSQL can neither store it nor compare with it, and no keyboard types it.
            return error_page(known, 400, title="Bad request", detail="There is a NUL character in the form.")
        try:
            response = view(known, *args, **kwargs)
        except DomainError as error:
            response = refusal(known, note_refusal(known, error))
        patch_vary_headers(response, ["HX-Request"])
        # Pages name deployments and people: no shared cache may keep them.
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return checked


def note_refusal(request: PageRequest, error: DomainError) -> DomainError:
    """Notes in the audit what was refused, unless whoever refused it did; what to answer."""
    match = request.resolver_match
    writes = request.method == "POST"
    page_name = (match.url_name or "" if match else "").replace("-", " ")
    return intent.note_refusal(
        request.user,
        f"{'post to' if writes else 'open'} {page_name}",
        request.path_info,
        error,
        writes=writes,
        team=str(match.kwargs.get("team", "")) if match else "",
    )


def to_sign_in(request: PageRequest) -> HttpResponse:
    """The sign-in page; a fragment's request moves the whole page there, not a part of it."""
    if not request.htmx:
        return redirect_to_login(request.get_full_path())
    came_from = request.htmx.current_url_abs_path or request.get_full_path()
    return HttpResponseClientRedirect(redirect_to_login(came_from).url)


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page that says what happened, why, and what to do."""
    response = error_page(request, error.status, title=error.title, detail=error.detail)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def error_page(request: HttpRequest, status: int, *, title: str, detail: str) -> HttpResponse:
    context: Mapping[str, object] = {"status": status, "title": title, "detail": detail}
    template = "error.html#message" if getattr(request, "htmx", False) else "error.html"
    return render(request, template, context, status=status)


def page_or_fragment(
    request: PageRequest, template: str, part: str, context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    """The whole page, or only its partial `part` when the page itself asks for news of it."""
    wants_part = request.htmx and not request.htmx.history_restore_request
    return render(request, f"{template}#{part}" if wants_part else template, context, status=status)

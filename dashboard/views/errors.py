"""Pages for addresses that lead nowhere, and for our own mistakes."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render

from dashboard.gatekeeping import API
from dashboard.views.frame import error_page
from deployments import tracing
from deployments.api.problems import malformed, problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's
    """What is refused before any page is chosen, such as a wrong Host. Says nothing back of what was sent."""
    detail = "The request cannot be read, or its Host is not one that this installation answers to."
    if request.path_info.startswith(API):
        return problem_response(malformed(detail))
    return HttpResponseBadRequest(f"{detail}\n", content_type="text/plain")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's
    return error_page(
        request,
        404,
        title="Page not found",
        detail="The address may be mistyped, what it named may be gone, or a team you are not in has it.",
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's
    return error_page(
        request,
        403,
        title="Not allowed",
        detail="Your role in this team does not include it. A team lead can give you another one.",
    )


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  Django's
    """The page of a refused CSRF check; nearly always a page left open across a sign-in."""
    return error_page(
        request,
        403,
        title="This page was out of date",
        detail="It was opened before you last signed in. Nothing was changed: go back, reload and try again.",
    )


def broken(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  Django's
    """Touches neither the database nor the session: either may be what broke."""
    return render(None, "broken.html", {"request_id": tracing.current().request_id}, status=500)

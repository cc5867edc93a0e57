"""Every error of the API, as RFC 9457 `application/problem+json`."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions

from deployments import tracing
from deployments.errors import DomainError, FieldError, InvalidInput, NotFound, PermissionDenied

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 1_000_000


class Malformed(DomainError):
    """The request cannot be read at all. `$` is the JSON path of the whole body."""

    code = "malformed"
    title = "Malformed request"
    status = 400


class TooLarge(DomainError):
    code = "too_large"
    title = "Body too large"
    status = 413


class DatabaseNotReachable(DomainError):
    code = "database_unavailable"
    title = "Try again"
    status = 503
    retry_after_seconds = 2


class Unexpected(DomainError):
    code = "internal_error"
    title = "Internal error"
    status = 500


def malformed(detail: str, *, field: str = "$") -> Malformed:
    return Malformed(detail, errors=[FieldError(field, detail, "malformed")])


def too_large(limit_bytes: int) -> TooLarge:
    detail = f"The body is larger than {limit_bytes // 1000} kB."
    return TooLarge(detail, errors=[FieldError("$", detail, "too_large")])


def bad_parameter(name: str, message: str, *, code: str = "invalid") -> InvalidInput:
    """422: a query parameter or header was understood but cannot be used."""
    return InvalidInput([FieldError(name, message, code)])


def no_such_address() -> NotFound:
    return NotFound("There is nothing at this address.")


def problem_response(error: DomainError, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The answer itself. Rendered here, so that a client that accepts YAML still gets a JSON problem."""
    more = dict(headers or {})
    if error.retry_after_seconds:
        more.setdefault("Retry-After", str(error.retry_after_seconds))
    problem = {**error.as_problem(), **tracing.kept()}
    return HttpResponse(
        msgspec.json.encode(problem), status=error.status, content_type=MEDIA_TYPE, headers=more
    )


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER: any exception of a view as a problem, unknown ones as a logged 500."""
    if isinstance(exc, exceptions.APIException):
        return _from_framework(exc)
    return problem_response(_meaning(exc, context))


def _meaning(exc: Exception, context: Mapping[str, Any]) -> DomainError:
    match exc:
        case DomainError():
            return exc
        case Http404():
            return no_such_address()
        case DjangoPermissionDenied():
            return PermissionDenied()
        case RequestDataTooBig():
            return too_large(MAX_BODY_BYTES)
        case SuspiciousOperation() | UnreadablePostError():
            return malformed("The request cannot be read.")
        case OperationalError():
            log.warning("the database did not answer a request: %s", exc)
            return DatabaseNotReachable("The database is busy or unreachable; try again shortly.")
    request = context.get("request")
    # The signal is what Django itself sends: monitoring and the test client listen to it.
    got_request_exception.send(sender=problem_handler, request=getattr(request, "_request", request))
    log.error("a request failed unexpectedly", exc_info=exc)
    return Unexpected("Something went wrong here; it has been written to the log.")


TITLES = {
    400: "Malformed request",
    401: "Sign in first",
    403: "Permission denied",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    415: "Unsupported media type",
    429: "Too many requests",
}


def _from_framework(exc: exceptions.APIException) -> HttpResponse:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    codes = exc.get_codes()
    detail = str(exc.detail if isinstance(exc.detail, str) else exc.default_detail)
    if isinstance(exc, exceptions.UnsupportedMediaType):
        detail = "Send JSON, with the header Content-Type: application/json."
    error = DomainError(
        detail,
        code=str(codes if isinstance(codes, str) else exc.default_code),
    )
    error.status = exc.status_code
    error.title = TITLES.get(exc.status_code, error.code)
    return problem_response(error, headers=headers)

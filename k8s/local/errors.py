"""What can go wrong in the API, each rendered as the ``Status`` body that Kubernetes would answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cause:
    """One entry of ``details.causes``: a machine-readable reason, its message and the field it is about."""

    reason: str
    message: str
    field: str = ""

    def as_dict(self) -> dict[str, str]:
        """The cause as it stands in a Status body."""
        found = {"reason": self.reason, "message": self.message, "field": self.field}
        return {key: value for key, value in found.items() if value}


class ApiError(Exception):
    """An answer that is not a success. ``details`` is None where the real server sends no details."""

    code = 500
    reason = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.metadata = metadata or {}
        self.headers = headers or {}

    def status(self) -> dict[str, Any]:
        """The ``Status`` object for this error."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class BadRequest(ApiError):
    """400: the request could not be understood."""

    code = 400
    reason = "BadRequest"


class Unauthorized(ApiError):
    """401: no token, or a wrong one."""

    code = 401
    reason = "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Forbidden(ApiError):
    """403: admission said no. Use ``forbidden`` for the usual sentence."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """404 for a named object."""

    code = 404
    reason = "NotFound"

    def __init__(self, resource: str, name: str, group: str = "") -> None:
        super().__init__(
            f'{_qualified(resource, group)} "{name}" not found', details=_details(name, resource, group)
        )


class MethodNotAllowed(ApiError):
    """405: the kind has no such verb."""

    code = 405
    reason = "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource", details={})


class AlreadyExists(ApiError):
    """409 on create."""

    code = 409
    reason = "AlreadyExists"

    def __init__(self, resource: str, name: str, group: str = "") -> None:
        super().__init__(
            f'{_qualified(resource, group)} "{name}" already exists',
            details=_details(name, resource, group),
        )


class Conflict(ApiError):
    """409: the object has moved on, a precondition failed, or another manager owns the fields."""

    code = 409
    reason = "Conflict"


class Expired(ApiError):
    """410: the resource version or the continue token is too old."""

    code = 410
    reason = "Expired"


class UnsupportedMediaType(ApiError):
    """415: a body of a type that this path cannot read."""

    code = 415
    reason = "UnsupportedMediaType"

    def __init__(self) -> None:
        super().__init__("415: Unsupported Media Type", details={})


class Invalid(ApiError):
    """422: validation failed; ``causes`` names every field at fault."""

    code = 422
    reason = "Invalid"

    def __init__(self, kind: str, name: str, causes: Sequence[Cause], group: str = "") -> None:
        self.causes = tuple(causes)
        texts = [f"{cause.field}: {cause.message}" for cause in causes]
        told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        details = _details(name, kind, group)
        if causes:
            details["causes"] = [cause.as_dict() for cause in causes]
        super().__init__(f'{_qualified(kind, group)} "{name}" is invalid: {told}', details=details)


class BadPatch(ApiError):
    """422 without causes: a patch that does not fit the object."""

    code = 422
    reason = "Invalid"

    def __init__(
        self, message: str = "the server rejected our request due to an error in our request"
    ) -> None:
        super().__init__(message, details={})


class TooManyRequests(ApiError):
    """429: try again later."""

    code = 429
    reason = "TooManyRequests"


class InternalError(ApiError):
    """500."""

    code = 500
    reason = "InternalError"


class ServiceUnavailable(ApiError):
    """503: for instance a proxy without an endpoint behind it."""

    code = 503
    reason = "ServiceUnavailable"


class Timeout(ApiError):
    """504: the server cannot answer for that resource version yet."""

    code = 504
    reason = "Timeout"


def forbidden(
    resource: str, name: str, why: str, *, group: str = "", causes: Sequence[Cause] = ()
) -> Forbidden:
    """A 403 as admission words it: ``pods "a" is forbidden: why``."""
    details = _details(name, resource, group)
    if causes:
        details["causes"] = [cause.as_dict() for cause in causes]
    return Forbidden(f'{_qualified(resource, group)} "{name}" is forbidden: {why}', details=details)


def modified(resource: str, name: str, group: str = "") -> Conflict:
    """A 409 for a stale resource version."""
    return Conflict(
        f'Operation cannot be fulfilled on {_qualified(resource, group)} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again",
        details=_details(name, resource, group),
    )


def precondition_failed(kind: str, name: str, group: str, what: str, wanted: str, found: str) -> Conflict:
    """A 409 for a uid or resourceVersion precondition; ``what`` is "UID" or "ResourceVersion"."""
    noun = "UID" if what == "UID" else "ResourceVersion"
    tail = (
        "The object might have been deleted and then recreated"
        if noun == "UID"
        else ("The object might have been modified")
    )
    return Conflict(
        f'Operation cannot be fulfilled on {_qualified(kind, group)} "{name}": the {noun} in the '
        f"precondition ({wanted}) does not match the {noun} in record ({found}). {tail}",
        details=_details(name, kind, group),
    )


def _qualified(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource


def _details(name: str, kind: str, group: str) -> dict[str, Any]:
    found = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in found.items() if value}

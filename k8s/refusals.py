"""A cluster's refusal, as bytes, becomes the one exception that says what it means."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from k8s import errors
from k8s.errors import Cause, ClusterError

# Enough of a body that is no Status to recognise it by.
_EXCERPT_CHARACTERS: Final = 300
_LOG_PATTERNS: Final[tuple[tuple[str, type[ClusterError]], ...]] = (
    (r"is waiting to start", errors.LogsNotReady),
    (r"previous terminated container .* not found", errors.LogsGone),
)
_FORBIDDEN_PATTERNS: Final[tuple[tuple[str, type[ClusterError]], ...]] = (
    (r"exceeded quota:|failed quota:", errors.QuotaExceeded),
    (r"violates PodSecurity", errors.PodSecurityViolation),
    (r"because it is being terminated", errors.NamespaceTerminating),
    (
        r"(maximum|minimum) .* usage per|limit to request ratio per|No (limit|request) is specified",
        errors.LimitRangeExceeded,
    ),
)
_SERVICE_PATTERNS: Final[tuple[tuple[str, type[ClusterError]], ...]] = (
    (r"no endpoints available for service|error trying to reach service", errors.ServiceHasNoEndpoints),
)
_BY_REASON: Final[dict[str, type[ClusterError]]] = {
    "AlreadyExists": errors.AlreadyExists,
    "Expired": errors.Expired,
    "Gone": errors.Expired,
    "NotFound": errors.NotFound,
}
_BY_STATUS: Final[dict[int, type[ClusterError]]] = {
    400: errors.MalformedRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    406: errors.MethodNotAllowed,
    408: errors.ClusterUnavailable,
    409: errors.ObjectConflict,
    410: errors.Expired,
    413: errors.MalformedRequest,
    415: errors.MethodNotAllowed,
    422: errors.Invalid,
    429: errors.TooManyRequests,
}
_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


class _StatusCause(msgspec.Struct):
    field: str | None = None
    message: str | None = None
    reason: str | None = None


class _StatusDetails(msgspec.Struct):
    name: str | None = None
    kind: str | None = None
    causes: tuple[_StatusCause, ...] | None = None
    retryAfterSeconds: float | None = None  # noqa: N815  the cluster's spelling


class Status(msgspec.Struct):
    """A Kubernetes Status object, as much of it as tells meanings apart."""

    kind: str
    status: str | None = None
    message: str | None = None
    reason: str | None = None
    code: int | None = None
    details: _StatusDetails | None = None


_STATUS_DECODER: Final = msgspec.json.Decoder(Status)


def error_from(status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    """The exception for an answer that is a refusal, or is not an answer of Kubernetes at all.

    `status` is the HTTP code; a Status object with a code of its own (the ERROR
    event of a watch comes with HTTP 200) is believed before it. The cluster's
    message is kept word for word.
    """
    told = status_object(body)
    if told is None:
        return _without_status(status, headers, body)
    code = told.code or status
    causes = _causes(told)
    return _meaning(code, told, causes)(
        told.message or told.reason or f"the cluster answered HTTP {code}",
        status=code,
        reason=told.reason or "",
        causes=causes,
        retry_after_seconds=_retry_after(headers, told),
    )


def status_object(body: bytes) -> Status | None:
    """The Status object in `body`, None when it is anything else."""
    try:
        told = _STATUS_DECODER.decode(body)
    except msgspec.DecodeError:
        return None
    return told if told.kind == "Status" else None


def warnings_in(header: str) -> tuple[str, ...]:
    """The remarks of a `Warning` header, which may hold several: 299 - "text", 299 - "text"."""
    return tuple(re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header))


def not_json(status: int, body: bytes) -> ClusterError:
    """A success whose body is not what Kubernetes sends: something stands between us and the cluster."""
    return errors.ClusterUnavailable(
        f"the answer is not from a Kubernetes API (a proxy's page?): {_excerpt(body)}", status=status
    )


def _meaning(code: int, told: Status, causes: tuple[Cause, ...]) -> type[ClusterError]:
    message, reasons = told.message or "", {cause.reason for cause in causes}
    if code == 409 and "FieldManagerConflict" in reasons:
        return errors.FieldConflict
    if code == 429 and "DisruptionBudget" in reasons:
        return errors.EvictionBlocked
    if "NamespaceTerminating" in reasons:
        return errors.NamespaceTerminating
    if told.reason in _BY_REASON:
        return _BY_REASON[told.reason]
    if code == 403:
        return _first(_FORBIDDEN_PATTERNS, message, errors.Forbidden)
    if code == 400:
        return _first(_LOG_PATTERNS, message, errors.MalformedRequest)
    if code in (502, 503):
        return _first(_SERVICE_PATTERNS, message, errors.ClusterUnavailable)
    return _by_status(code)


def _by_status(code: int) -> type[ClusterError]:
    known = _BY_STATUS.get(code)
    if known is not None:
        return known
    # Redirects are never followed: whoever sends one is not the cluster we were given.
    return errors.MalformedRequest if 400 < code < 500 else errors.ClusterUnavailable


def _first(
    patterns: tuple[tuple[str, type[ClusterError]], ...], message: str, otherwise: type[ClusterError]
) -> type[ClusterError]:
    return next((meaning for pattern, meaning in patterns if re.search(pattern, message)), otherwise)


def _without_status(status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    if status < 300:
        return not_json(status, body)
    if 300 <= status < 400:
        message = f"the cluster's address answers with a redirect (HTTP {status}), as no Kubernetes API does"
    else:
        message = _excerpt(body) or f"the cluster answered HTTP {status}"
    return _by_status(status)(message, status=status, retry_after_seconds=_retry_after(headers, None))


def _causes(told: Status) -> tuple[Cause, ...]:
    found = (told.details.causes if told.details else None) or ()
    return tuple(Cause(field=c.field or "", message=c.message or "", reason=c.reason or "") for c in found)


def _retry_after(headers: Mapping[str, str], told: Status | None) -> float | None:
    for name, value in headers.items():
        if name.lower() == "retry-after" and value.strip().isdigit():
            return float(value)
    return told.details.retryAfterSeconds if told is not None and told.details else None


def _excerpt(body: bytes) -> str:
    text = " ".join(body[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", "replace").split())
    return text[:_EXCERPT_CHARACTERS]

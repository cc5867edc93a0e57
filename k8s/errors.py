"""One exception for each meaning a cluster's refusal can have.

The cluster's own message is kept in `str(error)`; `causes` are the fields a
422 names. The Kubernetes client's exceptions never leave `k8s`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of `details.causes`: a JSON path, the cluster's words and its reason code."""

    field: str
    message: str
    reason: str = ""


class ClusterError(Exception):
    """Any refusal or failure of a cluster. `status` is the HTTP code, 0 when there was no answer."""

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.causes = causes
        self.retry_after_seconds = retry_after_seconds


class ClusterUnavailable(ClusterError):
    """No usable answer: refused, timed out, reset, HTML from a proxy, or a 5xx."""

    retryable = True


class AnswerTooSlow(ClusterUnavailable):
    """Connected, and then no answer, or not all of it, within the time given."""


class TooManyRequests(ClusterError):
    """429: slow down; `retry_after_seconds` says how long."""

    retryable = True


class EvictionBlocked(TooManyRequests):
    """429 from the eviction API: a PodDisruptionBudget holds the pod."""


class ObjectConflict(ClusterError):
    """409 on a stale resourceVersion or a precondition; re-read and try again."""

    retryable = True


class FieldConflict(ClusterError):
    """409 of server-side apply: another manager owns the fields in `causes`."""


class AlreadyExists(ClusterError):
    """409 on create."""


class NotFound(ClusterError):
    """404: no such object, or no such resource on this cluster."""


class Expired(ClusterError):
    """410: the resourceVersion or continue token is too old; list again."""

    retryable = True


class Unauthorized(ClusterError):
    """401: the cluster does not accept our credentials."""


class Forbidden(ClusterError):
    """403 by RBAC."""


class QuotaExceeded(Forbidden):
    """403 by a ResourceQuota."""


class LimitRangeExceeded(Forbidden):
    """403 by a LimitRange."""


class PodSecurityViolation(Forbidden):
    """403 by PodSecurity admission."""


class NamespaceTerminating(Forbidden):
    """403: the namespace is going away."""


class Invalid(ClusterError):
    """422: understood and refused; `causes` name the fields."""


class MalformedRequest(ClusterError):
    """400: wrong type, bad quantity, strict unknown field, or another broken request."""


class LogsNotReady(MalformedRequest):
    """400 of the log endpoint: the container is waiting to start."""


class LogsGone(NotFound):
    """No logs of that run exist: it never was, or the node has removed them (said with a 400 or a 200)."""


class MethodNotAllowed(ClusterError):
    """405 and 415: this cluster does not do that."""


class ServiceHasNoEndpoints(ClusterError):
    """503 of the Service proxy: nothing ready is behind the Service, or it does not answer there."""

    retryable = True


class UnusableCredentials(ClusterError):
    """A kubeconfig we cannot use, or refuse to: the message says which part and what to do. Never retried."""


class UnsafePath(MalformedRequest):
    """A request path that could lead away from the Service it was meant for."""

"""What can be wrong with a wish, each with a stable code and an HTTP status.

Pages and API show the same words: `detail` for the whole, `errors` per field.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field. `field` is a JSON path such as "resources.memory" or "env[0].name"."""

    field: str
    message: str
    code: str = "invalid"


class DomainError(Exception):
    """Base of everything the domain refuses. `status` is the HTTP status of the REST answer."""

    code = "error"
    title = "The request could not be done"
    status = 400
    in_audit = False
    """Whether the refusal has been written to the audit already."""
    answered_by: "DomainError | None" = None
    """What whoever asked is told in its place, because they were refused too often."""
    retry_after_seconds: int | None = None

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = (), code: str = "") -> None:
        self.detail = detail or self.title
        self.errors = list(errors)
        if code:
            self.code = code
        super().__init__(self.detail)

    def as_problem(self) -> dict[str, object]:
        """The members of an RFC 9457 problem, JSON-ready."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": [{"field": e.field, "message": e.message, "code": e.code} for e in self.errors],
        }


class InvalidInput(DomainError):
    """Understood and not acceptable; `errors` names every wrong field."""

    code = "invalid_input"
    title = "Some fields are not valid"
    status = 422

    def __init__(self, errors: Sequence[FieldError] = (), *, detail: str = "", code: str = "") -> None:
        if not detail and errors:
            detail = "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in errors[:3])
        super().__init__(detail, errors=errors, code=code)


class QuotaExceeded(InvalidInput):
    """The wish asks for more than the team's quota has left; `errors` says of what, and what to do."""

    code = "quota_exceeded"
    title = "The team's quota does not allow this"


class NotFound(DomainError):
    """There is no such thing, or nothing that this person may know of."""

    code = "not_found"
    title = "Not found"
    status = 404


class PermissionDenied(DomainError):
    """The role does not cover this action."""

    code = "permission_denied"
    title = "Your role does not allow this"
    status = 403


class Conflict(DomainError):
    """Right in itself, but it does not fit the present state."""

    code = "conflict"
    title = "This does not fit the present state"
    status = 409


class DuplicateName(Conflict):
    code = "duplicate_name"
    title = "The name is taken"


class LastLead(Conflict):
    code = "last_lead"
    title = "A team needs a lead"


class ComesFromGroup(Conflict):
    code = "comes_from_group"
    title = "The membership comes from a group of the sign-in provider"


class VersionInUse(Conflict):
    code = "version_in_use"
    title = "The version is deployed"


class VersionHasAnotherImage(Conflict):
    code = "version_has_another_image"
    title = "The version is registered with another image"


class VersionArchived(Conflict):
    """What a rollback brings back has left the catalogue: somebody must say that it is meant."""

    code = "version_archived"
    title = "The version is archived"


class AutoscalerOwnsReplicas(Conflict):
    code = "autoscaler_owns_replicas"
    title = "An autoscaler owns the number of replicas"


class ClusterInUse(Conflict):
    code = "cluster_in_use"
    title = "The cluster is in use"


class TeamInUse(Conflict):
    code = "team_in_use"
    title = "The team is in use"


class NamespaceInUse(Conflict):
    code = "namespace_in_use"
    title = "The namespace is in use"


class RegistryInUse(Conflict):
    code = "registry_in_use"
    title = "The registry login is in use"


class BeingDeleted(Conflict):
    code = "being_deleted"
    title = "The deployment is being deleted"


class LogsNotReady(Conflict):
    """The container has not started, so it has no logs yet."""

    code = "logs_not_ready"
    title = "There are no logs yet"


class TooManyRequests(DomainError):
    """Asked more often than is allowed; see `deployments.limits`."""

    code = "too_many_requests"
    title = "Too many requests"
    status = 429

    def __init__(self, detail: str, *, retry_after_seconds: int, code: str = "") -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(detail, code=code)


class StaleGeneration(DomainError):
    """The writer saw a generation that is not the newest.

    `diff` is what others changed since, as a unified diff of the objects in YAML; "" when
    the objects are the same or what was seen is not known.
    """

    code = "stale_generation"
    title = "Somebody changed it meanwhile"
    status = 412

    def __init__(self, detail: str = "", *, diff: str = "") -> None:
        self.diff = diff
        super().__init__(detail)

    def as_problem(self) -> dict[str, object]:
        return {**super().as_problem(), "diff": self.diff}


class ClusterRefused(DomainError):
    """The cluster understood the request and refused it; `detail` keeps its words."""

    code = "cluster_refused"
    title = "The cluster refused this"
    status = 502


class ClusterNotReachable(DomainError):
    code = "cluster_not_reachable"
    title = "The cluster is not reachable"
    status = 503
    retry_after_seconds = 5


class NothingReady(DomainError):
    """No ready pod is behind the deployment's address."""

    code = "nothing_ready"
    title = "No replica is ready to answer"
    status = 503
    retry_after_seconds = 2


class SecretsUnavailable(DomainError):
    """The installation has no key yet to encrypt secrets with."""

    code = "secrets_unavailable"
    title = "Secrets cannot be stored"
    status = 503
    retry_after_seconds = 30


class WorkersNotReachable(DomainError):
    """The queue to the workers (Redis) is down."""

    code = "workers_not_reachable"
    title = "The workers are not reachable"
    status = 503
    retry_after_seconds = 5


class TooSlow(DomainError):
    code = "too_slow"
    title = "No answer in time"
    status = 504


class NotAnswered(DomainError):
    """A worker failed over a question, for a reason that is in its log only."""

    code = "not_answered"
    title = "Something went wrong while this was done; it has been written to the log"
    status = 500

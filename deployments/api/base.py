"""What all API views share: who asks, the body, and the 202 of a stored wish."""

import time
from collections.abc import Collection, Mapping
from typing import Any, TypedDict

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from deployments import intent, models, selectors
from deployments.api import idempotency, present, query, shapes, throttling
from deployments.api.openapi import Described
from deployments.api.parsers import MergePatchParser, StrictJSONParser
from deployments.api.problems import malformed, no_such_address
from deployments.api.renderers import StructRenderer
from deployments.connections import let_go_of_database
from deployments.errors import DomainError, FieldError, InvalidInput, PermissionDenied
from deployments.limits import Standing
from deployments.spec.reader import MOST_ERRORS
from teams.models import ApiToken, Team
from teams.roles import Scope


class ApiView(APIView):
    """JSON in and out, bounded by the token's team if it has one, repeatable by `Idempotency-Key`."""

    renderer_classes = (StructRenderer,)
    parser_classes = (StrictJSONParser, MergePatchParser)
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    schema = Described()
    claim: idempotency.Claim | None = None
    standing: Standing | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        allowed = token_team(request)
        if allowed is not None and kwargs.get("team", allowed.name) != allowed.name:
            raise no_such_address()
        self.claim = idempotency.claim(request)

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        finally:
            # Those who are refused are counted, too.
            self.standing = throttling.counted(request)
            if self.standing is not None:
                self.standing.refuse_if_exceeded()

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        if isinstance(exc, idempotency.Replay):
            return exc.response
        if isinstance(exc, DomainError):
            exc = _note_refusal(self.request, exc)
        return super().handle_exception(exc)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        for name, value in (self.standing.headers if self.standing else {}).items():
            answer[name] = value
        if self.claim is not None and isinstance(answer, HttpResponse):
            self.claim.keep(answer.render() if isinstance(answer, Response) else answer)
        return answer


def _note_refusal(request: Request, error: DomainError) -> DomainError:
    """What to answer."""
    match = request.resolver_match
    return intent.note_refusal(
        request.user,
        f"{request.method} {match.url_name if match else ''}",
        request.path_info,
        error,
        writes=request.method not in SAFE_METHODS,
        team=str(match.kwargs.get("team", "")) if match else "",
        limit=token_team(request),
    )


def user_of(request: Request) -> User:
    """Who asks; `HasScope` has made sure that somebody does."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


def token_of(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None


def token_team(request: Request) -> Team | None:
    """The only team that the token in use is good for; None when it, or a session, is not limited."""
    token = token_of(request)
    return token.team if token else None


def admin_of(request: Request) -> User:
    """Who asks for something of the whole platform. Whether they are an admin is checked by the domain.

    Raises:
        PermissionDenied: an admin's token that was made for less.
    """
    user, token = user_of(request), token_of(request)
    made_for_less = token is not None and (Scope.ADMIN not in token.scopes or token.team_id is not None)
    if user.is_superuser and made_for_less:
        raise PermissionDenied("This needs a token with the scope admin that is not limited to a team.")
    return user


def require_admin_scope(request: Request) -> ApiToken | None:
    """The token in use, which may decide who gets in; None for a session.

    A token that only deploys leaks easily, and must not be able to make others or let people in.

    Raises:
        PermissionDenied: it has not the scope admin.
    """
    token = token_of(request)
    if token is not None and Scope.ADMIN not in token.scopes:
        detail = "Who gets in is changed in a browser, or with a token of the scope admin."
        raise PermissionDenied(detail, code="scope_missing")
    return token


def team_of(request: Request, name: str) -> Team:
    """The team called `name`, if this person is in it.

    Raises:
        NotFound: no such team, or none that this person may know of.
    """
    return selectors.get_team(user_of(request), name)


def deployment_of(request: Request, team: str, name: str) -> models.Deployment:
    """Raises: NotFound."""
    return selectors.get_deployment(user_of(request), team, name)


def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent; empty when there was no body.

    Raises:
        Malformed, TooLarge: not a JSON object, or too large.
        UnsupportedMediaType: not JSON by its name.
    """
    data = request.data
    if not isinstance(data, Mapping):
        raise malformed("The body must be a JSON object.")
    return dict(data)


def only_fields(
    request: Request, allowed: Collection[str], *, required: Collection[str] = ()
) -> Mapping[str, Any]:
    """The body, for actions whose few fields need no parser of the domain.

    Raises:
        InvalidInput: a field that is not in `allowed`, or one of `required` missing.
    """
    payload = body_of(request)
    wrong = [
        FieldError(name, "There is no such field here.", "unknown_field")
        for name in payload
        if name not in allowed
    ]
    wrong += [
        FieldError(name, "This field is required.", "required") for name in required if name not in payload
    ]
    if wrong:
        raise InvalidInput(wrong[:MOST_ERRORS])
    return payload


class Terms(TypedDict):
    """The keyword arguments that every intent about a deployment takes."""

    by: User
    if_generation: int | None


class Write:
    """A write on one deployment: which one, who asks, on what condition, how long the answer may be held.

    All of it is read before anything is stored.
    """

    def __init__(self, request: Request, team: str, name: str) -> None:
        """Raises: NotFound, StaleGeneration, InvalidInput."""
        self.wait_seconds = query.wait_seconds(request)
        self.row = deployment_of(request, team, name)
        self.by = user_of(request)
        self.if_generation = query.if_match(request, self.row.generation)
        self._request = request

    @property
    def terms(self) -> Terms:
        return {"by": self.by, "if_generation": self.if_generation}

    def refuse_stale(self) -> None:
        """For what stores nothing, and so never comes to where generations are compared."""
        if self.if_generation not in (None, self.row.generation):
            raise query.stale(self.if_generation, self.row.generation)

    def accepted(self, operation: models.Operation) -> Response:
        return accepted(self._request, operation, wait_seconds=self.wait_seconds)


def accepted(request: Request, operation: models.Operation, *, wait_seconds: int) -> Response:
    """202 with the operation and the deployment, at once or when the operation has ended.

    `wait_seconds` is parsed by the caller before anything is stored.
    """
    operation = held(operation, wait_seconds)
    deployment = selectors.deployments_visible_to(user_of(request), include_deleted=True).get(
        pk=operation.deployment_id
    )
    body = shapes.Accepted(operation=present.operation(operation), deployment=present.deployment(deployment))
    response = Response(body, status=202, headers={"Location": body.operation.links["self"]})
    response["ETag"] = etag(deployment)
    return response


def held(operation: models.Operation, seconds: float) -> models.Operation:
    """The operation as it is when it has ended, or when `seconds` are over."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    rows = models.Operation.objects.select_related("deployment__team")
    while (row := rows.get(pk=operation.pk)).state not in models.OperationState.ended():
        left = deadline - time.monotonic()
        if left <= 0:
            break
        let_go_of_database()
        time.sleep(min(pause, left))
        pause = min(pause * 1.3, 0.5)
    return row


def etag(deployment: models.Deployment) -> str:
    return f'"{deployment.generation}"'


def of_token_team(request: Request, rows: QuerySet[Any], path: str = "team") -> QuerySet[Any]:
    """`rows` without those of teams that the token in use is not good for."""
    team = token_team(request)
    return rows.filter(**{path: team}) if team else rows


def dry(request: Request) -> bool:
    return query.flag(request, "dry_run")

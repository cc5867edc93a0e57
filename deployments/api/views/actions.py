"""What is done with a deployment: scale, restart, pause, resume, roll back; and with many at once."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models
from deployments.api import notice_shapes, payloads, present, preview, query, shapes
from deployments.api.base import ApiView, Write, dry, held, only_fields, token_team, user_of
from deployments.api.openapi import CONDITIONAL, DRY_RUN, WAIT, describe
from deployments.errors import DomainError, FieldError, InvalidInput, NotFound

MOST_AT_ONCE = 500


class Scale(ApiView):
    """Refused with 409 `autoscaler_owns_replicas` while an autoscaler owns the count."""

    @describe(
        "Set the number of replicas",
        takes=payloads.Scale,
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        payload = only_fields(request, ("replicas",), required=("replicas",))
        return write.accepted(intent.scale(write.row, payload["replicas"], **write.terms))


class Restart(ApiView):
    @describe(
        "Replace every pod, a few at a time",
        takes=payloads.Nothing,
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        only_fields(request, ())
        return write.accepted(intent.restart(write.row, **write.terms))


class Pause(ApiView):
    """The address and the count are kept for `resume`."""

    @describe(
        "Stop every pod, and remember the count",
        takes=payloads.Nothing,
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        only_fields(request, ())
        return write.accepted(intent.pause(write.row, **write.terms))


class Resume(ApiView):
    @describe(
        "Bring back the replicas of a paused deployment",
        takes=payloads.Nothing,
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        only_fields(request, ())
        return write.accepted(intent.resume(write.row, **write.terms))


class Rollback(ApiView):
    """Makes a new revision. 409 `version_archived` unless `confirm_archived` is true."""

    @describe(
        "Bring back what an older revision was",
        takes=payloads.Rollback,
        answers=shapes.Accepted,
        status=202,
        parameters=[*CONDITIONAL, DRY_RUN],
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        payload = only_fields(request, ("revision", "confirm_archived"), required=("revision",))
        confirmed = payload.get("confirm_archived", False)
        if not isinstance(confirmed, bool):
            raise _wrong("confirm_archived", "This must be true or false.", "not_a_boolean")
        if dry(request):
            write.refuse_stale()
            found = preview.of_rollback(
                write.row, payload["revision"], confirm_archived=confirmed, by=write.by
            )
            return Response(found)
        operation = intent.rollback(write.row, payload["revision"], confirm_archived=confirmed, **write.terms)
        return write.accepted(operation)


class Fix(ApiView):
    """What `status.diagnosis.fix` says, as a new revision. 409 `no_such_fix` when it is another by now."""

    @describe(
        "Do what the diagnosis offers",
        takes=notice_shapes.FixChoice,
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        write = Write(request, team, name)
        payload = only_fields(request, ("code",), required=("code",))
        return write.accepted(intent.apply_fix(write.row, payload["code"], **write.terms))


class Bulk(ApiView):
    """One result for each, in the order given; that some were refused is no error of the whole."""

    @describe(
        "Do the same with many deployments",
        takes=payloads.Bulk,
        answers=shapes.BulkResults,
        parameters=[WAIT],
    )
    def post(self, request: Request) -> Response:
        wait = query.wait_seconds(request)
        payload = only_fields(
            request, ("action", "deployments", "replicas"), required=("action", "deployments")
        )
        action, targets = _action(payload), _targets(payload["deployments"])
        limited_to = token_team(request)
        allowed = [target for target in targets if limited_to is None or target[0] == limited_to.name]
        count = payload.get("replicas")
        done = intent.bulk(action, allowed, by=user_of(request), replicas=count) if allowed else []
        found = {(one.team, one.name): one for one in done}
        deadline = time.monotonic() + wait
        results = []
        for target in targets:
            one = found.get(target)
            unknown = NotFound(f"There is no deployment {target[1]!r} in team {target[0]!r}.")
            operation, error = (one.operation, one.error) if one else (None, unknown)
            results.append(_result(target, operation, error, deadline))
        return Response(shapes.BulkResults(results=results))


def _result(
    target: tuple[str, str], operation: models.Operation | None, error: DomainError | None, deadline: float
) -> shapes.BulkResult:
    if operation is not None:
        operation = held(operation, max(deadline - time.monotonic(), 0))
    return shapes.BulkResult(
        deployment="/".join(target),
        operation=present.operation(operation) if operation else None,
        error=msgspec.convert(error.as_problem(), shapes.Problem) if error else None,
    )


def _action(payload: Mapping[str, Any]) -> str:
    action = payload["action"]
    if action not in intent.BULK_ACTIONS:
        raise _wrong("action", f"Choose one of: {', '.join(intent.BULK_ACTIONS)}.", "not_a_choice")
    if action == "scale" and "replicas" not in payload:
        raise _wrong("replicas", "This field is required.", "required")
    if action != "scale" and "replicas" in payload:
        raise _wrong("replicas", "Only scaling needs a count.", "not_applicable")
    return str(action)


def _targets(given: object) -> Sequence[tuple[str, str]]:
    """Team and name of each, in the order given, none twice."""
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        text = f"This must be a list of 1 to {MOST_AT_ONCE} deployments."
        raise _wrong("deployments", text, "not_a_list")
    targets: dict[tuple[str, str], None] = {}
    wrong = []
    for index, path in enumerate(given):
        team, slash, name = path.partition("/") if isinstance(path, str) else ("", "", "")
        if not team or not slash or not name or "/" in name:
            field = f"deployments[{index}]"
            wrong.append(FieldError(field, 'Write team and name, such as "pricing/house".', "not_a_path"))
        targets[team, name] = None
    if wrong:
        raise InvalidInput(wrong)
    return list(targets)


def _wrong(field: str, message: str, code: str) -> InvalidInput:
    return InvalidInput([FieldError(field, message, code)])

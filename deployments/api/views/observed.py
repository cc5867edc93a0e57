"""What belongs to one deployment: pods, events, revisions, manifests, logs, predictions."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import ask, intent, selectors
from deployments.api import payloads, present, query, shapes, streams
from deployments.api.base import ApiView, Write, deployment_of, only_fields, user_of
from deployments.api.openapi import CONDITIONAL, LIST, ORDERING, describe, parameter, whole
from deployments.api.pagination import paged
from deployments.api.renderers import ManifestRenderer, PlainTextRenderer, ServerSentEvents, StructRenderer
from deployments.errors import FieldError, InvalidInput
from deployments.selectors.captured import captured_logs_of, get_captured_log
from teams.roles import Role

POD_ORDERS = {name: name for name in ("name", "phase", "restarts", "node", "created_at")}
EVENT_ORDERS = {name: name for name in ("last_at", "first_at", "type", "reason", "count")}
REVISION_ORDERS = {"number": "number", "created_at": "created_at"}
CAPTURED_ORDERS = {name: name for name in ("captured_at", "ended_at", "pod", "run")}
MAX_TAIL_LINES = 10_000


class Pods(ApiView):
    @describe(
        "List the pods of a deployment",
        answers=shapes.Pod,
        many=True,
        parameters=[
            parameter("phase", "Only those in this phase, such as Running."),
            parameter("node", "Only those on this node."),
            parameter("ready", "Only those that are, or are not, ready.", kind=bool),
            ORDERING,
            *LIST,
        ],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        rows = selectors.pods_of(deployment_of(request, team, name))
        rows = query.matching(request, rows, {"phase": "phase", "node": "node"}, {"ready": Q(ready=True)})
        return paged(request, query.ordered(request, rows, POD_ORDERS, default="created_at"), present.pods)


class Pod(ApiView):
    @describe(
        "Delete a pod; another one takes its place",
        answers=shapes.Accepted,
        status=202,
        parameters=CONDITIONAL,
        may=(409, 412),
    )
    def delete(self, request: Request, team: str, name: str, pod: str) -> Response:
        write = Write(request, team, name)
        # Of one moment, and no new wish: there is nothing that a later write could overwrite.
        write.refuse_stale()
        return write.accepted(intent.delete_pod(write.row, pod, by=write.by))


class Events(ApiView):
    @describe(
        "List the events of a deployment, newest first",
        answers=shapes.Event,
        many=True,
        parameters=[
            parameter("type", "Only those of this type.", enum=("Normal", "Warning")),
            parameter("reason", "Only those with this reason."),
            ORDERING,
            *LIST,
        ],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        rows = selectors.events_of(deployment_of(request, team, name))
        exact = {
            "type": query.choice(request, "type", ("Normal", "Warning")),
            "reason": query.text(request, "reason"),
        }
        rows = rows.filter(**{column: value for column, value in exact.items() if value})
        return paged(request, query.ordered(request, rows, EVENT_ORDERS, default="-last_at"), present.events)


class Revisions(ApiView):
    @describe(
        "List the revisions of a deployment, newest first",
        answers=shapes.Revision,
        many=True,
        parameters=[ORDERING, *LIST],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        rows = selectors.revisions_of(deployment_of(request, team, name))
        return paged(
            request, query.ordered(request, rows, REVISION_ORDERS, default="-number"), present.revisions
        )


class Revision(ApiView):
    """The first revision of a diff is the one `diff` names, the second is the one read."""

    @describe(
        "Read a revision, or what differs from another one",
        answers=shapes.Revision,
        parameters=[
            parameter("diff", "Tell what changed since the revision with this number.", schema=whole(1, None))
        ],
    )
    def get(self, request: Request, team: str, name: str, number: str) -> Response:
        deployment = deployment_of(request, team, name)
        row = selectors.get_revision(deployment, int(number))
        other = query.whole(request, "diff", default=0, low=1, high=999_999_999)
        if not other:
            return Response(present.revision(row))
        before = selectors.get_revision(deployment, other)
        return Response(present.revision(row, diff=selectors.diff_revisions(before, row)))


class Timeline(ApiView):
    @describe(
        "What happened to a deployment, newest first",
        answers=shapes.TimelineEntry,
        many=True,
        parameters=[ORDERING, *LIST],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        rows = selectors.timeline_of(deployment_of(request, team, name))
        ordered = query.ordered(request, rows, {"at": "at", "kind": "kind"}, default="-at")
        return paged(request, ordered, present.timeline)


class Manifests(ApiView):
    """JSON, or YAML with `Accept: application/yaml`."""

    renderer_classes = (StructRenderer, ManifestRenderer)  # type: ignore[assignment]

    @describe(
        "The Kubernetes objects of a deployment, as JSON or YAML",
        answers=shapes.Manifests,
        also=["application/yaml"],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        objects = selectors.manifests_of(deployment_of(request, team, name))
        return Response(shapes.Manifests(manifests=objects), headers={"Vary": "Accept"})


class Logs(ApiView):
    """Plain text, or with `follow` a stream of server-sent events."""

    # JSON only so that a client that always accepts JSON is not turned away.
    renderer_classes = (PlainTextRenderer, ServerSentEvents, StructRenderer)  # type: ignore[assignment]

    @describe(
        "Read logs, or follow them as server-sent events",
        answers={"type": "string"},
        media="text/plain",
        also=["text/event-stream"],
        parameters=[
            parameter("pod", "Only this pod; all replicas, merged by time, without it."),
            parameter("container", "Only this container."),
            parameter("tail", "How many lines from the end.", kind=int, default=200),
            parameter("previous", "The run before the last restart.", kind=bool),
            parameter("since", "Only lines since 90s, 10m, 2h or 1d ago."),
            parameter("follow", "Go on with what is written from now: text/event-stream.", kind=bool),
        ],
        may=(409, 501, 502, 503, 504),
    )
    def get(self, request: Request, team: str, name: str) -> HttpResponseBase:
        row = deployment_of(request, team, name)
        pod = query.text(request, "pod") or None
        container = query.text(request, "container") or None
        tail = query.whole(request, "tail", default=200, low=1, high=MAX_TAIL_LINES)
        previous = query.flag(request, "previous")
        since = query.since_seconds(request)
        if not query.flag(request, "follow"):
            lines = ask.read_logs(
                row, pod=pod, container=container, tail=tail, previous=previous, since_seconds=since
            )
            return HttpResponse(lines, content_type="text/plain; charset=utf-8")
        if previous:
            raise InvalidInput(
                [FieldError("previous", "A run that has ended cannot be followed.", "not_together")]
            )
        lines_to_come = ask.follow_logs(row.pk, pod=pod, container=container, tail=tail, since_seconds=since)
        return streams.log_stream(request, team, lines_to_come)


class CapturedLogs(ApiView):
    """The newest 20 of a deployment are kept, 64 KiB of each, also of pods that are gone."""

    @describe(
        "List what was kept of the logs of crashed containers, newest first",
        answers=shapes.CapturedLog,
        many=True,
        parameters=[ORDERING, *LIST],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        rows = captured_logs_of(deployment_of(request, team, name))
        ordered = query.ordered(request, rows, CAPTURED_ORDERS, default="-captured_at")
        return paged(request, ordered, lambda found: present.captured_logs(found, team, name))


class CapturedLog(ApiView):
    # JSON only so that a client that always accepts JSON is not turned away.
    renderer_classes = (PlainTextRenderer, StructRenderer)  # type: ignore[assignment]

    @describe("Read what a crashed container wrote", answers={"type": "string"}, media="text/plain")
    def get(self, request: Request, team: str, name: str, captured: str) -> HttpResponse:
        row = get_captured_log(deployment_of(request, team, name), int(captured))
        return HttpResponse(row.text, content_type="text/plain; charset=utf-8")


class Predict(ApiView):
    @describe(
        "Ask the model: send one request to the deployment's own service",
        takes=payloads.Ask,
        answers=shapes.Prediction,
        may=(409, 502, 503, 504),
    )
    def post(self, request: Request, team: str, name: str) -> Response:
        row = deployment_of(request, team, name)
        selectors.require_role(user_of(request), row.team, Role.DEPLOYER)
        asked = question(only_fields(request, ("path", "method", "body")), row.version.sample_request)
        return Response(ask.predict(row, path=asked["path"], method=asked["method"], body=asked["body"]))


def question(payload: Mapping[str, Any], sample: Mapping[str, Any] | None) -> dict[str, Any]:
    """What to send. What is not named is the version's sample's, if that is for the same path.

    Raises:
        InvalidInput: path or method is not text.
    """
    wrong = [
        FieldError(field, "This must be text.", "not_text")
        for field in ("path", "method")
        if not isinstance(payload.get(field, ""), str)
    ]
    if wrong:
        raise InvalidInput(wrong)
    fits = sample is not None and payload.get("path", sample.get("path")) == sample.get("path")
    base = dict(sample) if sample is not None and fits else {}
    method = "POST" if payload.get("body") is not None else "GET"
    return {"path": "/", "method": method, "body": None, **base, **payload}

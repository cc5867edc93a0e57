"""What happened, and the webhooks that are told of it."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models, selectors
from deployments.api import notice_present, notice_shapes, payloads, query
from deployments.api.base import ApiView, body_of, only_fields, team_of, user_of
from deployments.api.openapi import LIST, ORDERING, describe, parameter
from deployments.api.pagination import paged
from deployments.webhooks.outbox import KINDS, TEST

HAPPENING_ORDERS = {"at": "at", "type": "kind", "deployment": "deployment__name"}
WEBHOOK_ORDERS = {name: name for name in ("created_at", "updated_at", "url", "enabled")}
DELIVERY_ORDERS = {name: name for name in ("created_at", "finished_at", "state", "attempts")}


def webhook_of(request: Request, team: str, webhook: str) -> models.Webhook:
    """Raises: NotFound."""
    return selectors.get_webhook(user_of(request), team, webhook)


class Happenings(ApiView):
    """What webhooks are told of, and tests of them, for programs that would rather ask. Kept for 30 days."""

    @describe(
        "What happened in a team, newest first",
        answers=notice_shapes.Happening,
        many=True,
        parameters=[
            parameter("type", "Only those of this type.", enum=(*KINDS, TEST)),
            parameter("deployment", "Only those of the deployment with this name."),
            ORDERING,
            *LIST,
        ],
    )
    def get(self, request: Request, team: str) -> Response:
        rows = selectors.happenings_of(team_of(request, team))
        exact = {
            "kind": query.choice(request, "type", (*KINDS, TEST)),
            "deployment__name": query.text(request, "deployment"),
        }
        rows = rows.filter(**{column: value for column, value in exact.items() if value})
        ordered = query.ordered(request, rows, HAPPENING_ORDERS, default="-at")
        return paged(request, ordered, notice_present.happenings)


class Webhooks(ApiView):
    """At most 20 in a team."""

    @describe(
        "List the webhooks of a team", answers=notice_shapes.Webhook, many=True, parameters=[ORDERING, *LIST]
    )
    def get(self, request: Request, team: str) -> Response:
        found = team_of(request, team)
        whole = selectors.leads(user_of(request), found)
        ordered = query.ordered(request, selectors.webhooks_of(found), WEBHOOK_ORDERS, default="created_at")
        return paged(request, ordered, lambda rows: notice_present.webhooks(rows, whole=whole))

    @describe(
        "Have an address told of what happens; leads",
        takes=notice_shapes.NewWebhook,
        answers=notice_shapes.Webhook,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, team: str) -> Response:
        made, secret = intent.create_webhook(team_of(request, team), body_of(request), by=user_of(request))
        body = notice_present.webhook(made, whole=True, secret=secret)
        return Response(body, status=201, headers={"Location": body.links["self"]})


class Webhook(ApiView):
    @describe("Read a webhook, without its secret", answers=notice_shapes.Webhook)
    def get(self, request: Request, team: str, webhook: str) -> Response:
        row = webhook_of(request, team, webhook)
        return Response(notice_present.webhook(row, whole=selectors.leads(user_of(request), row.team)))

    @describe("Change a webhook; leads", takes=notice_shapes.WebhookChanges, answers=notice_shapes.Webhook)
    def patch(self, request: Request, team: str, webhook: str) -> Response:
        row = webhook_of(request, team, webhook)
        changed = intent.change_webhook(row, body_of(request), by=user_of(request))
        return Response(notice_present.webhook(changed, whole=True))

    @describe("Delete a webhook with its log; leads", status=204)
    def delete(self, request: Request, team: str, webhook: str) -> Response:
        intent.delete_webhook(webhook_of(request, team, webhook), by=user_of(request))
        return Response(status=204)


class TestWebhook(ApiView):
    """The delivery is on its way; its state in the list of deliveries says what became of it."""

    @describe(
        "Send a test to a webhook; leads",
        takes=payloads.Nothing,
        answers=notice_shapes.Delivery,
        status=202,
    )
    def post(self, request: Request, team: str, webhook: str) -> Response:
        row = webhook_of(request, team, webhook)
        only_fields(request, ())
        return Response(notice_present.delivery(intent.try_webhook(row, by=user_of(request))), status=202)


class Deliveries(ApiView):
    """Kept for 30 days."""

    @describe(
        "What was sent to a webhook and what it answered, newest first",
        answers=notice_shapes.Delivery,
        many=True,
        parameters=[
            parameter("state", "Only those in this state.", enum=tuple(models.DeliveryState.values)),
            ORDERING,
            *LIST,
        ],
    )
    def get(self, request: Request, team: str, webhook: str) -> Response:
        rows = selectors.deliveries_of(webhook_of(request, team, webhook))
        state = query.choice(request, "state", models.DeliveryState.values)
        rows = rows.filter(state=state) if state else rows
        rows = rows.select_related("happening__team", "happening__deployment")
        ordered = query.ordered(request, rows, DELIVERY_ORDERS, default="-created_at")
        return paged(request, ordered, notice_present.deliveries)

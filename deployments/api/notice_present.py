"""Rows of what happened and of webhooks into the shapes of the contract."""

from collections.abc import Iterable, Sequence

from msgspec import UNSET, UnsetType

from deployments import models, selectors
from deployments.api import notice_shapes as shapes
from deployments.api.present import address


def happenings(rows: Iterable[models.Happening]) -> list[shapes.Happening]:
    return [happening(row) for row in rows]


def happening(row: models.Happening) -> shapes.Happening:
    return shapes.Happening(
        id=str(row.pk),
        type=row.kind,
        at=row.at,
        team=row.team.name,
        deployment=row.deployment.name if row.deployment else None,
        message=row.text,
    )


def webhooks(rows: Sequence[models.Webhook], *, whole: bool) -> list[shapes.Webhook]:
    """`whole`: with the paths of their addresses, which are for leads."""
    return [webhook(row, whole=whole) for row in rows]


def webhook(row: models.Webhook, *, whole: bool, secret: str | UnsetType = UNSET) -> shapes.Webhook:
    parts = {"team": row.team.name, "webhook": row.pk}
    return shapes.Webhook(
        id=str(row.pk),
        team=row.team.name,
        url=selectors.shown_address(row, whole=whole),
        events=row.events,
        enabled=row.enabled,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        links={
            "self": address("webhook", **parts),
            "deliveries": address("deliveries", **parts),
            "test": address("webhook-test", **parts),
        },
        secret=secret,
    )


def deliveries(rows: Iterable[models.Delivery]) -> list[shapes.Delivery]:
    return [delivery(row) for row in rows]


def delivery(row: models.Delivery) -> shapes.Delivery:
    waits = row.state == models.DeliveryState.WAITING
    return shapes.Delivery(
        id=row.pk,
        happening=happening(row.happening),
        state=row.state,
        attempts=row.attempts,
        status=row.status,
        answer=row.answer,
        created_at=row.created_at,
        next_at=row.next_at if waits else None,
        finished_at=row.finished_at,
    )

"""What happened, written in the transaction of the change itself: told if and when that is committed."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from deployments import queue
from deployments.models import Delivery, Deployment, Happening, Webhook

KINDS = (
    "deployment.running",
    "deployment.degraded",
    "deployment.failed",
    "deployment.deleted",
    "rollout.finished",
)
TEST = "webhook.test"


def tell(deployment: Deployment, kind: str, text: str, *, at: datetime | None = None) -> Happening:
    """Stores a happening, and a delivery to each webhook that wants it. Call in a transaction."""
    happening = Happening(
        team=deployment.team, deployment=deployment, kind=kind, text=text[:400], at=at or timezone.now()
    )
    happening.payload = _payload(happening, deployment)
    happening.save()
    wanting = [
        hook for hook in Webhook.objects.filter(team=deployment.team, enabled=True) if kind in hook.events
    ]
    enqueue(Delivery.objects.bulk_create(Delivery(webhook=hook, happening=happening) for hook in wanting))
    return happening


def tell_test(webhook: Webhook, *, by: str) -> Delivery:
    """A delivery that shows whether the receiver works. Call in a transaction."""
    text = f"{by} tests this webhook"
    happening = Happening(team=webhook.team, kind=TEST, text=text)
    happening.payload = _payload(happening, None)
    happening.save()
    delivery = Delivery.objects.create(webhook=webhook, happening=happening)
    enqueue([delivery])
    return delivery


def enqueue(deliveries: list[Delivery]) -> None:
    """Hints to workers after the commit; the sweep finds what they miss."""
    for pk in [delivery.pk for delivery in deliveries]:
        transaction.on_commit(lambda pk=pk: queue.enqueue_delivery(pk), robust=True)  # type: ignore[misc]


def _payload(happening: Happening, deployment: Deployment | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": str(happening.pk),
        "type": happening.kind,
        "at": happening.at.isoformat(),
        "team": happening.team.name,
        "message": happening.text,
    }
    if deployment is not None:
        body["deployment"] = {
            "name": deployment.name,
            "team": deployment.team.name,
            "cluster": deployment.cluster.name,
            "namespace": deployment.namespace,
            "state": deployment.state,
            "message": deployment.message,
            "revision": deployment.revision,
            "generation": deployment.generation,
        }
    return body

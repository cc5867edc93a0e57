"""Worker side of webhooks: takes a delivery that is due, sends it, and notes what became of it."""

import logging
import random
import time
from datetime import datetime, timedelta

import msgspec
from django.db.models import F
from django.utils import timezone

from deployments.models import Delivery, DeliveryState
from deployments.sealing import SealBroken, unseal
from deployments.webhooks.addresses import ForbiddenAddress, UnknownHost
from deployments.webhooks.sending import SIGNATURE, NotTaken, send, signature

logger = logging.getLogger(__name__)

# Between tries: soon at first, and for about a day in all.
WAITS_SECONDS = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
# Longer than a try can take. A worker that died with a delivery in hand gives it back by this.
_IN_HAND = timedelta(seconds=60)
_MOST = 500


def due_deliveries() -> list[int]:
    """Deliveries to try now, the oldest first."""
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, next_at__lte=timezone.now())
    return list(waiting.order_by("next_at").values_list("pk", flat=True)[:_MOST])


def deliver(delivery_id: int) -> None:
    """Tries once. Whoever is second to take it up does nothing; a receiver may still see a repeat
    when a worker dies between its sending and its note, and tells it by the id.
    """
    now = timezone.now()
    taken = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.WAITING, next_at__lte=now)
    # Counted before it is tried: what ends its worker each time must come to an end, too.
    if not taken.update(next_at=now + _IN_HAND, attempts=F("attempts") + 1):
        return
    delivery = Delivery.objects.select_related("webhook", "happening").get(pk=delivery_id)
    if delivery.attempts > len(WAITS_SECONDS) + 1:
        _end(delivery, DeliveryState.FAILED, "Given up: no try of it came to an end.", at=now)
    elif not delivery.webhook.enabled:
        _end(delivery, DeliveryState.FAILED, "The webhook was switched off.", at=now)
    else:
        _try(delivery)
    delivery.save(update_fields=["state", "next_at", "status", "answer", "finished_at"])


def _try(delivery: Delivery) -> None:
    body = msgspec.json.encode(delivery.happening.payload)
    delivery.status = None
    try:
        secret = unseal(delivery.webhook.sealed_secret)
        answer = send(delivery.webhook.url, body, _headers(delivery, secret, body))
    except ForbiddenAddress as exc:
        _end(delivery, DeliveryState.FAILED, str(exc), at=timezone.now())
    except (NotTaken, UnknownHost, SealBroken) as exc:
        _again(delivery, str(exc))
    else:
        delivery.status = answer.status
        if 200 <= answer.status < 300:
            _end(delivery, DeliveryState.DELIVERED, answer.text, at=timezone.now())
        else:
            _again(delivery, answer.text)


def _headers(delivery: Delivery, secret: str, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Timoneiro",
        "Timoneiro-Event": delivery.happening.kind,
        "Timoneiro-Delivery": str(delivery.happening_id),
        SIGNATURE: signature(secret, body, at=int(time.time())),
    }


def _again(delivery: Delivery, words: str) -> None:
    now = timezone.now()
    if delivery.attempts > len(WAITS_SECONDS):
        _end(delivery, DeliveryState.FAILED, words, at=now)
        return
    wait = WAITS_SECONDS[delivery.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311  jitter, no secret
    delivery.next_at = now + timedelta(seconds=wait)
    delivery.answer = _kept(words)
    logger.info("webhook delivery %s not taken, again in %.0f s", delivery.pk, wait)


def _end(delivery: Delivery, state: DeliveryState, words: str, *, at: datetime) -> None:
    delivery.state, delivery.answer, delivery.finished_at = state, _kept(words), at


def _kept(words: str) -> str:
    return words.replace("\x00", "")[:500]

"""Telling programs what happened: written with the change, sent by workers, signed, repeated until taken."""

from deployments.webhooks.delivering import deliver, due_deliveries
from deployments.webhooks.outbox import KINDS, tell

__all__ = ["KINDS", "deliver", "due_deliveries", "tell"]

"""The form of a webhook: where to, of what, and whether."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict

from dashboard.forms.typed import TypedForm
from deployments.models import Webhook
from deployments.webhooks.outbox import KINDS

# What is told, in words.
EVENT_WORDS = {
    "deployment.running": "it runs, after a rollout or after trouble",
    "deployment.degraded": "it serves with less than it should",
    "deployment.failed": "it serves nobody",
    "deployment.deleted": "it has been deleted",
    "rollout.finished": "a new revision has taken over",
}


@dataclass(frozen=True)
class EventChoice:
    """A kind that can be ticked."""

    kind: str
    words: str
    chosen: bool


@dataclass
class WebhookForm(TypedForm):
    """`events` are the kinds that are ticked."""

    events: Sequence[str] = KINDS
    enabled: bool = True

    @classmethod
    def blank(cls) -> "WebhookForm":
        return cls(values={"url": ""})

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookForm":
        return cls(values={"url": webhook.url}, events=webhook.events, enabled=webhook.enabled)

    @classmethod
    def typed(cls, data: QueryDict) -> "WebhookForm":
        form = cls(events=data.getlist("events"), enabled="true" in data.getlist("enabled"))
        form.read(data, ("url",))
        return form

    @property
    def choices(self) -> list[EventChoice]:
        return [EventChoice(kind, EVENT_WORDS[kind], kind in self.events) for kind in KINDS]

    def payload(self) -> dict[str, object]:
        return {"url": self.values["url"], "events": list(self.events), "enabled": self.enabled}

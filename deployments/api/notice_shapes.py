"""What the API answers, and takes, about what happened and who is told of it."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType


class Happening(Struct, kw_only=True, frozen=True):
    """Something that webhooks are told of; `id` is that of their `Timoneiro-Delivery` header.

    `deployment` is its name, null for what is about none.
    """

    id: str
    type: str
    at: datetime
    team: str
    deployment: str | None
    message: str


class Webhook(Struct, kw_only=True, frozen=True):
    """An address that is told of `events`. Its path is told to leads alone.

    `secret` signs what is sent, see docs/webhooks.md; it is told once, in the answer that made it.
    """

    id: str
    team: str
    url: str
    events: Sequence[str]
    enabled: bool
    created_by: str
    created_at: datetime
    updated_at: datetime
    links: dict[str, str]
    secret: str | UnsetType = UNSET


class Delivery(Struct, kw_only=True, frozen=True):
    """One happening on its way to one webhook: waiting, delivered or failed.

    `status` and `answer` are what the receiver answered last, or why it could not be asked;
    `next_at` is when it is tried again, null when it is not.
    """

    id: int
    happening: Happening
    state: str
    attempts: int
    status: int | None
    answer: str
    created_at: datetime
    next_at: datetime | None
    finished_at: datetime | None


class WebhookChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`events` are kinds such as "deployment.failed"; all of them when they are not named at first."""

    url: str | UnsetType = UNSET
    events: Sequence[str] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class NewWebhook(WebhookChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    url: str


class FixChoice(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`code` of the diagnosis whose fix is meant: another one by now is refused."""

    code: str

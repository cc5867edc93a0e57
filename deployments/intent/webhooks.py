"""A team's webhooks: whom to tell of what happens. Leads decide."""

import secrets
from collections.abc import Mapping
from typing import Any, Unpack
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments.errors import DomainError, FieldError, NotFound
from deployments.intent.common import check_role
from deployments.intent.keeping import seal_text
from deployments.models import Delivery, Webhook
from deployments.spec import Reader
from deployments.webhooks.addresses import LONGEST_URL, problem_of
from deployments.webhooks.outbox import KINDS, tell_test
from teams import audit
from teams.models import Team
from teams.roles import Role

MOST_WEBHOOKS = 20
_MOST_EVENTS = 50
_READ_ONLY = ("id", "team", "created_at", "created_by", "updated_at", "links", "secret")


class TooManyWebhooks(DomainError):
    code = "too_many_webhooks"
    title = "The team has as many webhooks as it may"
    status = 409


def create_webhook(team: Team, payload: Mapping[str, Any], *, by: User) -> tuple[Webhook, str]:
    """From {"url", "events"?, "enabled"?}: the webhook, and the secret that signs, which is shown once.

    Raises:
        InvalidInput, TooManyWebhooks, PermissionDenied, NotFound.
    """
    check_role(by, team, Role.LEAD, action="create webhook", target="webhooks")
    values = _read(payload, None)
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        # Locked, so that two at the same time cannot both be the last one.
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        if Webhook.objects.filter(team=team).count() >= MOST_WEBHOOKS:
            raise TooManyWebhooks(f"Delete one first: a team has at most {MOST_WEBHOOKS}.")
        webhook = Webhook.objects.create(
            team=team, created_by=by.username, sealed_secret=seal_text(secret), **values
        )
        _record(webhook, "create webhook", by, after=_told(webhook))
    return webhook, secret


def change_webhook(webhook: Webhook, payload: Mapping[str, Any], *, by: User) -> Webhook:
    """Raises: InvalidInput, PermissionDenied, NotFound."""
    check_role(by, webhook.team, Role.LEAD, action="change webhook", target=str(webhook.pk))
    values = _read(payload, webhook)
    with transaction.atomic():
        row = _lock(webhook)
        before = _told(row)
        for field, value in values.items():
            setattr(row, field, value)
        row.updated_at = timezone.now()
        row.save()
        _record(row, "change webhook", by, before=before, after=_told(row))
    return row


def delete_webhook(webhook: Webhook, *, by: User) -> None:
    """With its deliveries, also those that wait. Raises: PermissionDenied, NotFound."""
    check_role(by, webhook.team, Role.LEAD, action="delete webhook", target=str(webhook.pk))
    with transaction.atomic():
        row = _lock(webhook)
        _record(row, "delete webhook", by, before=_told(row))
        row.delete()


def try_webhook(webhook: Webhook, *, by: User) -> Delivery:
    """Sends a `webhook.test`; the delivery shows what became of it. Raises: PermissionDenied, NotFound."""
    check_role(by, webhook.team, Role.LEAD, action="test webhook", target=str(webhook.pk))
    with transaction.atomic():
        row = _lock(webhook)
        _record(row, "test webhook", by)
        return tell_test(row, by=by.username)


def _lock(webhook: Webhook) -> Webhook:
    row = Webhook.objects.select_for_update(of=("self",)).select_related("team").filter(pk=webhook.pk).first()
    if row is None:
        raise NotFound("This webhook has been deleted.")
    return row


def _read(payload: Mapping[str, Any], current: Webhook | None) -> dict[str, Any]:
    reader = Reader(payload)
    reader.allow_only(("url", "events", "enabled"), read_only=_READ_ONLY)
    url = reader.text(
        "url", current.url if current else "", required=current is None, longest=LONGEST_URL
    ).strip()
    problem = problem_of(url) if "url" in reader and (url or current) else ""
    if problem:
        reader.wrong("url", problem, "invalid_url")
    values = {
        "url": url,
        "events": _read_events(reader, current.events if current else list(KINDS)),
        "enabled": reader.boolean("enabled", current.enabled if current else True),
    }
    reader.finish()
    return values


def _read_events(reader: Reader, default: list[str]) -> list[str]:
    if "events" not in reader:
        return default
    given = reader.raw("events")
    known = f"Choose from {', '.join(KINDS)}."
    if not isinstance(given, list) or not 1 <= len(given) <= _MOST_EVENTS:
        reader.wrong("events", f"This must be a list of at least one event. {known}", "not_a_list")
        return default
    for index, event in enumerate(given):
        if event not in KINDS:
            reader.errors.append(FieldError(f"events[{index}]", known, "unknown_event"))
    return [kind for kind in KINDS if kind in given]


def _host(webhook: Webhook) -> str:
    """Without what may stand before an @, which is a password."""
    return urlsplit(webhook.url).netloc.rpartition("@")[2]


def _told(webhook: Webhook) -> dict[str, object]:
    """What the audit tells of it. The path of an address is often its secret."""
    return {"host": _host(webhook), "events": webhook.events, "enabled": webhook.enabled}


def _record(webhook: Webhook, action: str, by: User, **change: Unpack[audit.Change]) -> None:
    team = webhook.team.name
    detail = {"host": _host(webhook)}
    audit.record(by.username, action, f"{team}/{webhook.pk}", team=team, detail=detail, **change)

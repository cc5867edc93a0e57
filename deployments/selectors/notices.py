"""Reads of what happened, who was told of it, and what a person has not seen yet."""

import uuid
from datetime import datetime
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from deployments.errors import NotFound
from deployments.models import Delivery, DeliveryState, Happening, SeenHappenings, Webhook
from deployments.selectors.access import Person
from deployments.webhooks.outbox import TEST
from teams.access import Places, role_of, teams_of
from teams.models import Team
from teams.roles import Role

MOST_COUNTED = 100


def happenings_visible_to(user: Person) -> QuerySet[Happening]:
    """What happened in the person's teams, newest first; tests of webhooks are no news."""
    rows = Happening.objects.filter(team__in=teams_of(user)).exclude(kind=TEST)
    return rows.select_related("team", "deployment").order_by("-at", "-id")


def happenings_of(team: Team) -> QuerySet[Happening]:
    """Newest first, with the tests of webhooks."""
    return Happening.objects.filter(team=team).select_related("team", "deployment").order_by("-at", "-id")


def seen_until(user: User) -> datetime:
    """What happened later is new to the person; at first that is all since they joined."""
    until = SeenHappenings.objects.filter(user=user).values_list("until", flat=True).first()
    return until or user.date_joined


def count_unseen(places: Places) -> int:
    """How much is new to the person; a hundred stands for that and more, so that counting stays cheap."""
    if not places.user.is_authenticated:
        return 0
    # In one query, because every page asks it.
    seen = SeenHappenings.objects.filter(user=places.user).values("until")
    until = Coalesce(Subquery(seen), Value(places.user.date_joined))
    # Team by team, as they are indexed: read by time alone, all that ever happened would be looked at.
    teams = teams_of(places.user) if places.is_everywhere else places.teams
    rows = Happening.objects.filter(team__in=teams, at__gt=until).exclude(kind=TEST)
    return len(rows.order_by().values_list("pk")[:MOST_COUNTED])


def webhooks_of(team: Team) -> QuerySet[Webhook]:
    """The oldest first, each with `waiting` and `failed`: how many deliveries are so."""
    return (
        Webhook.objects.filter(team=team)
        .select_related("team")
        .annotate(
            waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING)),
            failed=Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED)),
        )
        .order_by("created_at", "id")
    )


def get_webhook(user: Person, team: str, webhook_id: uuid.UUID | str) -> Webhook:
    """Raises: NotFound: no such webhook, or `user` is a stranger to the team."""
    try:
        key = webhook_id if isinstance(webhook_id, uuid.UUID) else uuid.UUID(webhook_id)
    except ValueError as exc:
        raise NotFound("There is no such webhook.") from exc
    rows = Webhook.objects.filter(team__in=teams_of(user), team__name=team).select_related("team")
    found = rows.filter(pk=key).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """Newest first."""
    rows = Delivery.objects.filter(webhook=webhook).select_related("happening", "webhook")
    return rows.order_by("-created_at", "-id")


def leads(user: Person, team: Team) -> bool:
    role = role_of(user, team)
    return role is not None and role.covers(Role.LEAD)


def shown_address(webhook: Webhook, *, whole: bool) -> str:
    """Its address; for those who are no leads without the path, which often is what lets one post there."""
    if whole:
        return webhook.url
    parts = urlsplit(webhook.url)
    # Not `netloc`: what stands before an @ is a password.
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/..."

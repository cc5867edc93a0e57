"""Events of a deployment as people read them: the same thing said again and again is one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet, Sum

from deployments.models import Deployment, Event
from deployments.selectors.reading import events_of


@dataclass(frozen=True)
class EventFilters:
    """Type "Normal" or "Warning", reason, and object as "Pod/house-1"; "" for any."""

    type: str = ""
    reason: str = ""
    object: str = ""

    def apply(self, rows: QuerySet[Event]) -> QuerySet[Event]:
        kind, _, name = self.object.partition("/")
        wanted = {"type": self.type, "reason": self.reason, "object_kind": kind, "object_name": name}
        return rows.filter(**{column: value for column, value in wanted.items() if value})

    @property
    def active(self) -> bool:
        return bool(self.type or self.reason or self.object)


@dataclass(frozen=True)
class EventChoices:
    """What there is to filter by; `objects` are "Pod/house-1"."""

    reasons: Sequence[str]
    objects: Sequence[str]


@dataclass(frozen=True)
class FoldedEvent:
    """What was said of an object, however often. The cluster begins a new event for what it
    says again after ten minutes, and its scheduler for each time: `count` is of them all.
    """

    id: int
    type: str
    reason: str
    message: str
    object_kind: str
    object_name: str
    count: int
    first_at: datetime | None
    last_at: datetime | None


_SAME = ("type", "reason", "message", "object_kind", "object_name")


def folded_events_of(deployment: Deployment, filters: EventFilters) -> QuerySet[Event, dict[str, Any]]:
    """Newest first; a page of rows becomes `FoldedEvent`s by `as_folded`."""
    rows = filters.apply(events_of(deployment)).order_by()
    folded: QuerySet[Event, dict[str, Any]] = (
        rows.values(*_SAME)
        .annotate(
            first_id=Min("id"),
            times=Sum("count"),
            first_seen=Min("first_at"),
            last_seen=Max("last_at"),
        )
        .order_by("-last_seen", "-first_id")
    )
    return folded


def as_folded(rows: Sequence[dict[str, Any]]) -> list[FoldedEvent]:
    return [
        FoldedEvent(
            id=row["first_id"],
            count=row["times"],
            first_at=row["first_seen"],
            last_at=row["last_seen"],
            **{column: row[column] for column in _SAME},
        )
        for row in rows
    ]


def event_choices_of(deployment: Deployment) -> EventChoices:
    rows = events_of(deployment).order_by()
    objects = rows.values_list("object_kind", "object_name").distinct()
    return EventChoices(
        reasons=sorted(rows.values_list("reason", flat=True).distinct()),
        objects=sorted(f"{kind}/{name}" for kind, name in objects),
    )

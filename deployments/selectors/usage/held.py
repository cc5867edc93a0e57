"""What pods hold and use now, added up by the database.

A pod holds its requests from when it has a node until it has ended: as `kubectl describe node` counts.
What a pod used counts while it was measured lately.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, Q, QuerySet, Sum
from django.utils import timezone

from deployments.models import Pod
from deployments.models.observed import ENDED_PHASES
from deployments.selectors.usage.shapes import Amounts

MEASURED_WITHIN = timedelta(minutes=5)
"""An older measurement says nothing about now."""

_SUMS = ("pods", "cpu", "memory", "gpu", "measured", "cpu_used", "memory_used", "cpu_limit", "memory_limit")
# Limits are not in the index that the rest is read from, so they are only read when asked for.
_WITHOUT_LIMITS = _SUMS[:-2]
OF_LIMITS = _SUMS[4:]
"""What is used of what may be used."""


@dataclass(frozen=True, slots=True)
class Held:
    """Of some pods together. `measured` is how many of them were measured lately."""

    pods: int = 0
    cpu: int = 0
    memory: int = 0
    gpu: int = 0
    measured: int = 0
    cpu_used: int = 0
    memory_used: int = 0
    cpu_limit: int = 0
    memory_limit: int = 0

    def __add__(self, other: "Held") -> "Held":
        return Held(*(getattr(self, name) + getattr(other, name) for name in _SUMS))

    def less(self, part: "Held") -> "Held":
        """What is not of `part`. Both are read one after the other, so it is never less than nothing."""
        return Held(*(max(0, getattr(self, name) - getattr(part, name)) for name in _SUMS))

    @property
    def requested(self) -> Amounts:
        return Amounts(self.cpu, self.memory, self.gpu)

    @property
    def limits(self) -> Amounts:
        return Amounts(self.cpu_limit, self.memory_limit, self.gpu)

    @property
    def used(self) -> Amounts | None:
        """None where none of the pods was measured. Who uses a GPU is not measured: none."""
        return Amounts(self.cpu_used, self.memory_used) if self.measured else None


NOTHING = Held()


def holding_pods() -> QuerySet[Pod]:
    """Pods that hold their requests."""
    return Pod.objects.exclude(node="").exclude(phase__in=ENDED_PHASES)


def fresh_since(now: datetime | None = None) -> datetime:
    """Measurements from then on count."""
    return (now or timezone.now()) - MEASURED_WITHIN


def held_by(
    pods: QuerySet[Pod], *columns: str, sums: Sequence[str] = _WITHOUT_LIMITS
) -> list[tuple[Any, ...]]:
    """One row per value of `columns`: those values, then what the pods of it hold, of that `sums` alone."""
    lately = Q(usage__at__gte=fresh_since())
    known: dict[str, Aggregate] = {
        "pods": Count("pk"),
        "cpu": Sum("cpu_request"),
        "memory": Sum("memory_request"),
        "gpu": Sum("gpu_request"),
        "measured": Count("usage", filter=lately),
        "cpu_used": Sum("usage__cpu", filter=lately, default=0),
        "memory_used": Sum("usage__memory", filter=lately, default=0),
        "cpu_limit": Sum("cpu_limit"),
        "memory_limit": Sum("memory_limit"),
    }
    asked = {f"sum_{name}": known[name] for name in sums}
    rows = pods.order_by().values(*columns).annotate(**asked).values_list(*columns, *asked)
    wide = len(columns)
    # Databases add up whole numbers to numbers of their own kind.
    return [(*row[:wide], Held(**dict(zip(sums, map(int, row[wide:]), strict=True)))) for row in rows]


def held_by_deployment(ids: Collection[int], sums: Sequence[str] = _SUMS) -> dict[int, Held]:
    """By primary key; those without pods are missing."""
    pods = holding_pods().filter(deployment_id__in=ids)
    return dict(held_by(pods, "deployment_id", sums=sums))

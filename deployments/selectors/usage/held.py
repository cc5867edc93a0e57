"""What pods hold and use now, added up by the database.

A pod holds its requests from when it has a node until it has ended: as `kubectl describe node` counts.
What a pod used counts while it was measured lately.
"""

from collections.abc import Collection
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


def held_by(pods: QuerySet[Pod], *columns: str, limits: bool = False) -> list[tuple[Any, ...]]:
    """One row per value of `columns`: those values, then what the pods of it hold.

    `limits` are not in the index that the rest is read from, so they are only there when asked for.
    """
    lately = Q(usage__at__gte=fresh_since())
    sums: dict[str, Aggregate] = {
        "sum_pods": Count("pk"),
        "sum_cpu": Sum("cpu_request"),
        "sum_memory": Sum("memory_request"),
        "sum_gpu": Sum("gpu_request"),
        "sum_measured": Count("usage", filter=lately),
        "sum_cpu_used": Sum("usage__cpu", filter=lately, default=0),
        "sum_memory_used": Sum("usage__memory", filter=lately, default=0),
    }
    if limits:
        sums |= {"sum_cpu_limit": Sum("cpu_limit"), "sum_memory_limit": Sum("memory_limit")}
    rows = pods.order_by().values(*columns).annotate(**sums).values_list(*columns, *sums)
    wide = len(columns)
    # Databases add up whole numbers to numbers of their own kind.
    return [(*row[:wide], Held(*map(int, row[wide:]))) for row in rows]


def held_by_deployment(ids: Collection[int]) -> dict[int, Held]:
    """By primary key; those without pods are missing."""
    pods = holding_pods().filter(deployment_id__in=ids)
    return dict(held_by(pods, "deployment_id", limits=True))

"""What deployments ask for, counted as quotas count: CPU in millicores, memory in bytes, GPUs in pieces.

A deployment asks for the requests of all its replicas. An autoscaled one asks for those of its
`max_replicas`: that many are promised, so the promise must be covered. Paused it asks for no replicas,
and neither does one that is being deleted, which is still a deployment until it is gone.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final, Literal

import msgspec
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from deployments.counts import autoscaling_of
from deployments.models import Deployment, Quota
from k8s.quantities import bytes_, format_bytes, format_millicores, millicores
from k8s.spec import Spec

Resource = Literal["cpu", "memory", "gpu", "replicas", "deployments"]
RESOURCES: Final[tuple[Resource, ...]] = ("cpu", "memory", "gpu", "replicas", "deployments")
Limits = dict[Resource, int | None]
Place = tuple[int, int]
"""Primary keys of a team and a cluster."""


@dataclass(frozen=True, slots=True)
class Asked:
    """So much of each resource of a quota."""

    cpu: int = 0
    memory: int = 0
    gpu: int = 0
    replicas: int = 0
    deployments: int = 0

    def __add__(self, other: "Asked") -> "Asked":
        return Asked(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, count: int) -> "Asked":
        return Asked(*(value * count for value in astuple(self)))

    def of(self, resource: Resource) -> int:
        value: int = getattr(self, resource)
        return value


@dataclass(frozen=True, slots=True)
class Shortage:
    """A resource of which a wish asks for `more` than is `left` of its `limit`.

    `requested` is what all wishes of the team ask for without it.
    """

    resource: Resource
    limit: int
    requested: int
    left: int
    more: int


def limits_of(quota: Quota) -> Limits:
    """What counts: the team's own limit, which is within the ceiling, else the ceiling; None is no limit."""
    found: Limits = {}
    for name in RESOURCES:
        own, ceiling = getattr(quota, name), ceiling_of(quota, name)
        found[name] = ceiling if own is None else own
    return found


def ceiling_of(quota: Quota, resource: Resource) -> int | None:
    value: int | None = getattr(quota, f"ceiling_{resource}")
    return value


def has_limits(quota: Quota) -> bool:
    return any(limit is not None for limit in limits_of(quota).values())


def promised_replicas(deployment: Deployment) -> int:
    """The most replicas that it may have while it is not paused."""
    bounds = autoscaling_of(deployment)
    return bounds.max_replicas if bounds else deployment.replicas


def one_replica_of(deployment: Deployment) -> Asked:
    resources = msgspec.convert(deployment.spec, Spec).resources
    return Asked(millicores(resources.cpu), bytes_(resources.memory), resources.gpu, replicas=1)


def asked_by(deployment: Deployment) -> Asked:
    """What the row's wish asks for, stored or not."""
    if deployment.deleted_at is not None:
        return Asked()
    is_empty = deployment.paused_at is not None or deployment.delete_requested_at is not None
    replicas = 0 if is_empty else promised_replicas(deployment)
    return one_replica_of(deployment) * replicas + Asked(deployments=1)


def asked_by_place(rows: QuerySet[Deployment]) -> dict[Place, Asked]:
    """The sum of what rows ask for, by team and cluster, in one query; deleted ones are left out.

    The database adds up by size, of which there are few, so that thousands of rows cost as little as some.
    """
    promised = Cast(KT("autoscaling__max_replicas"), IntegerField())
    count = Case(
        When(Q(paused_at__isnull=False) | Q(delete_requested_at__isnull=False), then=Value(0)),
        When(autoscaling__isnull=False, then=promised),
        default=F("replicas"),
        output_field=IntegerField(),
    )
    sizes = rows.filter(deleted_at=None).annotate(
        cpu=KT("spec__resources__cpu"), memory=KT("spec__resources__memory"), gpu=KT("spec__resources__gpu")
    )
    groups = sizes.order_by().values("team_id", "cluster_id", "cpu", "memory", "gpu")
    found: dict[Place, Asked] = {}
    for group in groups.annotate(count=Sum(count), rows=Count("pk")):
        one = Asked(millicores(group["cpu"]), bytes_(group["memory"]), int(group["gpu"]), replicas=1)
        place = (group["team_id"], group["cluster_id"])
        found[place] = found.get(place, Asked()) + one * group["count"] + Asked(deployments=group["rows"])
    return found


def asked_by_others(row: Deployment) -> Asked:
    """What the other deployments of its team in its cluster ask for."""
    others = Deployment.objects.filter(team=row.team_id, cluster=row.cluster_id).exclude(pk=row.pk)
    return asked_by_place(others).get((row.team_id, row.cluster_id), Asked())


def shortages(limits: Limits, *, others: Asked, before: Asked, after: Asked) -> list[Shortage]:
    """Where a wish goes over a limit: only in what it asks more of than before.

    `others` is what the team's other deployments ask for. Asking for less is always allowed, also
    while more than the limit is asked for.
    """
    found = []
    for name in RESOURCES:
        limit, more = limits[name], after.of(name) - before.of(name)
        requested = others.of(name) + before.of(name)
        if limit is not None and more > 0 and requested + more > limit:
            found.append(Shortage(name, limit, requested, max(limit - requested, 0), more))
    return found


def spell(resource: Resource, value: int) -> str:
    """For people, without its unit where there is none: "1500m", "2 GiB", "3"."""
    if resource == "cpu":
        return format_millicores(value)
    return format_bytes(value) if resource == "memory" else str(value)


def unit_of(resource: Resource, value: int) -> str:
    """What an amount is of: "CPU", "memory", "GPUs", "replica"."""
    match resource:
        case "cpu":
            return "CPU"
        case "memory":
            return "memory"
        case "gpu":
            return "GPU" if value == 1 else "GPUs"
        case _:
            return resource.removesuffix("s") if value == 1 else resource


def say(resource: Resource, value: int) -> str:
    """For instance "1500m CPU", "2 GiB memory", "1 GPU", "3 replicas"."""
    return f"{spell(resource, value)} {unit_of(resource, value)}"


def say_all(amounts: Iterable[tuple[Resource, int]]) -> str:
    return ", ".join(say(resource, value) for resource, value in amounts)

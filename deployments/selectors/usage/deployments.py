"""Deployments by what they hold, use, cost and waste."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, FloatField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from deployments.models import Cluster, CostBasis, Deployment, MinuteSample, PodUsage, Sizing
from deployments.selectors.access import Person
from deployments.selectors.usage.clusters import named_teams
from deployments.selectors.usage.held import NOTHING, Held, fresh_since, held_by_deployment
from deployments.selectors.usage.kept import HELD_KEPT_SECONDS, kept, kept_money_of_deployments
from deployments.selectors.usage.money import NEWEST_WITHIN_MINUTES
from deployments.selectors.usage.shapes import DeploymentUsage, Money
from deployments.usage.minutes import minute_of
from teams.models import Team

SORTS = ("name", "team", "cpu", "memory", "cost", "waste")
"""What deployments can be sorted by: CPU and memory that are used, cost and waste of an hour."""

_PAID = {CostBasis.REQUESTED: "requested", CostBasis.USED: "used", CostBasis.LARGER: "charged"}
_GIB = 2**30


def deployments_by_usage(
    user: Person, sort: str, *, cluster: Cluster | None = None, named: Collection[Team] | None = None
) -> list[int]:
    """Primary keys of live deployments of the person's teams, of those `named`, sorted by one of `SORTS`.

    "-cost" is dearest first. Who is in which place is kept for some seconds.
    """
    teams = sorted(team.pk for team in (named_teams(user) if named is None else named))
    about = f"order {sort} {cluster.pk if cluster else None} {teams}"
    return kept(about, HELD_KEPT_SECONDS, lambda: _sorted(sort, cluster, teams))


def _sorted(sort: str, cluster: Cluster | None, teams: list[int]) -> list[int]:
    rows = Deployment.objects.filter(team__in=teams, deleted_at=None)
    if cluster is not None:
        rows = rows.filter(cluster=cluster)
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    if key in ("name", "team"):
        names = ("name", "team__name") if key == "name" else ("team__name", "name")
        ordered = rows.order_by(f"-{names[0]}" if descending else names[0], names[1], "pk")
    else:
        measured = rows.annotate(measure=_measure(key))
        first = F("measure").desc(nulls_last=True) if descending else F("measure").asc(nulls_first=True)
        ordered = measured.order_by(first, "name", "pk")
    return list(ordered.values_list("pk", flat=True))


def usage_by_id(ids: Sequence[int], *, cluster: Cluster | None = None) -> list[DeploymentUsage]:
    """What the deployments hold, use and cost, in the order of `ids`; those gone are left out.

    `cluster` is theirs, where all of them are in one that has been read.
    """
    columns = ("name", "team__name", "team__title", "cluster")
    rows = Deployment.objects.select_related("team").only(*columns).in_bulk(list(ids))
    clusters = {} if cluster is None else {cluster.pk: cluster}
    if unread := {row.cluster_id for row in rows.values()} - clusters.keys():
        clusters |= Cluster.objects.defer("credentials").in_bulk(unread)
    for row in rows.values():
        row.cluster = clusters[row.cluster_id]
    return usage_of([rows[pk] for pk in ids if pk in rows])


def usage_of(rows: Sequence[Deployment]) -> list[DeploymentUsage]:
    """What deployments hold, use and cost, in the same order; queries grow with clusters, not with rows."""
    ids = [row.pk for row in rows]
    held = held_by_deployment(ids)
    sizings = {found.deployment_id: found for found in Sizing.objects.filter(deployment__in=ids)}
    money = money_by_deployment(rows)
    return [_usage(row, held.get(row.pk, NOTHING), money[row.pk], sizings.get(row.pk)) for row in rows]


def money_by_deployment(rows: Sequence[Deployment]) -> dict[int, Money]:
    """By primary key, across clusters."""
    by_cluster: dict[Cluster, list[int]] = defaultdict(list)
    for row in rows:
        by_cluster[row.cluster].append(row.pk)
    found: dict[int, Money] = {}
    for cluster, ids in by_cluster.items():
        found |= kept_money_of_deployments(cluster, ids)
    return found


def _usage(row: Deployment, held: Held, money: Money, sizing: Sizing | None) -> DeploymentUsage:
    return DeploymentUsage(
        deployment=row,
        pods=held.pods,
        requested=held.requested,
        used=held.used,
        limits=held.limits,
        money=money,
        waste_hour=sizing.waste_hour if sizing else None,
        idle_since=sizing.idle_since if sizing else None,
    )


def _measure(key: str) -> Any:
    """A number per deployment; None where it is not known."""
    if key == "waste":
        return F("sizing__waste_hour")
    if key == "cost":
        return Subquery(_newest_cost())
    used = PodUsage.objects.filter(pod__deployment=OuterRef("pk"), at__gte=fresh_since()).order_by()
    return Subquery(used.values("pod__deployment").annotate(total=Sum(key)).values("total"))


def _newest_cost() -> QuerySet[Any]:
    """What the newest minute cost at the prices of its cluster; a price not known counts nothing."""
    newest = minute_of(timezone.now()) - NEWEST_WITHIN_MINUTES
    samples = MinuteSample.objects.filter(series__deployment=OuterRef("pk"), at__gt=newest)
    cost = Case(
        *(When(series__cluster__cost_basis=basis, then=_cost(column)) for basis, column in _PAID.items()),
        output_field=FloatField(),
    )
    return samples.order_by("-at").values_list(cost)[:1]


def _cost(column: str) -> Any:
    def price(name: str) -> Any:
        return Coalesce(
            F(f"series__cluster__price_{name}_hour"), Value(Decimal(0)), output_field=FloatField()
        )

    return (
        F(f"cpu_{column}") * price("cpu") / 1000.0
        + F(f"memory_{column}") * price("memory_gib") / float(_GIB)
        + F("gpu_requested") * price("gpu")
    )

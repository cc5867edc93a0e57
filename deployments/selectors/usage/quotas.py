"""What teams may ask for in clusters, what they ask for, and what their pods hold."""

from collections.abc import Collection, Mapping

from django.db.models import Count, Q, Sum

from deployments.errors import NotFound
from deployments.models import Cluster, Deployment, Namespace, Pod, Quota
from deployments.models.observed import ENDED_PHASES
from deployments.quotas import (
    RESOURCES,
    Asked,
    Limits,
    Place,
    asked_by_place,
    ceiling_of,
    has_limits,
    limits_of,
)
from deployments.selectors.usage.shapes import QuotaLine
from teams.models import Team


def quota_lines(team: Team, cluster: Cluster) -> list[QuotaLine]:
    """Each resource of a quota, also where there is no limit."""
    return quotas_of([(team.pk, cluster.pk)])[team.pk, cluster.pk]


def quota_lines_by_team(cluster: Cluster, teams: Collection[Team]) -> dict[int, list[QuotaLine]]:
    """The same for many teams of a cluster, by the teams' primary keys, in three queries."""
    found = quotas_of([(team.pk, cluster.pk) for team in teams])
    return {team: lines for (team, _), lines in found.items()}


def quotas_of(
    places: Collection[Place], *, known: Mapping[Place, Quota] | None = None
) -> dict[Place, list[QuotaLine]]:
    """The same for many teams in many clusters, in three queries; two where their quotas are `known`."""
    teams, clusters = {team for team, _ in places}, {cluster for _, cluster in places}
    quotas = stored_quotas(places) if known is None else known
    asked = asked_by_place(Deployment.objects.filter(team__in=teams, cluster__in=clusters))
    held = _held(teams, clusters)
    return {
        place: _lines(quotas.get(place), asked.get(place, Asked()), held.get(place, Asked()))
        for place in places
    }


def limited_lines(places: Collection[Place]) -> dict[Place, list[QuotaLine]]:
    """What is limited, of the places where anything is: one query where nothing is, else three."""
    known = {place: row for place, row in stored_quotas(places).items() if has_limits(row)}
    if not known:
        return {}
    found = quotas_of(known.keys(), known=known)
    return {place: [line for line in lines if line.limit is not None] for place, lines in found.items()}


def stored_quotas(places: Collection[Place]) -> dict[Place, Quota]:
    """Those that somebody has set, with their limits or without."""
    teams, clusters = {team for team, _ in places}, {cluster for _, cluster in places}
    rows = Quota.objects.filter(team__in=teams, cluster__in=clusters)
    found = {(row.team_id, row.cluster_id): row for row in rows}
    return {place: found[place] for place in places if place in found}


def namespace_for_quota(team: Team, cluster: str) -> Namespace:
    """The team's namespace in the cluster of that name; "" is the first where it has one.

    Raises:
        NotFound: the team has none there.
    """
    rows = Namespace.objects.filter(team=team).select_related("cluster", "team").order_by("cluster__name")
    found = (rows.filter(cluster__name=cluster) if cluster else rows).first()
    if found is None:
        where = f"no cluster called {cluster!r}" if cluster else "no namespace in any cluster yet"
        raise NotFound(f"Team {team.name} has {where}.")
    return found


def _held(teams: Collection[int], clusters: Collection[int]) -> dict[Place, Asked]:
    """What pods of the teams' deployments hold, those included that are on their way in or out."""
    rows = Pod.objects.filter(~Q(phase__in=ENDED_PHASES), deployment__team__in=teams, cluster__in=clusters)
    groups = rows.order_by().values("deployment__team_id", "cluster_id")
    sums = groups.annotate(
        cpu=Sum("cpu_request"),
        memory=Sum("memory_request"),
        gpu=Sum("gpu_request"),
        pods=Count("pk"),
        deployments=Count("deployment_id", distinct=True),
    )
    return {
        (row["deployment__team_id"], row["cluster_id"]): Asked(
            row["cpu"], row["memory"], row["gpu"], replicas=row["pods"], deployments=row["deployments"]
        )
        for row in sums
    }


def _lines(quota: Quota | None, asked: Asked, held: Asked) -> list[QuotaLine]:
    limits: Limits = limits_of(quota) if quota else {}
    lines = []
    for name in RESOURCES:
        limit, requested = limits.get(name), asked.of(name)
        lines.append(
            QuotaLine(
                resource=name,
                limit=limit,
                ceiling=ceiling_of(quota, name) if quota else None,
                requested=requested,
                used=held.of(name),
                # Lowered under what is asked for, nothing is left; how much it is over, `requested` tells.
                left=None if limit is None else max(limit - requested, 0),
            )
        )
    return lines

"""Quotas as pages show them: in words and as bars, and as the room that is left beside a number to type."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployments.models import Cluster, Deployment, Quota
from deployments.quotas import Asked, one_replica_of, say_all, spell, unit_of
from deployments.selectors.usage.quotas import limited_lines, quotas_of, stored_quotas
from deployments.selectors.usage.shapes import QuotaLine
from teams.models import Team

TITLES = {
    "cpu": "CPU",
    "memory": "Memory",
    "gpu": "GPUs",
    "replicas": "Replicas",
    "deployments": "Deployments",
}


@dataclass(frozen=True)
class QuotaRow:
    """A resource in words; `limit`, `ceiling` and `left` are "" where there is none.

    `asked_percent` and `used_percent` are of the limit, at most 100.
    """

    resource: str
    title: str
    requested: str
    used: str
    left: str
    limit: str
    ceiling: str
    is_over: bool
    asked_percent: int
    used_percent: int


@dataclass(frozen=True)
class TeamQuota:
    """A team's quota in one of its clusters; `row` is None where nobody has set one."""

    cluster: Cluster
    rows: list[QuotaRow]
    row: Quota | None

    @property
    def is_pending(self) -> bool:
        """Whether the cluster does not keep the newest limits yet."""
        return self.row is not None and self.row.applied_generation < self.row.generation


@dataclass(frozen=True)
class Room:
    """What is left of a quota, as sentences need it. `more` says how many replicas fit; "" if not asked."""

    team: str
    cluster: str
    more: str
    asked: str
    held: str
    left: str


def quotas_for(team: Team, clusters: Sequence[Cluster]) -> list[TeamQuota]:
    """The team's quota in each of the clusters."""
    places = [(team.pk, cluster.pk) for cluster in clusters]
    known = stored_quotas(places)
    found = quotas_of(places, known=known)
    return [
        TeamQuota(cluster, [_row(line) for line in found[place]], known.get(place))
        for cluster, place in zip(clusters, places, strict=True)
    ]


def room_for(deployment: Deployment) -> Room | None:
    """What its team has left, in replicas of its size; None where nothing is limited."""
    found = rooms_for([(deployment.team, deployment.cluster)], one=one_replica_of(deployment))
    return found[0] if found else None


def rooms_for(places: Iterable[tuple[Team, Cluster]], *, one: Asked | None = None) -> list[Room]:
    """What is left where something is limited; with `one` replica of a size, also how many more fit."""
    known = {(team.pk, cluster.pk): (team, cluster) for team, cluster in places}
    lines = limited_lines(list(known))
    return [
        _room(team, cluster, lines[place], one) for place, (team, cluster) in known.items() if place in lines
    ]


def _row(line: QuotaLine) -> QuotaRow:
    def words(value: int | None) -> str:
        return "" if value is None else spell(line.resource, value)

    return QuotaRow(
        resource=line.resource,
        title=TITLES[line.resource],
        requested=spell(line.resource, line.requested),
        used=spell(line.resource, line.used),
        left=words(line.left),
        limit=words(line.limit),
        ceiling=words(line.ceiling),
        is_over=line.limit is not None and line.requested > line.limit,
        asked_percent=_percent(line.requested, line.limit),
        used_percent=_percent(line.used, line.limit),
    )


def _percent(value: int, limit: int | None) -> int:
    if not limit:
        return 100 if value and limit == 0 else 0
    return min(100, round(100 * value / limit))


def _room(team: Team, cluster: Cluster, lines: Sequence[QuotaLine], one: Asked | None) -> Room:
    asked = [
        f"{spell(line.resource, line.requested)} of {spell(line.resource, line.limit)} "
        f"{unit_of(line.resource, line.limit)}"
        for line in lines
        if line.limit is not None
    ]
    return Room(
        team=team.name,
        cluster=cluster.name,
        more="" if one is None else _more(lines, one),
        asked=", ".join(asked),
        held=say_all((line.resource, line.used) for line in lines),
        left=say_all((line.resource, line.left or 0) for line in lines),
    )


def _more(lines: Sequence[QuotaLine], one: Asked) -> str:
    """ "2 more replicas of this size"; "" where no limit is about replicas."""
    fitting = [(line.left or 0) // one.of(line.resource) for line in lines if one.of(line.resource)]
    if not fitting:
        return ""
    count = min(fitting)
    return f"{count} more {'replica' if count == 1 else 'replicas'} of this size" if count else "no more"

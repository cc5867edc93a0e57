"""Clusters, their nodes and the teams in them: what there is, is held, is used and is free.

Whoever may see a cluster sees its totals; by name they see their own teams only. Other teams are one
total, pods that are not ours another. The number of queries does not grow with clusters, nodes or teams.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, Sum

from deployments.models import Cluster, Deployment, Namespace, Node
from deployments.selectors.access import Person, clusters_visible_to
from deployments.selectors.status import stale_since
from deployments.selectors.usage.held import NOTHING, Held, fresh_since, held_by, holding_pods
from deployments.selectors.usage.kept import (
    HELD_KEPT_SECONDS,
    kept,
    kept_money_of_cluster,
    kept_money_of_teams,
)
from deployments.selectors.usage.quotas import limited_lines
from deployments.selectors.usage.shapes import (
    Amounts,
    ClusterUsage,
    LargestFree,
    Money,
    NodeUsage,
    TeamUsage,
)
from teams.access import teams_of
from teams.models import Team

_OURS = ExpressionWrapper(Q(deployment__isnull=False), output_field=BooleanField())


def named_teams(user: Person) -> list[Team]:
    """Teams whose figures `user` may see by name."""
    return list(teams_of(user))


def cluster_usage(
    user: Person,
    *,
    clusters: Iterable[Cluster] | None = None,
    named: Collection[Team] | None = None,
) -> list[ClusterUsage]:
    """What `user` may see of `clusters`, which are theirs (all by default), teams of `named` by name."""
    shown = list(clusters_visible_to(user).defer("credentials") if clusters is None else clusters)
    named = named_teams(user) if named is None else named
    names = sorted(team.pk for team in named)
    about = f"held {sorted(cluster.pk for cluster in shown)} {names}"
    found = kept(about, HELD_KEPT_SECONDS, lambda: _held_in(shown, named))
    return [_with_costs(one, named) for one in found]


def cluster_totals(clusters: Sequence[Cluster]) -> list[ClusterUsage]:
    """Of clusters that somebody may see: without teams and costs, in two queries."""
    about = f"totals {sorted(cluster.pk for cluster in clusters)}"
    return kept(about, HELD_KEPT_SECONDS, lambda: _totals_in(clusters))


def _totals_in(clusters: Sequence[Cluster]) -> list[ClusterUsage]:
    ids = [cluster.pk for cluster in clusters]
    nodes, held = _nodes_of(ids), _held_by_node(ids)
    return [_cluster(one, nodes[one.pk], held[one.pk], []) for one in clusters]


def _held_in(clusters: Sequence[Cluster], named: Collection[Team]) -> list[ClusterUsage]:
    ids = [cluster.pk for cluster in clusters]
    nodes = _nodes_of(ids)
    held = _held_by_node(ids)
    teams = _teams_of(clusters, named, held)
    return [_cluster(one, nodes[one.pk], held[one.pk], teams[one.pk]) for one in clusters]


def _with_costs(seen: ClusterUsage, named: Collection[Team]) -> ClusterUsage:
    whole = kept_money_of_cluster(seen.cluster)
    own = kept_money_of_teams(seen.cluster, [team.pk for team in named])
    by_name = {team.name: own[team.pk] for team in named}
    others = without(whole, list(by_name.values()))
    teams = [replace(team, money=by_name.get(team.name, others)) for team in seen.teams]
    return replace(seen, money=whole, teams=teams)


def without(whole: Money, parts: Sequence[Money]) -> Money:
    """What is left of money without its parts; None where anything is not known."""

    def less(name: str) -> Decimal | None:
        amounts = [getattr(money, name) for money in (whole, *parts)]
        return None if None in amounts else max(Decimal(0), amounts[0] - sum(amounts[1:]))

    return Money(whole.currency, less("hour"), less("month"), less("projection"), less("idle_hour"))


def allocatable_in(cluster: Cluster) -> Amounts:
    """What all nodes together give to pods."""
    columns = ("cpu_allocatable", "memory_allocatable", "gpu_allocatable")
    sums = Node.objects.filter(cluster=cluster).aggregate(*(Sum(column, default=0) for column in columns))
    return Amounts(*(int(sums[f"{column}__sum"]) for column in columns))


@dataclass(slots=True)
class _OnNode:
    """What pods on a node hold: ours, and those of nobody we know."""

    ours: Held = NOTHING
    foreign: Held = NOTHING

    @property
    def all(self) -> Held:
        return self.ours + self.foreign


_HeldByNode = dict[int, dict[str, _OnNode]]


def _nodes_of(ids: Collection[int]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = defaultdict(list)
    for node in Node.objects.filter(cluster__in=ids).order_by("name"):
        found[node.cluster_id].append(node)
    return found


def _held_by_node(ids: Collection[int]) -> _HeldByNode:
    found: _HeldByNode = defaultdict(lambda: defaultdict(_OnNode))
    pods = holding_pods().filter(cluster__in=ids).annotate(ours=_OURS)
    for cluster, node, ours, held in held_by(pods, "cluster_id", "node", "ours"):
        setattr(found[cluster][node], "ours" if ours else "foreign", held)
    return found


def _teams_of(
    clusters: Sequence[Cluster], named: Collection[Team], held: _HeldByNode
) -> dict[int, list[TeamUsage]]:
    """By cluster: the named teams that have a place or deployments there, then all others as one."""
    ids = [cluster.pk for cluster in clusters]
    pods = holding_pods().filter(cluster__in=ids, deployment__team__in=named)
    own = {
        (cluster, team): sums for cluster, team, sums in held_by(pods, "cluster_id", "deployment__team_id")
    }
    live = Deployment.objects.filter(deleted_at=None, cluster__in=ids).order_by()
    counts = {
        (cluster, team): count
        for cluster, team, count in live.values_list("cluster_id", "team_id").annotate(Count("pk"))
    }
    places = set(
        Namespace.objects.filter(cluster__in=ids, team__in=named).values_list("cluster_id", "team_id")
    )
    limits = limited_lines([(team.pk, cluster.pk) for team in named for cluster in clusters])
    found: dict[int, list[TeamUsage]] = {}
    for cluster in clusters:
        keys = {team: (cluster.pk, team.pk) for team in named}
        rows = [
            replace(
                _team(team, counts.get(key, 0), own.get(key, NOTHING), cluster),
                quota=limits.get((team.pk, cluster.pk), []),
            )
            for team, key in keys.items()
            if key in places or key in own or key in counts
        ]
        ours = sum((one.ours for one in held[cluster.pk].values()), NOTHING)
        others = ours.less(sum((own.get(key, NOTHING) for key in keys.values()), NOTHING))
        count = sum(counts[key] for key in counts if key[0] == cluster.pk and key not in keys.values())
        if count or others.pods:
            rows.append(_team(None, count, others, cluster))
        found[cluster.pk] = rows
    return found


def _team(team: Team | None, deployments: int, held: Held, cluster: Cluster) -> TeamUsage:
    return TeamUsage(
        name=team.name if team else "",
        title=str(team) if team else "",
        deployments=deployments,
        pods=held.pods,
        requested=held.requested,
        used=held.used,
        money=Money(cluster.currency),
    )


def _cluster(
    cluster: Cluster, rows: Sequence[Node], held: dict[str, _OnNode], teams: list[TeamUsage]
) -> ClusterUsage:
    since = fresh_since()
    nodes = [_node(row, held.get(row.name, _OnNode()), since) for row in rows]
    foreign = sum((one.foreign for one in held.values()), NOTHING)
    measured = [node.used for node in nodes if node.used is not None]
    # A part shown as the whole would be too little.
    is_whole = bool(measured) and all(node.used is not None for node in nodes if node.ready)
    return ClusterUsage(
        cluster=cluster,
        stale_since=stale_since(cluster),
        metrics_at=cluster.metrics_at,
        metrics_message=why_no_metrics(cluster, measured=bool(measured)),
        capacity=_sum(node.capacity for node in nodes),
        allocatable=_sum(node.allocatable for node in nodes),
        requested=_sum(one.all.requested for one in held.values()),
        free=_sum(node.free for node in nodes),
        used=_sum(measured) if is_whole else None,
        foreign=foreign.requested,
        largest_free=_largest_free(nodes),
        money=Money(cluster.currency),
        nodes=nodes,
        teams=teams,
        models=[],
    )


def _node(row: Node, held: _OnNode, since: datetime) -> NodeUsage:
    facts = row.facts
    allocatable = Amounts(row.cpu_allocatable, row.memory_allocatable, row.gpu_allocatable)
    requested = held.all.requested
    used = None
    if row.used_at is not None and row.used_at >= since and row.cpu_used is not None:
        used = Amounts(row.cpu_used, row.memory_used or 0)
    return NodeUsage(
        name=row.name,
        ready=row.ready,
        schedulable=not facts.get("unschedulable", False),
        # What a node has of GPUs besides those for pods is not kept.
        capacity=Amounts(
            facts.get("cpu_capacity") or row.cpu_allocatable,
            facts.get("memory_capacity") or row.memory_allocatable,
            row.gpu_allocatable,
        ),
        allocatable=allocatable,
        requested=requested,
        free=_free(allocatable, requested),
        used=used,
        pods=held.all.pods,
        ours=held.ours.requested,
        our_pods=held.ours.pods,
        foreign=held.foreign.requested,
        foreign_pods=held.foreign.pods,
    )


def _free(allocatable: Amounts, requested: Amounts) -> Amounts:
    return Amounts(
        max(0, allocatable.cpu - requested.cpu),
        max(0, allocatable.memory - requested.memory),
        max(0, allocatable.gpu - requested.gpu),
    )


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    cpu = memory = gpu = 0
    for one in amounts:
        cpu, memory, gpu = cpu + one.cpu, memory + one.memory, gpu + one.gpu
    return Amounts(cpu, memory, gpu)


def _largest_free(nodes: Sequence[NodeUsage]) -> LargestFree | None:
    """Among nodes that take pods now; None where there is none."""
    open_nodes = [node for node in nodes if node.ready and node.schedulable]
    if not open_nodes:
        return None
    cpu = max(open_nodes, key=lambda node: node.free.cpu)
    memory = max(open_nodes, key=lambda node: node.free.memory)
    gpu = max(open_nodes, key=lambda node: node.free.gpu)
    return LargestFree(
        cpu=cpu.free.cpu,
        cpu_node=cpu.name,
        memory=memory.free.memory,
        memory_node=memory.name,
        gpu=gpu.free.gpu,
        gpu_node=gpu.name,
    )


def why_no_metrics(cluster: Cluster, *, measured: bool) -> str:
    """Why nothing is known of what is used now; "" while it is. `measured`: something was, lately."""
    if cluster.metrics_message:
        return cluster.metrics_message
    if measured or (cluster.metrics_at is not None and cluster.metrics_at >= fresh_since()):
        return ""
    return "Nothing has been measured yet." if cluster.metrics_at is None else "Nothing was measured lately."

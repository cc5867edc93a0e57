"""Whose pods fill a node: the pieces of its bar."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from deployments.models import Cluster, Deployment
from deployments.selectors.usage.held import NOTHING, Held, held_by, holding_pods
from deployments.selectors.usage.kept import HELD_KEPT_SECONDS, kept
from deployments.selectors.usage.shapes import Amounts, NodeUsage, PodShare
from teams.models import Team

MOST_PIECES = 12
"""Of deployments, on one node: smaller ones would be too thin to be seen."""


def shares_of(
    cluster: Cluster, nodes: Sequence[NodeUsage], named: Collection[Team]
) -> dict[str, list[PodShare]]:
    """By name of the node, its pieces: deployments of `named` teams, the largest first; then all the rest.

    Two queries, whatever is on the nodes; kept for some seconds.
    """
    about = f"shares {cluster.pk} {[node.name for node in nodes]} {sorted(team.pk for team in named)}"
    return kept(about, HELD_KEPT_SECONDS, lambda: _shares_of(cluster, nodes, named))


def _shares_of(
    cluster: Cluster, nodes: Sequence[NodeUsage], named: Collection[Team]
) -> dict[str, list[PodShare]]:
    pods = holding_pods().filter(
        cluster=cluster, node__in=[node.name for node in nodes], deployment__team__in=named
    )
    own: dict[str, list[tuple[int, Held]]] = defaultdict(list)
    for node, deployment, held in held_by(pods, "node", "deployment_id"):
        own[node].append((deployment, held))
    for node in nodes:
        own[node.name].sort(key=lambda piece: -_part(piece[1], node.allocatable))
    shown = {pk for pieces in own.values() for pk, _ in pieces[:MOST_PIECES]}
    names = {
        pk: (team, name)
        for pk, team, name in Deployment.objects.filter(pk__in=shown).values_list("pk", "team__name", "name")
    }
    return {node.name: _pieces(node, own[node.name], names) for node in nodes}


def _pieces(
    node: NodeUsage, own: Sequence[tuple[int, Held]], names: dict[int, tuple[str, str]]
) -> list[PodShare]:
    pieces = [
        PodShare(
            "deployment", held.pods, held.requested, held.used, team=names[pk][0], deployment=names[pk][1]
        )
        for pk, held in own[:MOST_PIECES]
        if pk in names
    ]
    rest = sum((held for _, held in own[MOST_PIECES:]), NOTHING)
    if rest.pods:
        pieces.append(PodShare("rest", rest.pods, rest.requested, rest.used))
    mine = sum((held for _, held in own), NOTHING)
    others = node.our_pods - mine.pods
    if others > 0:
        pieces.append(PodShare("others", others, _less(node.ours, mine.requested)))
    if node.foreign_pods:
        pieces.append(PodShare("foreign", node.foreign_pods, node.foreign))
    return pieces


def _part(held: Held, of: Amounts) -> float:
    """How much of a node it holds, of the resource it holds most of."""
    return max(
        held.cpu / max(of.cpu, 1),
        held.memory / max(of.memory, 1),
        held.gpu / max(of.gpu, 1),
    )


def _less(whole: Amounts, part: Amounts) -> Amounts:
    # The two are read one after the other: never less than nothing.
    return Amounts(
        max(0, whole.cpu - part.cpu), max(0, whole.memory - part.memory), max(0, whole.gpu - part.gpu)
    )

"""What clusters hold, use, cost and have left: clusters, nodes, teams, deployments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from dashboard.charting import WINDOWS, chart_of
from dashboard.drawn import drawn_each
from dashboard.forms.usage import GROUPS, UsageFilters
from dashboard.places import places_of
from dashboard.templatetags.timoneiro import age
from dashboard.views.columns import Column, headings
from dashboard.views.frame import PageRequest, page, page_or_fragment
from deployments import selectors
from deployments.models import Cluster
from deployments.selectors.usage.clusters import allocatable_in, cluster_totals, cluster_usage
from deployments.selectors.usage.deployments import deployments_by_usage, usage_by_id
from deployments.selectors.usage.models import costs_by_model
from deployments.selectors.usage.shapes import (
    Amounts,
    ClusterUsage,
    DeploymentUsage,
    Money,
    NodeUsage,
    PodShare,
    TeamUsage,
)
from deployments.selectors.usage.shares import shares_of
from teams.models import Team

ROWS = 50
NODES = 20
COLUMNS: tuple[Column, ...] = (
    ("name", "Deployment", ""),
    ("team", "Team", ""),
    ("", "Pods", "num"),
    ("cpu", "CPU used", "num"),
    ("", "requested", "num"),
    ("memory", "Memory used", "num"),
    ("", "requested", "num"),
    ("cost", "An hour", "num"),
    ("", "This month", "num"),
    ("waste", "Unused an hour", "num"),
)


class NodeCells(NamedTuple):
    """What the row of a node says beside its name; GPUs where they are worth a line."""

    node: NodeUsage
    shares: tuple[PodShare, ...]
    gpu: bool


class TeamCells(NamedTuple):
    """What the row of a team says beside its name, with what the cluster has."""

    deployments: int
    pods: int
    requested: Amounts
    used: Amounts | None
    money: Money
    allocatable: Amounts
    gpu: bool


class DeploymentRow(NamedTuple):
    """A row of the table of deployments; `idle` is since when, in words, "" while it is not."""

    pk: int
    team: str
    team_title: str
    name: str
    idle: str
    pods: int
    requested: Amounts
    used: Amounts | None
    money: Money
    waste_hour: Decimal | None


@dataclass(frozen=True)
class Named:
    """A node with its shares, or a team, and the cells of its row beside the name."""

    one: NodeUsage | TeamUsage
    cells: SafeString
    shares: Sequence[PodShare] = ()


@page
@require_safe
def usage(request: PageRequest) -> HttpResponse:
    clusters = list(selectors.clusters_visible_to(request.user).defer("credentials"))
    teams = places_of(request).teams
    filters = UsageFilters.of(request.GET, clusters, teams)
    context: dict[str, object] = {
        "filters": filters,
        "clusters": clusters,
        "teams": teams,
        "windows": WINDOWS,
        "groups": GROUPS,
        "here": request.get_full_path(),
    }
    if filters.cluster is None:
        return page_or_fragment(request, "usage/usage.html", "live", context)
    named = teams if filters.team is None else [filters.team]
    if request.GET.get("part") == "chart":
        chart = chart_context(request, filters, filters.cluster, allocatable_in(filters.cluster))
        return render(request, "usage/chart.html", context | chart)
    [seen] = cluster_usage(request.user, clusters=[filters.cluster], named=named)
    context |= seen_in(request, seen, clusters, named)
    context |= table_of(request, filters, filters.cluster, named)
    if not request.htmx:
        context |= chart_context(request, filters, filters.cluster, seen.allocatable)
    return page_or_fragment(request, "usage/usage.html", "live", context)


def seen_in(
    request: PageRequest, seen: ClusterUsage, clusters: Sequence[Cluster], named: Sequence[Team]
) -> dict[str, object]:
    """The chosen cluster with its nodes and teams, and the others in one line each."""
    cluster = seen.cluster
    nodes = Paginator(seen.nodes, NODES).get_page(request.GET.get("nodes"))
    shares = shares_of(cluster, list(nodes.object_list), named)
    others: list[ClusterUsage] = []
    if len(clusters) > 1:
        others = cluster_totals([one for one in clusters if one.pk != cluster.pk])
    resources = resources_of(seen)
    return {
        "seen": seen,
        "others": others,
        "nodes": nodes,
        "node_rows": node_rows(list(nodes), shares, gpu="gpu" in resources),
        "team_rows": team_rows(seen, gpu="gpu" in resources),
        "resources": resources,
    }


def node_rows(nodes: Sequence[NodeUsage], shares: Mapping[str, list[PodShare]], *, gpu: bool) -> list[Named]:
    cells = [NodeCells(node, tuple(shares[node.name]), gpu) for node in nodes]
    made = drawn_each("usage/node_cells.html", cells)
    return [Named(node, drawn, shares[node.name]) for node, drawn in zip(nodes, made, strict=True)]


def team_rows(seen: ClusterUsage, *, gpu: bool) -> list[Named]:
    cells = [
        TeamCells(team.deployments, team.pods, team.requested, team.used, team.money, seen.allocatable, gpu)
        for team in seen.teams
    ]
    made = drawn_each("usage/team_cells.html", cells)
    return [Named(team, drawn) for team, drawn in zip(seen.teams, made, strict=True)]


def deployment_row(one: DeploymentUsage) -> DeploymentRow:
    return DeploymentRow(
        pk=one.deployment.pk,
        team=one.deployment.team.name,
        team_title=str(one.deployment.team),
        name=one.deployment.name,
        idle=age(one.idle_since) if one.idle_since else "",
        pods=one.pods,
        requested=one.requested,
        used=one.used,
        money=one.money,
        waste_hour=one.waste_hour,
    )


def resources_of(seen: ClusterUsage) -> dict[str, str]:
    """What is worth a line: GPUs only where there are some, or some are asked for."""
    named = {"cpu": "CPU, cores", "memory": "Memory"}
    return named | ({"gpu": "GPUs"} if seen.capacity.gpu or seen.requested.gpu else {})


def table_of(
    request: PageRequest, filters: UsageFilters, cluster: Cluster, named: Sequence[Team]
) -> dict[str, object]:
    """A page of deployments, or of models."""
    number = request.GET.get("page")
    if filters.by == "models":
        models = costs_by_model(request.user, cluster, named)
        return {"shown": Paginator(models, ROWS).get_page(number)}
    ids = deployments_by_usage(request.user, filters.sort, cluster=cluster, named=named)
    shown = Paginator(ids, ROWS).get_page(number)
    found = usage_by_id(list(shown.object_list), cluster=cluster)
    return {
        "shown": shown,
        "rows": drawn_each("usage/deployment_row.html", map(deployment_row, found)),
        "columns": headings(COLUMNS, filters.sort, largest_first=True),
    }


def chart_context(
    request: PageRequest, filters: UsageFilters, cluster: Cluster, allocatable: Amounts
) -> dict[str, object]:
    """The charts of the team, where one is chosen; else of the whole cluster."""
    if filters.team is not None:
        chart = chart_of(cluster, filters.window, team=filters.team)
    else:
        chart = chart_of(cluster, filters.window, ceiling=allocatable, ceiling_word="allocatable")
    return {
        "chart": chart,
        "chart_title": f"{filters.team or f'Cluster {cluster.name}'}, last {WINDOWS[filters.window]}",
        "chart_address": part_address(request, "chart"),
        "window": filters.window,
    }


def part_address(request: PageRequest, part: str) -> str:
    """This page's address with what asks for one part of it only."""
    query = request.GET.copy()
    query["part"] = part
    return f"{request.path}?{query.urlencode()}"

"""Usage as a CSV file, line by line: it is never whole in memory."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.usage import UsageFilters
from dashboard.views.csv_files import csv_file
from dashboard.views.frame import PageRequest, page
from deployments import selectors
from deployments.errors import NotFound
from deployments.models import Cluster
from deployments.selectors.usage.clusters import cluster_usage, named_teams
from deployments.selectors.usage.deployments import deployments_by_usage, usage_by_id
from deployments.selectors.usage.shapes import Amounts, ClusterUsage, Money
from teams.models import Team

BATCH = 500
COLUMNS = (
    "level",
    "cluster",
    "team",
    "name",
    "pods",
    *(
        f"{resource}_{what}"
        for resource in ("cpu_millicores", "memory_bytes")
        for what in ("used", "requested")
    ),
    "gpus_requested",
    "cpu_millicores_allocatable",
    "memory_bytes_allocatable",
    "gpus_allocatable",
    "currency",
    "cost_hour",
    "cost_month",
    "cost_month_expected",
    "unused_cost_hour",
)
# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@page
@require_safe
def export(request: PageRequest) -> HttpResponse:
    clusters = list(selectors.clusters_visible_to(request.user))
    teams = named_teams(request.user)
    filters = UsageFilters.of(request.GET, clusters, teams)
    if filters.cluster is None:
        raise NotFound("There is no cluster of which you may see the usage.")
    named = teams if filters.team is None else [filters.team]
    batches = lines_of(request, filters.cluster, named)
    name = f"usage-{filters.cluster.name}-{timezone.now():%Y-%m-%d}.csv"
    return csv_file(request, batches, name)


def lines_of(request: PageRequest, cluster: Cluster, named: Sequence[Team]) -> Iterator[str]:
    """The head, then cluster, nodes and teams, then deployments by name, some hundred lines at a time."""
    yield as_csv([COLUMNS])
    [seen] = cluster_usage(request.user, clusters=[cluster], named=named)
    yield as_csv(lines_of_cluster(seen))
    ids = deployments_by_usage(request.user, "team", cluster=cluster, named=named)
    for start in range(0, len(ids), BATCH):
        yield as_csv(
            line(
                "deployment",
                cluster.name,
                one.deployment.team.name,
                one.deployment.name,
                pods=one.pods,
                used=one.used,
                requested=one.requested,
                money=one.money,
            )
            for one in usage_by_id(ids[start : start + BATCH])
        )


def lines_of_cluster(seen: ClusterUsage) -> Iterator[list[Any]]:
    cluster = seen.cluster.name
    yield line(
        "cluster",
        cluster,
        "",
        cluster,
        pods=sum(node.pods for node in seen.nodes),
        used=seen.used,
        requested=seen.requested,
        allocatable=seen.allocatable,
        money=seen.money,
    )
    for node in seen.nodes:
        yield line(
            "node",
            cluster,
            "",
            node.name,
            pods=node.pods,
            used=node.used,
            requested=node.requested,
            allocatable=node.allocatable,
        )
    for team in seen.teams:
        yield line(
            "team" if team.name else "other teams",
            cluster,
            team.name,
            team.title,
            pods=team.pods,
            used=team.used,
            requested=team.requested,
            money=team.money,
        )


def line(
    level: str,
    cluster: str,
    team: str,
    name: str,
    *,
    pods: int,
    used: Amounts | None,
    requested: Amounts,
    allocatable: Amounts | None = None,
    money: Money | None = None,
) -> list[Any]:
    """One line, in the order of `COLUMNS`; what is not known is empty."""
    return [
        *(level, cluster, team, name, pods),
        *(used.cpu if used else None, requested.cpu, used.memory if used else None, requested.memory),
        requested.gpu,
        *((allocatable.cpu, allocatable.memory, allocatable.gpu) if allocatable else (None, None, None)),
        *(
            (money.currency, money.hour, money.month, money.projection, money.idle_hour)
            if money
            else (None,) * 5
        ),
    ]


def as_csv(rows: Iterable[Iterable[Any]]) -> str:
    """Lines of a CSV file (RFC 4180)."""
    lines: list[str] = []

    class Echo:
        write = staticmethod(lines.append)

    csv.writer(Echo()).writerows([[harmless(cell) for cell in row] for row in rows])
    return "".join(lines)


def harmless(cell: Any) -> str:
    """A cell that no spreadsheet runs as a formula; numbers stay numbers."""
    if cell is None:
        return ""
    text = str(cell)
    if isinstance(cell, int | Decimal):
        return text
    return f"'{text}" if text.startswith(FORMULA) else text

"""What is held, used and paid, in the shapes of the contract."""

from collections.abc import Iterable
from datetime import UTC, datetime

from deployments.api import usage_shapes as shapes
from deployments.selectors.usage import shapes as seen


def clusters(found: Iterable[seen.ClusterUsage]) -> list[shapes.ClusterUsage]:
    return [
        shapes.ClusterUsage(
            cluster=one.cluster.name,
            stale_since=one.stale_since,
            metrics_at=one.metrics_at,
            metrics_message=one.metrics_message,
            capacity=_amounts(one.capacity),
            allocatable=_amounts(one.allocatable),
            requested=_amounts(one.requested),
            free=_amounts(one.free),
            foreign=_amounts(one.foreign),
            used=_known(one.used),
            largest_free=_largest_free(one.largest_free),
            money=_money(one.money),
            nodes=[_node(node) for node in one.nodes],
            teams=[_team(team) for team in one.teams],
        )
        for one in found
    ]


def deployments(found: Iterable[seen.DeploymentUsage]) -> list[shapes.DeploymentUsage]:
    return [
        shapes.DeploymentUsage(
            team=one.deployment.team.name,
            name=one.deployment.name,
            cluster=one.deployment.cluster.name,
            pods=one.pods,
            requested=_amounts(one.requested),
            limits=_amounts(one.limits),
            used=_known(one.used),
            money=_money(one.money),
            waste_hour=one.waste_hour,
            idle_since=one.idle_since,
        )
        for one in found
    ]


def metrics(chart: seen.Chart) -> shapes.Metrics:
    return shapes.Metrics(
        window=chart.window,
        step_seconds=chart.step_seconds,
        source=chart.source,
        source_message=chart.source_message,
        at=[datetime.fromtimestamp(second, UTC) for second in chart.at],
        cpu_millicores=shapes.Steps(requested=chart.cpu_requested, used=chart.cpu_used, peak=chart.cpu_peak),
        memory_bytes=shapes.Steps(
            requested=chart.memory_requested, used=chart.memory_used, peak=chart.memory_peak
        ),
        gpus_requested=chart.gpu_requested,
        pods=chart.pods,
    )


def _node(node: seen.NodeUsage) -> shapes.NodeUsage:
    return shapes.NodeUsage(
        name=node.name,
        ready=node.ready,
        schedulable=node.schedulable,
        pods=node.pods,
        capacity=_amounts(node.capacity),
        allocatable=_amounts(node.allocatable),
        requested=_amounts(node.requested),
        foreign=_amounts(node.foreign),
        free=_amounts(node.free),
        used=_known(node.used),
    )


def _team(team: seen.TeamUsage) -> shapes.TeamUsage:
    return shapes.TeamUsage(
        team=team.name or None,
        deployments=team.deployments,
        pods=team.pods,
        requested=_amounts(team.requested),
        used=_known(team.used),
        money=_money(team.money),
    )


def _largest_free(slot: seen.LargestFree | None) -> shapes.LargestFree | None:
    if slot is None:
        return None
    return shapes.LargestFree(
        cpu_millicores=slot.cpu,
        cpu_node=slot.cpu_node,
        memory_bytes=slot.memory,
        memory_node=slot.memory_node,
        gpus=slot.gpu,
        gpu_node=slot.gpu_node,
    )


def _amounts(amounts: seen.Amounts) -> shapes.Amounts:
    return shapes.Amounts(cpu_millicores=amounts.cpu, memory_bytes=amounts.memory, gpus=amounts.gpu)


def _known(amounts: seen.Amounts | None) -> shapes.Amounts | None:
    return None if amounts is None else _amounts(amounts)


def _money(money: seen.Money) -> shapes.Money:
    return shapes.Money(
        currency=money.currency,
        hour=money.hour,
        month=money.month,
        projection=money.projection,
        idle_hour=money.idle_hour,
    )

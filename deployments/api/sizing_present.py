"""Sizes and savings into the shapes of the contract."""

from collections.abc import Iterable

from deployments.api import sizing_shapes as shapes
from deployments.api.present import address
from deployments.models import Deployment
from deployments.selectors.usage.savings import shown_sizing


def sizings(rows: Iterable[Deployment]) -> list[shapes.Sizing]:
    return [sizing(row) for row in rows]


def sizing(row: Deployment) -> shapes.Sizing:
    found = shown_sizing(row)
    parts = {"team": row.team.name, "name": row.name}
    return shapes.Sizing(
        team=row.team.name,
        deployment=row.name,
        current=found.before,
        suggested=found.after,
        reason=found.reason,
        hours=found.hours,
        computed_at=found.computed_at,
        cpu_p95=found.cpu_p95,
        memory_max=found.memory_max,
        waste_month=found.waste_month,
        saving_month=found.saving_month,
        currency=found.currency,
        idle_since=found.idle_since,
        gpu_percent=found.gpu_percent,
        links={
            "self": address("sizing", **parts),
            "apply": address("sizing-apply", **parts),
            "deployment": address("deployment", **parts),
        },
    )

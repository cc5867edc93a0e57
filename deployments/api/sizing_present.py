"""Sizes and savings into the shapes of the contract."""

from collections.abc import Iterable

import msgspec

from deployments.api import sizing_shapes as shapes
from deployments.api.present import address
from deployments.models import Deployment
from deployments.selectors.usage.savings import shown_sizing
from k8s.spec import Resources


def sizings(rows: Iterable[Deployment]) -> list[shapes.Sizing]:
    return [sizing(row) for row in rows]


def sizing(row: Deployment) -> shapes.Sizing:
    found = shown_sizing(row)
    parts = {"team": row.team.name, "name": row.name}
    return shapes.Sizing(
        team=row.team.name,
        deployment=row.name,
        current=_size(found.before),
        suggested=_size(found.after) if found.after else None,
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


def _size(resources: Resources) -> shapes.Size:
    return msgspec.convert(msgspec.to_builtins(resources), shapes.Size)

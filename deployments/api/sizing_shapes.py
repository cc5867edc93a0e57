"""What the API answers about sizes and savings. CPU and memory of sizes are Kubernetes quantities."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from k8s.spec import Resources


class Sizing(Struct, kw_only=True, frozen=True):
    """What replicas would do with, looked at once an hour from up to 7 days of use.

    `suggested` is null where there is nothing to suggest, for which `reason` is why. `hours` is how much data
    there was; `cpu_p95` (millicores) and `memory_max` (bytes) are of the busiest replica. Money is of a month
    of 730 hours, null without prices: `waste_month` of what is requested and not used, `saving_month` of
    the suggestion, below zero where it costs more. `idle_since` is set while nothing worth mention is done.
    """

    team: str
    deployment: str
    current: Resources
    suggested: Resources | None
    reason: str
    hours: int
    computed_at: datetime | None
    cpu_p95: int | None
    memory_max: int | None
    waste_month: Decimal | None
    saving_month: Decimal | None
    currency: str
    idle_since: datetime | None
    gpu_percent: float | None
    links: dict[str, str]

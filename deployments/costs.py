"""What resources cost by the prices of their cluster. Pure; the one rule for pages, REST and preflight.

Money is exact until it is shown: what an hour costs is rounded to 4 digits after the point, a month to 2,
halves up. Rounded parts may therefore differ from their rounded sum in the last digit.
A price that is not known makes what needs it unknown (None); of what there is nothing, none is needed.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from deployments.models import Cluster, CostBasis
from deployments.selectors.usage.shapes import Amounts, Money

_MILLICORES = Decimal(1000)
_GIB = Decimal(2**30)
_MINUTES = Decimal(60)
_HOUR_STEP = Decimal("0.0001")
_MONTH_STEP = Decimal("0.01")
HOURS_IN_MONTH = Decimal(730)
"""Of an average month: what "a month" is of something that goes on, a saving for instance."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Of an hour of one core, one GiB and one GPU, in `currency`; None is not known."""

    cpu_hour: Decimal | None
    memory_gib_hour: Decimal | None
    gpu_hour: Decimal | None
    currency: str
    basis: CostBasis = CostBasis.LARGER


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over sampled minutes, named as the columns of `deployments.models.Sample`.

    CPU is millicores times minutes, memory bytes times minutes, GPUs pieces times minutes.
    """

    minutes: int = 0
    used_minutes: int = 0
    cpu_requested: int = 0
    cpu_used: int = 0
    cpu_charged: int = 0
    memory_requested: int = 0
    memory_used: int = 0
    memory_charged: int = 0
    gpu_requested: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in SUMMED))

    def as_columns(self) -> dict[str, int]:
        """By the name of its column."""
        return {name: getattr(self, name) for name in SUMMED}


SUMMED = tuple(field.name for field in fields(Sums))
"""The columns that add up."""


def prices_of(cluster: Cluster) -> Prices:
    """What is paid in a cluster, and for what."""
    return Prices(
        cpu_hour=cluster.price_cpu_hour,
        memory_gib_hour=cluster.price_memory_gib_hour,
        gpu_hour=cluster.price_gpu_hour,
        currency=cluster.currency,
        basis=CostBasis(cluster.cost_basis),
    )


def cost_of_hour(prices: Prices, amounts: Amounts) -> Decimal | None:
    """What so much costs an hour, not rounded; None without a price that it needs."""
    return None if missing_prices(prices, amounts) else _cost(prices, amounts)


def missing_prices(prices: Prices, amounts: Amounts) -> list[str]:
    """Of what there is something and no price: "CPU", "memory", "GPUs"."""
    return [name for name, needed, price in _lines(prices, amounts) if needed and price is None]


def paid_amounts(basis: CostBasis, requested: Amounts, used: Amounts | None) -> Amounts | None:
    """What is paid for at a moment. GPUs are always paid as requested: nobody else can have them.

    Where use is not known, the larger of both is what is requested, and what is used is None.
    """
    if basis is CostBasis.REQUESTED or (used is None and basis is CostBasis.LARGER):
        return requested
    if used is None:
        return None if requested.cpu or requested.memory else requested
    if basis is CostBasis.USED:
        return Amounts(used.cpu, used.memory, requested.gpu)
    return Amounts(max(requested.cpu, used.cpu), max(requested.memory, used.memory), requested.gpu)


def idle_amounts(requested: Amounts, used: Amounts | None) -> Amounts | None:
    """What is requested and not used; None where use is not known. Of GPUs it is not known: none."""
    if used is None:
        return None
    return Amounts(max(requested.cpu - used.cpu, 0), max(requested.memory - used.memory, 0))


def cost_of_sums(prices: Prices, sums: Sums) -> Decimal | None:
    """What sampled minutes cost, not rounded; None without a price or the measurements it needs.

    Paid by use, minutes without word of use cost only their GPUs: nobody knows the rest.
    """
    paid = _paid_sums(prices.basis, sums)
    if paid is None:
        return None
    cost = cost_of_hour(prices, paid)
    return None if cost is None else cost / _MINUTES


def money_of(
    prices: Prices, *, month: Sums | None, minute: Sums | None, idle: Amounts | None, at: datetime
) -> Money:
    """Everything said about the costs of something, at the moment `at`.

    `month` is its sums since `month_start`, `minute` those of its newest minute, `idle` what it had then
    and did not use; None where nothing is known.
    """
    month_cost = None if month is None else cost_of_sums(prices, month)
    minute_cost = None if minute is None else cost_of_sums(prices, minute)
    hour = None if minute_cost is None else minute_cost * _MINUTES
    return Money(
        currency=prices.currency,
        hour=rounded_hour(hour),
        month=rounded_month(month_cost),
        projection=rounded_month(projected(month_cost, hour, at=at)),
        idle_hour=rounded_hour(None if idle is None else cost_of_hour(prices, idle)),
    )


def projected(month: Decimal | None, hour: Decimal | None, *, at: datetime) -> Decimal | None:
    """The month so far and, until it ends, what an hour costs now."""
    if month is None or hour is None:
        return None
    left = month_end(at) - at
    return month + hour * Decimal(left // timedelta(seconds=1)) / 3600


def month_start(at: datetime) -> datetime:
    """The first moment of the month in UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_end(at: datetime) -> datetime:
    """The first moment of the next month in UTC."""
    start = month_start(at)
    return start + timedelta(days=calendar.monthrange(start.year, start.month)[1])


def rounded_hour(value: Decimal | None) -> Decimal | None:
    """To 4 digits after the point, halves up."""
    return None if value is None else value.quantize(_HOUR_STEP, ROUND_HALF_UP)


def rounded_month(value: Decimal | None) -> Decimal | None:
    """To 2 digits after the point, halves up."""
    return None if value is None else value.quantize(_MONTH_STEP, ROUND_HALF_UP)


def _lines(prices: Prices, amounts: Amounts) -> Iterator[tuple[str, Decimal, Decimal | None]]:
    yield "CPU", amounts.cpu / _MILLICORES, prices.cpu_hour
    yield "memory", amounts.memory / _GIB, prices.memory_gib_hour
    yield "GPUs", Decimal(amounts.gpu), prices.gpu_hour


def _cost(prices: Prices, amounts: Amounts) -> Decimal:
    lines = _lines(prices, amounts)
    return sum((needed * price for _, needed, price in lines if price is not None), Decimal(0))


def _paid_sums(basis: CostBasis, sums: Sums) -> Amounts | None:
    if basis is CostBasis.LARGER:
        return Amounts(sums.cpu_charged, sums.memory_charged, sums.gpu_requested)
    if basis is CostBasis.REQUESTED:
        return Amounts(sums.cpu_requested, sums.memory_requested, sums.gpu_requested)
    if sums.minutes and not sums.used_minutes and (sums.cpu_requested or sums.memory_requested):
        return None
    return Amounts(sums.cpu_used, sums.memory_used, sums.gpu_requested)

"""What could be saved: deployments by what they waste, sizes that would do, and those that do nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from deployments import costs, sizing
from deployments.models import Deployment, Sizing
from deployments.selectors.access import Person
from deployments.selectors.reading import deployments_visible_to
from deployments.selectors.status import ShownDeployment
from deployments.spec import spec_of
from k8s.spec import Resources

_MOST_IDLE = 100
_NOT_LOOKED = "Not looked at yet: that happens once an hour."
_CHANGED = "Changed since it was looked at; that happens once an hour."


@dataclass(frozen=True, slots=True)
class ShownSizing:
    """A deployment's size and the suggested one; `after` None for `reason`.

    Money is of a month of 730 hours, in `currency`; None without prices. A `saving_month` below
    zero is what it would cost more.
    """

    deployment: Deployment
    before: Resources
    after: Resources | None
    reason: str
    currency: str
    waste_month: Decimal | None = None
    saving_month: Decimal | None = None
    hours: int = 0
    computed_at: datetime | None = None
    cpu_p95: int | None = None
    memory_max: int | None = None
    idle_since: datetime | None = None
    gpu_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Of a month, in one currency: what is requested and not used, and what the suggestions save."""

    currency: str
    waste_month: Decimal
    saving_month: Decimal


def wasteful_deployments(user: Person, *, team: str = "", cluster: str = "") -> "QuerySet[ShownDeployment]":
    """Deployments of the person's teams, the most wasteful first; without prices those with a suggestion."""
    rows = deployments_visible_to(user).select_related("sizing").filter(delete_requested_at=None)
    if team:
        rows = rows.filter(team__name=team)
    if cluster:
        rows = rows.filter(cluster__name=cluster)
    return rows.order_by(
        F("sizing__waste_hour").desc(nulls_last=True), F("sizing__cpu").desc(nulls_last=True), "name", "pk"
    )


def idle_deployments(rows: "QuerySet[ShownDeployment]") -> "list[ShownDeployment]":
    """Those of `rows` that did nothing worth mention for as many days as are too many, longest first."""
    since = timezone.now() - timedelta(days=settings.IDLE_AFTER_DAYS)
    idle = Q(sizing__idle_since__lte=since) | Q(
        sizing__gpu_percent__lt=sizing.IDLE_GPU_PERCENT, sizing__hours__gte=sizing.LEAST_HOURS
    )
    found = rows.filter(idle, paused_at=None, wanted_replicas__gt=0)
    return list(found.order_by(F("sizing__idle_since").asc(nulls_last=True), "name", "pk")[:_MOST_IDLE])


def totals_of(rows: "QuerySet[ShownDeployment]") -> list[Totals]:
    """What all of `rows` waste and could save, by currency; none where nothing is known yet.

    Suggestions that cost more are not counted.
    """
    current = Q(sizing__revision=F("revision"), sizing__saving_hour__gt=0)
    summed = rows.filter(sizing__waste_hour__isnull=False).order_by().values("cluster__currency")
    found = summed.annotate(
        waste=Sum("sizing__waste_hour", default=Decimal(0)),
        saving=Sum("sizing__saving_hour", filter=current, default=Decimal(0)),
    )
    return [
        Totals(one["cluster__currency"], _month(one["waste"]), _month(one["saving"]))
        for one in found.order_by("cluster__currency")
    ]


def shown_sizing(deployment: Deployment) -> ShownSizing:
    """One deployment's; asks the database only where `sizing` was not selected with it."""
    before = spec_of(deployment).resources
    found: Sizing | None = getattr(deployment, "sizing", None)
    currency = deployment.cluster.currency
    if found is None:
        return ShownSizing(deployment, before, None, _NOT_LOOKED, currency)
    after, reason = _suggested(deployment, found, before)
    return ShownSizing(
        deployment,
        before,
        after,
        reason,
        currency,
        waste_month=None if found.waste_hour is None else _month(found.waste_hour),
        saving_month=_month(found.saving_hour) if after and found.saving_hour is not None else None,
        hours=found.hours,
        computed_at=found.computed_at,
        cpu_p95=found.cpu_p95,
        memory_max=found.memory_max,
        idle_since=found.idle_since,
        gpu_percent=found.gpu_percent,
    )


def _suggested(deployment: Deployment, found: Sizing, before: Resources) -> tuple[Resources | None, str]:
    if found.cpu is None or found.memory is None:
        return None, found.reason
    if found.revision != deployment.revision:
        return None, _CHANGED
    return sizing.resized(before, cpu=found.cpu, memory=found.memory), ""


def _month(hour: Decimal) -> Decimal:
    rounded = costs.rounded_month(hour * costs.HOURS_IN_MONTH)
    assert rounded is not None  # noqa: S101
    return rounded

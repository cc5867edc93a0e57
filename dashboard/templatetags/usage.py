"""Numbers and bars of usage."""

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard import drawing
from dashboard.drawn import drawn
from dashboard.figures import localized
from deployments.selectors.usage.shapes import Amounts, NodeUsage, PodShare, QuotaLine
from k8s.quantities import format_bytes

register = template.Library()

MOST_DIGITS = 4
# Also where there is nothing to look into: templates then say "".
NOT_KNOWN = "–"  # noqa: RUF001  an en dash, as in print


@register.filter
def drawn_as(row: Hashable, template_name: str) -> SafeString:
    """A value in a template of its own, drawn once while it stays the same."""
    return drawn(template_name, row)


@register.filter
def cores(millicores: int | str | None) -> str:
    """ "1.5" for 1500."""
    return drawing.cores(millicores) if isinstance(millicores, int) else NOT_KNOWN


@register.filter
def size(count: int | str | None) -> str:
    """Memory as "1.5 GiB"."""
    return drawing.memory(count) if isinstance(count, int) else NOT_KNOWN


@register.filter
def gib(count: int | str | None) -> str:
    """Memory in GiB, the unit said at the head: "101", "1.5", "0.06"."""
    if not isinstance(count, int):
        return NOT_KNOWN
    value = count / 2**30
    return localized(f"{value:,.0f}" if value >= 100 else f"{value:.3g}")


@register.filter
def money(value: Decimal | None) -> str:
    """Thousands apart, 4 digits after the point at most: "1,234.56"; its currency is said elsewhere."""
    if value is None:
        return NOT_KNOWN
    short = round(value, MOST_DIGITS)
    return localized(f"{value if value == short else short:,}")


@register.simple_tag
def amount(amounts: Amounts | None, resource: str) -> str:
    """One resource, without its unit but for memory: "31.5", "12.4 GiB", "2"."""
    if amounts is None:
        return NOT_KNOWN
    if resource == "cpu":
        return drawing.cores(amounts.cpu)
    return drawing.memory(amounts.memory) if resource == "memory" else str(amounts.gpu)


@register.simple_tag
def share_of(part: Amounts | None, whole: Amounts, resource: str) -> str:
    """How much of it: "34%"."""
    full = getattr(whole, resource)
    if part is None or not full:
        return NOT_KNOWN
    return f"{getattr(part, resource) * 100 / full:.0f}%"


@register.simple_tag
def level(used: Amounts | None, requested: Amounts, full: Amounts, resource: str) -> SafeString:
    """What is used and requested of something, as a bar."""
    part = None if used is None or resource == "gpu" else getattr(used, resource)
    return drawing.level_bar(part, getattr(requested, resource), getattr(full, resource))


@register.simple_tag
def pieces(shares: Sequence[PodShare], node: NodeUsage, resource: str) -> SafeString:
    """A node's bar."""
    return drawing.node_bar(shares, resource, node.allocatable, node.used)


@register.simple_tag
def piece(share: PodShare) -> SafeString:
    """One piece of a node in words, with the way to its deployment."""
    asked = ", ".join(
        drawing.amount_text(share.requested, resource)
        for resource in ("cpu", "memory", "gpu")
        if resource != "gpu" or share.requested.gpu
    )
    name: str | SafeString = drawing.share_name(share)
    if share.kind == "deployment":
        address = reverse("deployment", args=[share.team, share.deployment])
        name = format_html('<a href="{}">{}</a>', address, name)
    return format_html('{} <span class="muted">{}: {}</span>', name, drawing.pods_text(share.pods), asked)


@register.simple_tag
def quota_words(line: QuotaLine) -> str:
    """One limit of a quota: "CPU 12 of 20, 8 left"."""
    if line.resource == "cpu":
        say: Callable[[int], str] = drawing.cores
    else:
        say = drawing.memory if line.resource == "memory" else str
    return _("{resource} {requested} of {limit}, {left} left").format(
        resource={"cpu": "CPU", "gpu": "GPUs"}.get(line.resource) or _(line.resource),
        requested=say(line.requested),
        limit=say(line.limit or 0),
        left=say(line.left or 0),
    )


@register.simple_tag
def against(used: int | str | None, limit: int, resource: str) -> SafeString | str:
    """What pods use of their limit: bar and words. Without a limit the words alone."""
    if not isinstance(used, int):
        return format_html('<span class="muted" title="{}">{}</span>', _("Not measured lately"), NOT_KNOWN)
    text = _short(used, resource)
    if not limit:
        return format_html('<span class="against" title="{}">{}</span>', _("No limit"), text)
    most = _short(limit, resource)
    return format_html(
        '<span class="against" title="{}"><span>{}<span class="muted">/{}</span></span>{}</span>',
        _("{used} of at most {limit} ({percent}%)").format(
            used=text, limit=most, percent=round(used * 100 / limit)
        ),
        text,
        most,
        drawing.meter_bar(used, limit),
    )


def _short(value: int, resource: str) -> str:
    """As narrow columns have it: "0.25", "96Mi", "1.5Gi"."""
    if resource == "cpu":
        return drawing.cores(value)
    return localized(format_bytes(value).replace(" ", "").removesuffix("B") or "0")

"""Bars, drawn as SVG by the server: no script, no style attribute, and they print.

Every bar stands beside its numbers, so it is decoration for whoever cannot see it.
"""

from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from dashboard.figures import localized
from deployments.selectors.usage.shapes import Amounts, PodShare
from k8s.quantities import format_bytes

WIDTH = 1000
"""Of what is full; bars stretch to their place."""


def cores(millicores: int) -> str:
    """CPU as people add it up: 250 -> "0.25", 1500 -> "1.5", 31500 -> "31.5"; thousands with a comma."""
    return localized(f"{millicores / 1000:,.2f}".rstrip("0").rstrip("."))


def memory(count: int) -> str:
    """ "1.5 GiB"."""
    return localized(format_bytes(count))


def amount_text(amounts: Amounts, resource: str) -> str:
    """One resource in words: "1.5 cores", "12.4 GiB", "2 GPUs"."""
    if resource == "cpu":
        words = _("{count} core") if amounts.cpu == 1000 else _("{count} cores")
        return words.format(count=cores(amounts.cpu))
    if resource == "memory":
        return memory(amounts.memory)
    return f"{amounts.gpu} GPU{'' if amounts.gpu == 1 else 's'}"


def pods_text(count: int) -> str:
    """ "3 pods"."""
    return (_("{count} pod") if count == 1 else _("{count} pods")).format(count=count)


def level_bar(used: float | None, requested: float, full: float) -> SafeString:
    """What is used and requested of something: a fill, and a mark where the requests end."""
    full = max(full, 1)
    parts = [f'<rect class="bar-asked" width="{_scaled(requested, full)}" height="10"/>']
    if used is not None:
        parts.append(f'<rect class="bar-used" y="2" width="{_scaled(used, full)}" height="6"/>')
    return _svg(parts, "level")


def meter_bar(used: float | None, limit: float) -> SafeString:
    """What is used of a limit; nearly all of it looks different, and the numbers beside it say so too."""
    if used is None or not limit:
        return _svg([], "meter")
    width = _scaled(used, limit)
    kind = "bar-high" if width >= 0.9 * WIDTH else "bar-used"
    return _svg([f'<rect class="{kind}" width="{width}" height="10"/>'], "meter")


def node_bar(
    shares: Sequence[PodShare], resource: str, allocatable: Amounts, used: Amounts | None
) -> SafeString:
    """A node with its pods as pieces, as wide as their requests; below, what is used of all of it."""
    full = max(getattr(allocatable, resource), 1)
    parts, start = [], 0.0
    for number, share in enumerate(shares):
        width = getattr(share.requested, resource) * WIDTH / full
        if width <= 0:
            continue
        kind = f"{share.kind} bar-{'odd' if number % 2 else 'even'}"
        parts.append(
            f'<rect class="bar-{kind}" x="{start:.1f}" width="{max(width, 1):.1f}" height="9">'
            f"<title>{escape(piece_words(share, resource))}</title></rect>"
        )
        start += width
    if used is not None and resource != "gpu":
        parts.append(
            f'<rect class="bar-used" y="10" width="{_scaled(getattr(used, resource), full)}" height="3"/>'
        )
    return _svg(parts, "node", height=13)


def piece_words(share: PodShare, resource: str) -> str:
    """One piece of a node's bar in words."""
    return _("{whose}: {pods}, {amount} requested").format(
        whose=share_name(share),
        pods=pods_text(share.pods),
        amount=amount_text(share.requested, resource),
    )


def share_name(share: PodShare) -> str:
    """Whose pods a piece is."""
    if share.kind == "deployment":
        return f"{share.team}/{share.deployment}"
    return {
        "rest": _("smaller deployments of my teams"),
        "others": _("other teams"),
        "foreign": _("not deployed here (system and others)"),
    }[share.kind]


def _scaled(part: float, full: float) -> int:
    return min(WIDTH, round(part * WIDTH / full))


def _svg(parts: Sequence[str], kind: str, *, height: int = 10) -> SafeString:
    # Only numbers, our own words, and titles that were escaped where they were written.
    return mark_safe(  # noqa: S308
        f'<svg class="bar bar-of-{kind}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none"'
        f' aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )

"""Choices of the form, with what was chosen and the domain's messages."""

from collections.abc import Sequence

from django import template

from dashboard.templatetags.timoneiro import Typed

register = template.Library()


@register.inclusion_tag("parts/select.html")
def select(
    form: Typed,
    path: str,
    label: str,
    options: Sequence[tuple[str, str]],
    *,
    hint: str = "",
    prefix: str = "",
) -> dict[str, object]:
    """One choice of several. What was chosen and is not offered any more stays visible."""
    value = form.values.get(path, "")
    offered = not value or any(value == one for one, _ in options)
    known = [*options] if offered else [(value, value), *options]
    return {
        "id": prefix + path.replace(".", "-"),
        "path": path,
        "label": label,
        "options": known,
        "hint": hint,
        "value": value,
        "errors": form.errors.get(path, ()),
        "focus": getattr(form, "first_error", None) == path,
    }


@register.inclusion_tag("parts/check.html")
def check(form: Typed, path: str, label: str, *, hint: str = "") -> dict[str, object]:
    """Yes or no. A browser leaves out a box that is not ticked, so that "no" has a field of its own."""
    return {
        "id": path.replace(".", "-"),
        "path": path,
        "label": label,
        "hint": hint,
        "checked": form.values.get(path) == "true",
        "errors": form.errors.get(path, ()),
    }

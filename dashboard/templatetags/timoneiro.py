"""The small components that templates share."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from django import template
from django.contrib.messages.storage.base import Message
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from dashboard import said as sentences
from dashboard.figures import localized
from dashboard.words import words_of

register = template.Library()

STATE_ICONS = {
    "pending": "clock",
    "deploying": "loader-2",
    "running": "circle-check",
    "degraded": "alert-triangle",
    "failed": "circle-x",
    "paused": "player-pause",
    "deleting": "trash",
    "unknown": "help-circle",
    "deleted": "ban",
    # Operations
    "queued": "clock",
    "applying": "loader-2",
    "waiting": "loader-2",
    "succeeded": "circle-check",
    "superseded": "arrow-right",
    # Deliveries
    "delivered": "circle-check",
    # Clusters
    "connected": "plug",
    "unreachable": "plug-connected-x",
}

STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))


ROLLOUT_WORDS = {
    "asked": pgettext_lazy("step", "Asked"),
    "applied": pgettext_lazy("step", "Applied"),
    "scheduled": pgettext_lazy("step", "Scheduled"),
    "pulled": pgettext_lazy("step", "Image pulled"),
    "started": pgettext_lazy("step", "Started"),
    "ready": pgettext_lazy("step", "Ready"),
    "answering": pgettext_lazy("step", "Answering"),
}


@register.filter
def said(text: object) -> object:
    """A sentence or a word of ours in the reader's language; whatever else it may be, unchanged."""
    if isinstance(text, Message):
        text = text.message
    return sentences.said(text) if isinstance(text, str) else text


@register.simple_tag
def words(script: str) -> SafeString | str:
    """What a script says in the reader's language, for it to read; nothing in English, which it has."""
    others = words_of(script)
    return json_script(others, f"words-{script}") if others else ""


@register.filter
def rollout_word(step: str) -> str:
    """A step of a rollout as people read it: "Image pulled"."""
    return str(ROLLOUT_WORDS[step])


@register.filter
def precisely(seconds: float) -> str:
    """A measured time: "0.4 s", "12 s", "3 min 5 s"."""
    if seconds < 9.95:
        return localized(f"{seconds:.1f} s")
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, extra: str = "") -> SafeString:
    """One drawing of the sprite. Decoration only: the word stands beside it, or on its button."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        static("icons.svg"),
        name,
    )


@register.simple_tag
def state(word: str) -> SafeString:
    """A status word with its icon and colour; readable without either."""
    return format_html(
        '<span class="state state-{}">{}<span class="state-word">{}</span></span>',
        word,
        icon(STATE_ICONS.get(word, "circle")),
        sentences.said(word),
    )


@register.simple_tag
def state_as(word: str, title: str) -> SafeString:
    """Like `state`, with the icon and colour of `word` and other words."""
    return format_html(
        '<span class="state state-{}">{}<span class="state-word">{}</span></span>',
        word,
        icon(STATE_ICONS.get(word, "circle")),
        sentences.said(title),
    )


class Typed(Protocol):
    """A form as typed: values and messages by JSON path."""

    values: dict[str, str]
    errors: dict[str, list[str]]


@register.inclusion_tag("parts/field.html")
def field(
    form: Typed,
    path: str,
    label: str,
    *,
    hint: str = "",
    placeholder: str = "",
    kind: str = "text",
    width: str = "",
    prefix: str = "",
) -> dict[str, object]:
    """One line of text: label, what was typed, hint, the domain's message.

    `prefix` comes before its id, where several forms of a page have a field of that name.

    `kind` is "text", "number" or "decimal" (digits only on a phone's keyboard), "mono", "area" or
    "password" (never filled in).
    """
    return {
        "id": prefix + path.replace(".", "-"),
        "path": path,
        "label": label,
        "hint": hint,
        "placeholder": placeholder,
        "kind": kind,
        "width": width,
        "value": form.values.get(path, ""),
        "errors": form.errors.get(path, ()),
        "focus": getattr(form, "first_error", None) == path,
    }


@register.filter
def as_json(value: object) -> str:
    """JSON to read, of a value that came from JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.simple_tag
def messages_at(form: Typed, path: str) -> list[str]:
    """The domain's messages about the field at `path`."""
    return form.errors.get(path, [])


@register.simple_tag
def typed_at(form: Typed, path: str) -> str:
    """What was typed in the field at `path`."""
    return form.values.get(path, "")


@register.simple_tag
def ago(moment: datetime | None, empty: str = "-") -> SafeString | str:
    """ "5 min ago", with the exact time in the title; the page's script keeps it true."""
    if moment is None:
        return empty
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        exact(moment),
        _("{time} ago").format(time=elapsed(moment)),
    )


@register.simple_tag
def age(moment: datetime | None) -> SafeString | str:
    """How long something has existed: "3 h"."""
    if moment is None:
        return "-"
    return format_html(
        '<time datetime="{}" title="{}" data-age>{}</time>',
        moment.isoformat(),
        _("since {moment}").format(moment=exact(moment)),
        elapsed(moment),
    )


@register.simple_tag
def left(moment: datetime | None, empty: str = "-") -> SafeString | str:
    """ "in 5 min", with the exact time in the title; the page's script keeps it true."""
    if moment is None:
        return empty
    return format_html(
        '<time datetime="{}" title="{}" data-left>{}</time>',
        moment.isoformat(),
        exact(moment) if moment.tzinfo is UTC else f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}",
        _("in {time}").format(time=in_one_unit(max(0, int((moment - timezone.now()).total_seconds())))),
    )


def exact(moment: datetime) -> str:
    """By this person's own clock: "2026-11-24 08:00:00 CET"."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}"


@register.filter
def in_zone(moment: datetime, zone: str) -> str:
    """A moment as the clock on the wall says it in a time zone: "Tue 24 Nov 08:00"."""
    return format_date(moment.astimezone(ZoneInfo(zone)), pgettext("date format", "D d M H:i"))


@register.simple_tag
def duration(seconds: int) -> str:
    """A number of seconds as people say it: "90 s", "10 min"; never rounded."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def elapsed(moment: datetime) -> str:
    """The time since `moment` in one unit, rounded down: "12 s", "5 min", "3 h", "9 d"."""
    return in_one_unit(max(0, int((timezone.now() - moment).total_seconds())))


def in_one_unit(seconds: int) -> str:
    """Rounded down: "12 s", "5 min", "3 h", "9 d"."""
    for below, size, unit in STEPS:
        if seconds < below:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"

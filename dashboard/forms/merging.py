"""What was changed in a form since it was opened, and two people's changes brought together."""

from typing import Any

import msgspec

from dashboard.forms.deployment import FIELDS, DeploymentForm
from dashboard.forms.environment import EnvRow

MAX_OPENED = 1_000_000
"""Characters of the hidden field; longer ones are not ours."""


class Opened(msgspec.Struct):
    """A form as it was opened. Holds no secret: a form that is opened has none."""

    values: dict[str, str]
    source: str
    version: str
    env: list[tuple[str, str, str, str]]


def remember(form: DeploymentForm) -> str:
    """The form as JSON for its own hidden field."""
    rows = [(row.name, row.shown_value, row.kind, row.state) for row in form.env]
    return msgspec.json.encode(Opened(form.values, form.source, form.version, rows)).decode()


def recall(text: str) -> DeploymentForm | None:
    """The form that `remember` wrote; None when there is none, or somebody else wrote it."""
    if not text or len(text) > MAX_OPENED:
        return None
    try:
        opened = msgspec.json.decode(text, type=Opened)
    except msgspec.DecodeError:
        return None
    rows = [EnvRow(name, value, kind, state) for name, value, kind, state in opened.env]
    values = {path: text for path, text in opened.values.items() if path in FIELDS}
    return DeploymentForm(values, opened.source, opened.version, rows)


def changed_only(form: DeploymentForm, before: DeploymentForm) -> dict[str, object]:
    """The payload of what differs from `before`: two people changing two things do not undo each other."""
    old, new = before.payload(changing=True), form.payload(changing=True)
    changed: dict[str, object] = {}
    for key, value in new.items():
        known: Any = old.get(key, ...)
        if value == known:
            continue
        # Sections are merged by the domain, except for autoscaling, which is one thing.
        if isinstance(value, dict) and isinstance(known, dict) and key != "autoscaling":
            value = {name: one for name, one in value.items() if one != known.get(name, ...)}  # noqa: PLW2901
        changed[key] = value
    if {"model", "version"} & changed.keys():
        changed |= form.origin()
    return changed


def merge(form: DeploymentForm, before: DeploymentForm, now: DeploymentForm) -> list[str]:
    """Takes over, into `form`, what others changed in fields that were not touched here.

    Answers the paths of fields that both changed; there the form keeps what was typed.
    """
    both = []
    for path, current in now.values.items():
        typed, opened = form.values.get(path), before.values.get(path)
        if typed is None or typed == opened:
            form.values[path] = current
        elif current not in {opened, typed}:
            both.append(path)
    mine, old, theirs = form.origin(), before.origin(), now.origin()
    if mine == old:
        form.source, form.version = now.source, now.version
    elif theirs not in (old, mine):
        both.append("version")
    if _rows(form) == _rows(before):
        form.env = now.env
    elif _rows(now) not in (_rows(before), _rows(form)):
        both.append("env")
    return both


def _rows(form: DeploymentForm) -> list[dict[str, object]]:
    return [row.entry() for row in form.sent_rows()]

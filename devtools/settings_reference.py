"""Write docs/settings.md from the settings themselves: `.venv/bin/python -m devtools.settings_reference`.

With `--check`, say whether it is up to date instead.
"""

import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from dashboard.settings.environment import ROOT
from dashboard.settings.stack import StackEnvironment

TARGET = ROOT / "docs" / "settings.md"
COMMAND = ".venv/bin/python -m devtools.settings_reference"
_INTRODUCTION = """# Settings

All of them are variables of the environment, read once at the start of a process and checked: what makes no
sense is refused with its name. Nothing else is read: there is no file of settings. This page is written by
`python -m devtools.settings_reference` from `dashboard/settings/`.

Processes: `web` (pages, REST), `live` (streams), `worker` (all of them: `worker`, `answers`, `chores`),
`beat`, `observer`, and `prepare`, which runs before the others at each start. `./dev up` sets what it needs
by itself.

| name | type | default | meaning | taken by |
|---|---|---|---|---|
"""
_HEADING_OF_OTHERS = """
## Read by what we build on

| name | meaning | taken by |
|---|---|---|
"""
_OTHERS = {
    "DJANGO_SETTINGS_MODULE": "`dashboard.settings.production` where a proxy ends TLS (as in the image), "
    "`dashboard.settings.local` for one machine | every process",
    "REMAP_SIGTERM": "`SIGQUIT`: a worker that is told to stop hands unfinished tasks back at once "
    "| worker (Celery)",
    "OTEL_EXPORTER_OTLP_HEADERS": "what a collector asks for: `authorization=Bearer ...`; like it, whatever "
    "else the SDK for Python reads: `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_CERTIFICATE`, ... "
    "| web, live, worker (OpenTelemetry)",
}


def page() -> str:
    """The whole page.

    Raises:
        ValueError: a setting says nothing of itself.
    """
    rows = [_row(name, field) for name, field in StackEnvironment.model_fields.items()]
    others = [f"| `{name}` | {meaning} |\n" for name, meaning in _OTHERS.items()]
    return _INTRODUCTION + "".join(rows) + _HEADING_OF_OTHERS + "".join(others)


def _row(name: str, field: FieldInfo) -> str:
    extra: Any = field.json_schema_extra
    if not field.description or not isinstance(extra, dict) or not extra.get("by"):
        raise ValueError(f"{name}: write what it means and who takes it, see `told` in dashboard/settings")
    cells = (f"`{name.upper()}`", _kind(field), _default(field.default), field.description, str(extra["by"]))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _kind(field: FieldInfo) -> str:
    """The type in words; a whole number that must be positive says so."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    names: dict[object, str] = {str: "text", int: "whole number", bool: "true or false", Path: "path"}
    least = next(
        (f", above {rule.gt}" for rule in field.metadata if getattr(rule, "gt", None) is not None), ""
    )
    return names[kind] + least


def _default(default: object) -> str:
    if default == "":
        return ""
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{text.removeprefix(f'{ROOT}/')}`"


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        TARGET.write_text(page())
        return 0
    if TARGET.exists() and TARGET.read_text() == page():
        return 0
    print(f"docs/settings.md is not what dashboard/settings say: run {COMMAND}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

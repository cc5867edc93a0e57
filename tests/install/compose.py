"""docker-compose.yml as Compose would understand it: variables filled in, services by name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
# $$, ${NAME}, ${NAME:-default} and ${NAME:?what to say}: all that the file may use.
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Z_]+)(?::(?P<how>[-?])(?P<text>[^}]*))?\})")


class NotSet(Exception):
    """A variable that the file needs has no value; says which and what to do."""


def filled_in(value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with each variable in its texts, however deep, replaced.

    Raises:
        NotSet: of `${NAME:?what to say}` a name without a value.
        ValueError: a dollar that means nothing to Compose.
    """
    if isinstance(value, dict):
        return {key: filled_in(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        said = variables.get(found["name"], "")
        if not said and found["how"] == "?":
            raise NotSet(f"{found['name']}: {found['text']}")
        return said or (found["text"] if found["how"] == "-" else "") or ""

    if "$" in _VARIABLE.sub("", value):
        raise ValueError(f"a lone $ in {value!r}")
    return _VARIABLE.sub(one, value)


def written() -> dict[str, Any]:
    """The file as it is written."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def services(variables: Mapping[str, str]) -> dict[str, Any]:
    """Its services, filled in. Raises as `filled_in` does."""
    found: dict[str, Any] = filled_in(written(), variables)["services"]
    return found


def example_variables() -> dict[str, str]:
    """What .env.example asks for, by name, with what it says of each (mostly nothing)."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"^[A-Z_]+=", line))

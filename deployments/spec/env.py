"""The rules of environment variables, clear and secret, and of what a version says about them."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.errors import FieldError
from deployments.models import ModelVersion
from deployments.spec.reader import MISSING, Reader
from k8s.spec import EnvVar

MAX_ENV_VALUE = 32_768
MAX_ENV_ENTRIES = 200
# A Secret holds at most 1 MiB, and values of two revisions are in it at times.
MAX_SECRET_BYTES = 400_000

_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_REF_BYTES = 8


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables, and by their `ref` the secret values that are set anew, in clear and never shown."""

    variables: tuple[EnvVar, ...]
    secret_values: Mapping[str, str] = field(default_factory=dict, repr=False)


def check_env_name(reader: Reader, name: str) -> None:
    if name and not _ENV_NAME.fullmatch(name):
        reader.wrong(
            "name",
            "Use letters, digits, dots, hyphens and underscores; begin with no digit.",
            "invalid_env_name",
        )


def read_env(reader: Reader, base: tuple[EnvVar, ...]) -> Environment:
    """The whole list: what is given replaces what was. A secret without a value keeps the one it has."""
    given = reader.raw("env")
    if given is MISSING:
        return Environment(base)
    if not isinstance(given, list) or len(given) > MAX_ENV_ENTRIES:
        reader.wrong("env", f"This must be a list of at most {MAX_ENV_ENTRIES} variables.", "not_a_list")
        return Environment(base)
    stored = {variable.name: variable for variable in base if variable.secret}
    values: dict[str, str] = {}
    variables = [
        _read_variable(Reader(item, path=f"env[{index}]", errors=reader.errors), item, stored, values)
        for index, item in enumerate(given)
    ]
    _refuse_doubled(reader, variables)
    if sum(len(value.encode(errors="replace")) for value in values.values()) > MAX_SECRET_BYTES:
        reader.wrong("env", "The secret values together are larger than 400 kB.", "too_large")
    return Environment(tuple(variables), values)


def _read_variable(
    section: Reader, item: object, stored: Mapping[str, EnvVar], values: dict[str, str]
) -> EnvVar:
    if not isinstance(item, dict):
        return EnvVar(name="")
    section.allow_only(("name", "value", "secret"))
    name = section.text("name", required=True, longest=200)
    check_env_name(section, name)
    if not section.boolean("secret", False):
        return EnvVar(name=name, value=section.text("value", longest=MAX_ENV_VALUE))
    if section.raw("value") in (MISSING, None):
        kept = stored.get(name)
        if kept is None and name:
            section.wrong("value", f"Give {name} a value: none is stored yet.", "required")
        return kept or EnvVar(name=name, secret=True)
    value = section.text("value", longest=MAX_ENV_VALUE)
    if section.raw("value") == "":
        section.wrong("value", "A secret is not empty. Leave value out to keep the stored one.", "empty")
    ref = secrets.token_hex(_REF_BYTES)
    values[ref] = value
    return EnvVar(name=name, secret=True, ref=ref)


def _refuse_doubled(reader: Reader, variables: Sequence[EnvVar]) -> None:
    seen: set[str] = set()
    for index, variable in enumerate(variables):
        if variable.name and variable.name in seen:
            reader.errors.append(
                FieldError(f"env[{index}].name", f"{variable.name} is there already.", "doubled")
            )
        seen.add(variable.name)


def with_defaults(environment: Environment, version: ModelVersion | None) -> Environment:
    """Adds the variables that a version gives a value and nobody named."""
    if version is None:
        return environment
    named = {variable.name for variable in environment.variables}
    added = tuple(
        EnvVar(name=rule["name"], value=rule["default"])
        for rule in version.env_schema
        if rule["name"] not in named and rule.get("default") and not rule.get("secret")
    )
    return Environment((*environment.variables, *added), environment.secret_values)


def check_against_version(reader: Reader, environment: Environment, version: ModelVersion | None) -> None:
    """Refuses an environment without what the version needs, or with its secrets in clear."""
    rules: Sequence[Mapping[str, Any]] = version.env_schema if version else ()
    by_name = {variable.name: index for index, variable in enumerate(environment.variables)}
    for rule in rules:
        index = by_name.get(rule["name"])
        if index is None:
            if rule.get("required"):
                text = f"This version needs the variable {rule['name']}"
                reader.wrong("env", f"{text}: {rule.get('description') or 'give it a value'}.", "required")
        elif rule.get("secret") and not environment.variables[index].secret:
            reader.wrong(
                f"env[{index}].secret",
                f"{rule['name']} is a secret of this version: send it with secret true.",
                "must_be_secret",
            )

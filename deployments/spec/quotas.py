"""Payloads about quotas: limits and ceilings of a team in a cluster."""

from collections.abc import Mapping
from typing import Any

from deployments.errors import FieldError
from deployments.models import Quota
from deployments.quotas import RESOURCES, Limits, Resource, ceiling_of
from deployments.spec.reader import Reader
from k8s.quantities import amount, bytes_, format_millicores, memory_quantity, millicores

READ_ONLY = ("team", "cluster", "generation", "applied_generation", "message")
_READ_ONLY_OF_ONE = ("requested", "used", "left")
_MOST_COUNT = 1_000_000
_MOST_CPU = 1_000_000_000
_MOST_MEMORY = 2**60


def parse_quota(payload: Mapping[str, Any], current: Quota) -> tuple[Limits, Limits]:
    """Limits and ceilings after a change: what is not named stays, null is no limit.

    The payload is as {"cpu": {"limit": "4", "ceiling": "8"}, "replicas": {"limit": 10}}. A limit that is
    not named comes down with its ceiling.

    Raises:
        InvalidInput: with JSON paths, for instance a limit above its ceiling.
    """
    reader = Reader(payload)
    reader.allow_only(RESOURCES, read_only=READ_ONLY)
    limits: Limits = {}
    ceilings: Limits = {}
    for name in RESOURCES:
        section = reader.section(name)
        section.allow_only(("limit", "ceiling"), read_only=_READ_ONLY_OF_ONE)
        ceiling = _read(section, "ceiling", name, ceiling_of(current, name))
        own: int | None = _read(section, "limit", name, getattr(current, name))
        if own is not None and ceiling is not None and own > ceiling:
            if "limit" in section:
                text = f"The ceiling that admins have set is {as_text(name, ceiling)}."
                section.wrong("limit", text, "above_ceiling")
            own = ceiling
        limits[name], ceilings[name] = own, ceiling
    reader.finish()
    return limits, ceilings


def names_ceiling(payload: Mapping[str, Any]) -> bool:
    """Whether a payload says anything of a ceiling, which is for admins."""
    return any(isinstance(one, Mapping) and "ceiling" in one for one in payload.values())


def as_text(resource: Resource, value: int) -> str:
    """As payloads and forms have it: "1500m", "4Gi", "3"."""
    if resource == "cpu":
        return format_millicores(value)
    return memory_quantity(value) if resource == "memory" else str(value)


def _read(section: Reader, field: str, resource: Resource, default: int | None) -> int | None:
    if field not in section:
        return default
    if section.raw(field) is None:
        return None
    if resource not in ("cpu", "memory"):
        what = {"gpu": "GPUs", "replicas": "Replicas", "deployments": "Deployments"}[resource]
        return section.integer(field, 0, least=0, most=_MOST_COUNT, what=what)
    mistakes = len(section.errors)
    text = section.text(field, longest=30)
    if len(section.errors) > mistakes:
        return default
    value, problem = _cpu(text) if resource == "cpu" else _memory(text)
    if problem:
        section.errors.append(FieldError(section.where(field), problem, "invalid_quantity"))
    return value


def _cpu(text: str) -> tuple[int, str]:
    try:
        exact = amount(text) * 1000
    except ValueError:
        return 0, 'Write CPU as "500m" or "2".'
    if exact != exact.to_integral_value():
        return 0, "CPU cannot be finer than 1m, a thousandth of a core."
    value = millicores(text)
    return (value, "") if 0 <= value <= _MOST_CPU else (0, "CPU must be from 0 to 1000000 cores.")


def _memory(text: str) -> tuple[int, str]:
    try:
        value = bytes_(text)
    except ValueError:
        return 0, 'Write memory as "512Mi" or "2Gi".'
    return (value, "") if 0 <= value <= _MOST_MEMORY else (0, "Memory must be from 0 to 1Ei.")

"""The rules of the count: replicas, bounds and targets of an autoscaler."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from deployments.spec.reader import MISSING, Reader
from k8s.spec import Autoscaling

MOST_TARGET_PERCENT = 1000
MOST_SCALE_DOWN_SECONDS = 3600
_FIELDS = (
    "min_replicas",
    "max_replicas",
    "target_cpu_percent",
    "target_memory_percent",
    "scale_down_seconds",
)


def parse_replicas(replicas: object) -> int:
    """A valid count.

    Raises:
        InvalidInput: not a whole number, or out of range.
    """
    reader = Reader({"replicas": replicas})
    value = read_replicas(reader, 0)
    reader.finish()
    return value


def parse_autoscaling(given: Mapping[str, Any] | None, current: Autoscaling | None) -> Autoscaling | None:
    """Bounds and targets merged into `current`; None turns it off. Fields are named without a prefix.

    Raises:
        InvalidInput: with JSON paths.
    """
    if given is None:
        return None
    section = Reader(given)
    result = _read(section, current)
    section.finish()
    return result


def read_autoscaling(reader: Reader, current: Autoscaling | None) -> Autoscaling | None:
    """The field `autoscaling`: an object merges into `current`, null turns it off."""
    given = reader.raw("autoscaling")
    if given is MISSING:
        return current
    return None if given is None else _read(reader.section("autoscaling"), current)


def _read(section: Reader, current: Autoscaling | None) -> Autoscaling:
    base = current or Autoscaling(max_replicas=1)
    section.allow_only(_FIELDS)
    already = len(section.errors)
    if current is None and "max_replicas" not in section:
        section.wrong("max_replicas", "This field is required.", "required")
    least, most = read_bounds(section, base.min_replicas, base.max_replicas)
    cpu, memory = (
        section.optional_integer(
            field, getattr(base, field), least=1, most=MOST_TARGET_PERCENT, what="A target in percent"
        )
        for field in ("target_cpu_percent", "target_memory_percent")
    )
    if cpu is None and memory is None and len(section.errors) == already:
        text = "Give a target in percent of the request, for CPU, memory or both."
        section.wrong("target_cpu_percent", text, "required")
    patience = section.integer(
        "scale_down_seconds",
        base.scale_down_seconds,
        least=0,
        most=MOST_SCALE_DOWN_SECONDS,
        what="Seconds before scaling down",
    )
    return Autoscaling(
        min_replicas=least,
        max_replicas=most,
        target_cpu_percent=cpu,
        target_memory_percent=memory,
        scale_down_seconds=patience,
    )


def read_bounds(section: Reader, least: int, most: int) -> tuple[int, int]:
    """`min_replicas` and `max_replicas`, the first at most the second."""
    already = len(section.errors)
    low = section.integer("min_replicas", least, least=1, most=settings.MAX_REPLICAS, what="The minimum")
    high = section.integer("max_replicas", most, least=1, most=settings.MAX_REPLICAS, what="The maximum")
    if low > high and len(section.errors) == already:
        section.wrong("min_replicas", f"The minimum {low} is above the maximum {high}.", "min_above_max")
    return low, high


def read_replicas(reader: Reader, default: int) -> int:
    return reader.integer("replicas", default, least=0, most=settings.MAX_REPLICAS, what="Replicas")

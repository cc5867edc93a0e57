"""What a replica would do with, by what its like used: the rule of right-sizing and of idleness. Pure.

Requests: CPU is the 95th percentile of what the busiest replica used, over the quarter hours of the last 7
days, each of which counts with its busiest minute; memory is the most that a replica ever used and 15 % on
top. Both are rounded up to figures that people would write, and are left as they are where they fit within
10 %. Memory is not lowered within 7 days of a replica that ran out of it.

Limits: CPU's stays, because it reserves nothing and lends speed at the start; memory's keeps its proportion
to the request, because what is promised beyond requests is what nodes run out of. Neither is ever raised
but to the request, and memory's never falls below what was seen.

Autoscaled deployments: a target is a percentage of the request, so a smaller request makes the autoscaler
act at a smaller use. The request is therefore what makes that use the target, and so large that the most
replicas carry the busiest minute that was seen at the target.
"""

from dataclasses import dataclass
from datetime import timedelta

import msgspec

from deployments.models import State
from deployments.selectors.usage.shapes import Amounts
from k8s.quantities import bytes_, format_millicores, millicores
from k8s.spec import Autoscaling, Resources

WINDOW = timedelta(days=7)
LEAST_HOURS = 24
BUSY_SHARE = 0.95
IDLE_CPU = 10
"""Millicores: a replica that never uses more in a minute computes nothing worth mention."""
IDLE_GPU_PERCENT = 5.0

_MIB, _GIB = 2**20, 2**30
# A server that does nothing needs this much to start in a bearable time, and to be there at all.
_LEAST_CPU, _LEAST_MEMORY = 25, 64 * _MIB
_MEMORY_MARGIN_PERCENT = 115
_FITS_PERCENT = 10
# Steps that people would write, by the size they are for.
_CPU_STEPS = ((100, 5), (1000, 10), (None, 100))
_MEMORY_STEPS = ((_GIB, 16 * _MIB), (4 * _GIB, 64 * _MIB), (None, 256 * _MIB))
_TROUBLED = (State.FAILED, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the last 7 days. CPU is millicores, memory bytes.

    `hours` is how much was measured. `cpu_p95` and `memory_max` are of the busiest replica, `cpu_peak` of all
    replicas together; None while nothing was measured.
    """

    hours: int = 0
    cpu_p95: int | None = None
    memory_max: int | None = None
    cpu_peak: int | None = None
    ran_out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Requests that would do; both None when there is nothing to suggest, for `reason`."""

    cpu: int | None = None
    memory: int | None = None
    reason: str = ""


def suggest(current: Resources, autoscaling: Autoscaling | None, seen: Evidence) -> Suggestion:
    """The requests that a replica would do with."""
    if seen.hours < LEAST_HOURS or seen.cpu_p95 is None or seen.memory_max is None:
        return Suggestion(reason=_too_little(seen.hours))
    had = Amounts(millicores(current.cpu), bytes_(current.memory))
    cpu = _fitting(had.cpu, _cpu_needed(seen, autoscaling), _LEAST_CPU, _CPU_STEPS)
    memory = _fitting(had.memory, _memory_needed(seen, autoscaling), _LEAST_MEMORY, _MEMORY_STEPS)
    if seen.ran_out_of_memory and memory < had.memory:
        memory = had.memory
        if cpu == had.cpu:
            return Suggestion(reason="A replica ran out of memory within 7 days: it is not given less.")
    if (cpu, memory) == (had.cpu, had.memory):
        return Suggestion(reason="Its requests fit what it uses, within 10 %.")
    return Suggestion(cpu=cpu, memory=memory)


def why_not_now(*, state: str, paused: bool) -> str:
    """Why its present state makes a suggestion pointless; "" when it does not."""
    if paused:
        return "It is paused, and holds nothing."
    if state in _TROUBLED:
        return "It is in trouble: what a healthy replica needs cannot be told from it."
    return ""


def resized(current: Resources, *, cpu: int, memory: int) -> Resources:
    """A replica's size with the suggested requests, and limits that go with them."""
    had_memory, memory_limit = bytes_(current.memory), bytes_(current.memory_limit)
    if memory != had_memory:
        in_proportion = _rounded_up(-(-memory * memory_limit // had_memory), _MEMORY_STEPS)
        memory_limit = max(memory, min(memory_limit, in_proportion))
    return msgspec.structs.replace(
        current,
        cpu=format_millicores(cpu),
        cpu_limit=format_millicores(max(cpu, millicores(current.cpu_limit))),
        memory=current.memory if memory == had_memory else written_memory(memory),
        memory_limit=(
            current.memory_limit
            if memory_limit == bytes_(current.memory_limit)
            else written_memory(memory_limit)
        ),
    )


def written_memory(value: int) -> str:
    """As people write it for Kubernetes: 2147483648 -> "2Gi", 218103808 -> "208Mi"."""
    if value % _GIB == 0:
        return f"{value // _GIB}Gi"
    return f"{value // _MIB}Mi" if value % _MIB == 0 else str(value)


def _cpu_needed(seen: Evidence, autoscaling: Autoscaling | None) -> int:
    needed = seen.cpu_p95 or 0
    target = autoscaling.target_cpu_percent if autoscaling else None
    if autoscaling is None or not target:
        return needed
    most_at_target = autoscaling.max_replicas * target
    return max(_share(needed, target), -(-(seen.cpu_peak or 0) * 100 // most_at_target))


def _memory_needed(seen: Evidence, autoscaling: Autoscaling | None) -> int:
    most = seen.memory_max or 0
    target = autoscaling.target_memory_percent if autoscaling else None
    with_margin = -(-most * _MEMORY_MARGIN_PERCENT // 100)
    return max(with_margin, _share(most, target)) if target else with_margin


def _share(value: int, percent: int) -> int:
    """What `value` is `percent` of, rounded up."""
    return -(-value * 100 // percent)


def _fitting(had: int, needed: int, least: int, steps: tuple[tuple[int | None, int], ...]) -> int:
    """`needed` as people would write it; `had` where that is near enough or less than anything needs."""
    wanted = max(_rounded_up(needed, steps), min(least, had))
    return had if abs(wanted - had) * 100 <= had * _FITS_PERCENT else wanted


def _rounded_up(value: int, steps: tuple[tuple[int | None, int], ...]) -> int:
    step = next(step for below, step in steps if below is None or value < below)
    return -(-value // step) * step


def _too_little(hours: int) -> str:
    if not hours:
        return f"Less than an hour of data, {LEAST_HOURS} are needed."
    return f"{hours} hour{'' if hours == 1 else 's'} of data, {LEAST_HOURS} are needed."

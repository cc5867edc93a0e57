"""How fast and how far an autoscaler may go: stabilization, rate limits, bounds. Pure but for its memory.

Source: the rules of Kubernetes' horizontal controller (pkg/controller/podautoscaler/horizontal.go).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from k8s.local.store import Object

Rules = dict[str, Any]
#: What counts where spec.behavior says nothing.
UP: Final[Rules] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DOWN: Final[Rules] = {
    "stabilizationWindowSeconds": 300,
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
#: Older than the longest window or period that the API allows.
FORGET_SECONDS: Final = 3600.0

#: (type, holds, reason, message)
Finding = tuple[str, bool, str, str]


@dataclass
class Memory:
    """What an autoscaler remembers: (moment, recommendation), and (moment, change of replicas)."""

    clock: Callable[[], float] = time.monotonic
    recommendations: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)

    def changed(self, difference: int) -> None:
        """The target was scaled by so many replicas."""
        self.changes.append((self.clock(), difference))

    def forget_old(self) -> None:
        """Drop what no rule can ask about any more."""
        oldest = self.clock() - FORGET_SECONDS
        self.recommendations = [one for one in self.recommendations if one[0] > oldest]
        self.changes = [one for one in self.changes if one[0] > oldest]

    def added(self, seconds: float) -> int:
        """Replicas added in the last seconds."""
        return sum(by for when, by in self.changes if by > 0 and when > self.clock() - seconds)

    def removed(self, seconds: float) -> int:
        """Replicas removed in the last seconds."""
        return -sum(by for when, by in self.changes if by < 0 and when > self.clock() - seconds)


def rules_of(autoscaler: Object) -> tuple[Rules, Rules]:
    """The rules for scaling up and down, with the defaults filled in."""
    behavior = autoscaler["spec"].get("behavior") or {}
    return (
        {**UP, **{key: value for key, value in (behavior.get("scaleUp") or {}).items() if value is not None}},
        {
            **DOWN,
            **{key: value for key, value in (behavior.get("scaleDown") or {}).items() if value is not None},
        },
    )


def bounded(autoscaler: Object, memory: Memory, current: int, wanted: int) -> tuple[int, list[Finding]]:
    """What may become of a recommendation now, and the conditions AbleToScale and ScalingLimited."""
    up, down = rules_of(autoscaler)
    stable, able = _stabilized(memory, up, down, current, wanted)
    lowest, highest = autoscaler["spec"].get("minReplicas", 1), autoscaler["spec"]["maxReplicas"]
    if stable > current:
        limit = max(current, _up_limit(memory, up, current))
        bound, why = (highest, _TOO_MANY) if highest <= limit else (limit, _TOO_FAST_UP)
        if stable > bound:
            return bound, [able, why]
    elif stable < current:
        limit = min(current, _down_limit(memory, down, current))
        bound, why = (lowest, _TOO_FEW) if lowest >= limit else (limit, _TOO_FAST_DOWN)
        if stable < bound:
            return bound, [able, why]
    return stable, [able, _WITHIN]


def _stabilized(memory: Memory, up: Rules, down: Rules, current: int, wanted: int) -> tuple[int, Finding]:
    now = memory.clock()
    memory.forget_old()
    lowest = highest = wanted
    for when, recommended in memory.recommendations:
        if when > now - up["stabilizationWindowSeconds"]:
            lowest = min(lowest, recommended)
        if when > now - down["stabilizationWindowSeconds"]:
            highest = max(highest, recommended)
    memory.recommendations.append((now, wanted))
    stable = min(max(current, lowest), highest)
    if stable == wanted:
        return stable, _READY
    return stable, (_UP_STABILIZED if stable < wanted else _DOWN_STABILIZED)


def _up_limit(memory: Memory, rules: Rules, current: int) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    proposals: list[int] = []
    for policy in rules["policies"]:
        period = policy["periodSeconds"]
        start = current - memory.added(period) + memory.removed(period)
        percent = policy["type"] == "Percent"
        more = math.ceil(start * policy["value"] / 100) if percent else policy["value"]
        proposals.append(start + more)
    return min(proposals) if rules["selectPolicy"] == "Min" else max(proposals)


def _down_limit(memory: Memory, rules: Rules, current: int) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    proposals: list[int] = []
    for policy in rules["policies"]:
        period = policy["periodSeconds"]
        start = current - memory.added(period) + memory.removed(period)
        percent = policy["type"] == "Percent"
        left = math.floor(start * (1 - policy["value"] / 100)) if percent else start - policy["value"]
        proposals.append(left)
    return max(proposals) if rules["selectPolicy"] == "Min" else min(proposals)


_ABLE: Final = "AbleToScale"
_LIMITED: Final = "ScalingLimited"
_READY: Final[Finding] = (_ABLE, True, "ReadyForNewScale", "recommended size matches current size")
_UP_STABILIZED: Final[Finding] = (
    _ABLE,
    True,
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_DOWN_STABILIZED: Final[Finding] = (
    _ABLE,
    True,
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
_TOO_MANY: Final[Finding] = (
    _LIMITED,
    True,
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
)
_TOO_FEW: Final[Finding] = (
    _LIMITED,
    True,
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
)
_TOO_FAST_UP: Final[Finding] = (
    _LIMITED,
    True,
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
)
_TOO_FAST_DOWN: Final[Finding] = (
    _LIMITED,
    True,
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
)
_WITHIN: Final[Finding] = (
    _LIMITED,
    False,
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
)

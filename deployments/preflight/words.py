"""What a preflight answers; the REST contract's `preflight`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

CheckState = Literal["ok", "warning", "error", "unknown"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer in a sentence. `unknown` says what could not be checked, and why.

    `error` is what the cluster would refuse, or never run; it blocks nothing by itself.
    """

    code: str
    state: CheckState
    text: str


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the requested resources cost an hour by the cluster's prices; null when a price is not known.

    For an autoscaled deployment `per_hour` is that of the least replicas, and `text` says both ends.
    """

    per_hour: Decimal | None
    currency: str
    text: str


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a wish; nothing was stored. `warnings` are the cluster's own remarks."""

    checks: Sequence[Check]
    cost: Cost
    warnings: Sequence[str] = ()

    @property
    def worst(self) -> CheckState:
        """The state that deserves attention first."""
        order: tuple[CheckState, ...] = ("error", "warning", "unknown")
        found = {check.state for check in self.checks}
        return next((state for state in order if state in found), "ok")

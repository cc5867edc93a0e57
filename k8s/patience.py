"""How long to wait before a cluster is asked again: soon at first, and never often for long.

Two rules, and the stricter one counts. Full jitter under a growing ceiling keeps
many watchers from returning all at once. An allowance that refills slowly bounds
what one watch asks over any longer time, however its attempts fail: a list that
succeeds before a watch that never does, answers that end at once, versions that
are always too old.
"""

import random
import time
from collections.abc import Callable
from typing import Final

FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 10.0
LONGEST_ASKED_SECONDS: Final = 60.0
"""The most of a Retry-After that is believed."""

REQUESTS_A_SECOND: Final = 0.2
BURST: Final = 6.0
# A list of many pages is no reason to be silent for minutes when its watch then fails.
_DEEPEST_DEBT: Final = -2.0


class Patience:
    """The allowance of one watch. `clock` tells seconds that only grow.

    Over t seconds of trouble at most `BURST` + t * `REQUESTS_A_SECOND` requests are sent
    (pages of a list that succeeds may come on top): less than 0.25 a second over any two minutes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._allowance = BURST
        self._counted_at = clock()

    def spend(self) -> None:
        """Notes one request."""
        self._refill()
        self._allowance = max(self._allowance - 1, _DEEPEST_DEBT)

    def after_success(self) -> float:
        """Seconds to wait before the next request when the last one went well: 0 unless they come thick."""
        return self._until_allowed()

    def after_failure(self, failures: int, asked_seconds: float | None) -> float:
        """Seconds to wait after this many `failures` in a row.

        `asked_seconds` is the cluster's own Retry-After: honoured up to a minute, and then not by
        everybody in the same instant.
        """
        ceiling = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10))
        pause = random.uniform(0.05, ceiling)  # noqa: S311  jitter, no secret
        if asked_seconds:
            pause = min(asked_seconds, LONGEST_ASKED_SECONDS) + random.uniform(0, FIRST_RETRY_SECONDS)  # noqa: S311
        return max(pause, self._until_allowed())

    def _until_allowed(self) -> float:
        self._refill()
        return max(0.0, (1 - self._allowance) / REQUESTS_A_SECOND)

    def _refill(self) -> None:
        now = self._clock()
        self._allowance = min(BURST, self._allowance + (now - self._counted_at) * REQUESTS_A_SECOND)
        self._counted_at = now

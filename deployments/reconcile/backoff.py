"""How long to wait before something is tried again."""

import random

_LONGEST_WAIT_SECONDS = 15.0


def wait_seconds(attempts: int, *, at_least: float = 0) -> float:
    """Doubles with each attempt, the first being 1, up to a ceiling; with jitter."""
    ceiling = min(_LONGEST_WAIT_SECONDS, 2.0 ** min(attempts - 1, 10))
    return max(at_least, ceiling * random.uniform(0.5, 1))  # noqa: S311  jitter, no secret

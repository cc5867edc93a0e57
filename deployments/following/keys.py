"""Names in Redis that viewers and observer share."""

import msgspec

INTERESTS = "timoneiro:follow:interests"
"""Sorted set of `Interest` in JSON, scored by the time (epoch seconds) until which somebody listens."""

INTEREST_SECONDS = 15.0
"""How long an upstream outlives its last listener."""

STREAM_LINES = 20_000
STREAM_CHARACTERS = 4 * 1024 * 1024
"""What a stream holds; a reader slower than that is told how many lines it missed."""

FIRST_LINES = 100
"""Lines from before the first listener came, unless more are asked for."""

_TAILS = (FIRST_LINES, 200, 1_000, 10_000)


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One line as a stream carries it. `at` is RFC 3339 in UTC with nanoseconds, "" where there is none."""

    pod: str
    text: str
    at: str


class Interest(msgspec.Struct, frozen=True):
    """What is followed: one container of one pod; `pod` "" means every pod, `container` "" the only one.

    `tail` is how many lines from before it begins with. Few different ones, so that listeners share
    an upstream: see `interest_in`.
    """

    deployment_id: int
    pod: str = ""
    container: str = ""
    tail: int = FIRST_LINES

    @property
    def member(self) -> bytes:
        return msgspec.json.encode(self)

    @property
    def stream(self) -> str:
        return f"timoneiro:follow:{self.deployment_id}:{self.pod or '*'}:{self.container}:{self.tail}"


def interest_in(deployment_id: int, pod: str, container: str, tail: int) -> Interest:
    """The interest that begins with at least `tail` lines, or with the most there is."""
    enough = next((number for number in _TAILS if number >= tail), _TAILS[-1])
    return Interest(deployment_id, pod, container, enough)

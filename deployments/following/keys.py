"""Names in Redis that viewers and observer share."""

import msgspec

INTERESTS = "timoneiro:follow:interests"
"""Sorted set of `Interest` in JSON, scored by the time (epoch seconds) until which somebody listens."""

INTEREST_SECONDS = 15.0
"""How long an upstream outlives its last listener."""

STREAM_LINES = 2000
"""Lines a stream holds; a reader slower than that is told how many it missed."""

FIRST_LINES = 100
"""Lines per pod from before the first listener came."""


class Interest(msgspec.Struct, frozen=True):
    """What is followed: one container of one pod; `pod` "" means every pod, `container` "" the only one."""

    deployment_id: int
    pod: str = ""
    container: str = ""

    @property
    def member(self) -> bytes:
        return msgspec.json.encode(self)

    @property
    def stream(self) -> str:
        return f"timoneiro:follow:{self.deployment_id}:{self.pod or '*'}:{self.container}"

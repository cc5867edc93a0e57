"""Node ports keep the dashboard's own cookies from models.

A browser sends a cookie to every port of a host. Node ports of this cluster and the dashboard that it is
shipped with are both on 127.0.0.1, so whoever opens a model there would show it their session.
"""

import re
from typing import Final

# As the dashboard's settings name them; a test holds them against each other.
NAMES: Final = ("timoneiro_session", "timoneiro_csrf")
_COOKIE: Final = re.compile(rb"(%s)=([^;\s]*)" % "|".join(NAMES).encode())
_LONGEST_BEGINNING: Final = max(map(len, NAMES))


class CookieMask:
    """Overwrites the values of these cookies in one direction of one connection.

    What goes through keeps its length and waits for nothing, so it need not be understood: a protocol
    that is not HTTP, or is encrypted, is relayed as it is. In the other direction a model that would
    set such a cookie sets one that is good for nothing.
    """

    def __init__(self) -> None:
        # The end of what went through already, in which a cookie may have begun.
        self._before = b""

    def __call__(self, data: bytes) -> bytes:
        seen = self._before + data
        relayed, unfinished = bytearray(seen), b""
        for found in _COOKIE.finditer(seen):
            begin, end = found.span(2)
            relayed[begin:end] = b"x" * (end - begin)
            # A value at the very end may go on: what matters of it is its name.
            unfinished = found[1] + b"=" if end == len(seen) else b""
        skipped = len(self._before)
        self._before = unfinished or seen[-_LONGEST_BEGINNING:]
        return bytes(relayed[skipped:])

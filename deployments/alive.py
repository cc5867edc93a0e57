"""Whether a process that nobody can ask over HTTP is alive: worker, beat and observer touch a file.

`python -m deployments.alive FILE` is for probes: 0 while FILE is young. It loads nothing but this.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

EVERY_SECONDS: Final = 5.0
LONGEST_SILENCE_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


def touch(file: Path | None) -> None:
    """Says so. None: nobody wants to know. Never raises."""
    if file is None:
        return
    try:
        file.touch()
    except OSError as exc:
        log.warning("probes will take this process for dead: %s", exc)


async def keep_touching(file: Path | None, *, every_seconds: float = EVERY_SECONDS) -> None:
    """As long as the event loop turns."""
    while file is not None:
        touch(file)
        await asyncio.sleep(every_seconds)


class Waiting:
    """A thread that says so while its process waits for somebody else, which is no reason to end it."""

    def __init__(self, file: Path | None, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._file = file
        self._every_seconds = every_seconds
        self._over = threading.Event()

    def begin(self) -> None:
        if self._file is None:
            return
        self._over = over = threading.Event()

        def say_so() -> None:
            touch(self._file)
            while not over.wait(self._every_seconds):
                touch(self._file)

        threading.Thread(target=say_so, name="alive", daemon=True).start()

    def end(self) -> None:
        self._over.set()

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """While the block waits."""
        self.begin()
        try:
            yield
        finally:
            self.end()


def is_alive(file: Path, *, longest_silence_seconds: float = LONGEST_SILENCE_SECONDS) -> bool:
    """Whether its process touched `file` lately."""
    try:
        return time.time() - file.stat().st_mtime < longest_silence_seconds
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not is_alive(Path(sys.argv[1])))

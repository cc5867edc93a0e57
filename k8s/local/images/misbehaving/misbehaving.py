"""The house-price model with bad habits, each switched on by a variable; see the images' manifests."""

from __future__ import annotations

import logging
import sys
import threading
import time
from os import environ  # noqa: TID251 - a container is configured by its environment

from model_server import __main__ as server
from model_server.protocol import Answer, Service

log = logging.getLogger("model_server")
STEP_SECONDS = 0.1
MEBIBYTE = 1024 * 1024
HEALTH = ("/healthz", "/v2/health/live", "/v2/health/ready")
STARTED = time.monotonic()


def number(name: str) -> float:
    """A variable's value; 0 when it is not set."""
    return float(environ.get(name) or 0)


def hog_memory(mebibytes_per_second: float, most: float) -> None:
    """Take memory and never give it back, up to ``most`` MiB in all."""
    held: list[bytes] = []
    taken = 0.0
    while taken < most:
        time.sleep(STEP_SECONDS)
        step = min(mebibytes_per_second * STEP_SECONDS, most - taken)
        # Written to, or the system would only promise it.
        held.append(b"x" * int(step * MEBIBYTE))
        taken += step
    log.warning("holding %d MiB", taken)
    threading.Event().wait()


def talk(lines_per_second: float) -> None:
    """Log without end."""
    count = 0
    while True:
        due = int((time.monotonic() - STARTED) * lines_per_second)
        for count in range(count + 1, due + 1):  # noqa: B020 - goes on where it was
            log.info("line %d of a program that talks too much", count)
        count = max(count, due)
        time.sleep(STEP_SECONDS / 10)


class BadService(Service):
    """Answers late, burning CPU meanwhile, and says that it is ill after a while."""

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """As Service, with bad habits."""
        if path in HEALTH:
            return self._health() or super().answer(method, path, body)
        ends = time.thread_time() + number("BUSY_MILLISECONDS") / 1000
        while time.thread_time() < ends:
            sum(range(1000))
        return super().answer(method, path, body)

    @staticmethod
    def _health() -> Answer | None:
        begins, lasts = number("UNHEALTHY_AFTER_SECONDS"), number("UNHEALTHY_FOR_SECONDS")
        age = time.monotonic() - STARTED
        if "UNHEALTHY_AFTER_SECONDS" not in environ or age < begins or (lasts and age >= begins + lasts):
            return None
        return Answer(503, {"error": f"unhealthy since {age - begins:.0f} s"})


def main() -> int:
    """Begin the bad habits, then serve."""
    if rate := number("MEMORY_MIB_PER_SECOND"):
        most = number("MEMORY_MIB")
        threading.Thread(target=hog_memory, args=(rate, most), daemon=True).start()
    if rate := number("LOG_LINES_PER_SECOND"):
        threading.Thread(target=talk, args=(rate,), daemon=True).start()
    server.Service = BadService  # type: ignore[misc]
    return server.main()


if __name__ == "__main__":
    sys.exit(main())

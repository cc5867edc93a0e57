"""Until it serves, or it is clear that it will not."""

import time
from collections.abc import Callable

from timoneiro.api import Answer, Api
from timoneiro.errors import CommandError, TooLate

POLL_SECONDS = 1.0
# How long one request asks the server to hold its answer: a poll less for most writes.
HELD_SECONDS = 30
ENDED = frozenset({"succeeded", "failed", "superseded"})

Tell = Callable[[str], None]


class Patience:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(self._until - time.monotonic(), 0.0)

    def pause(self, what: str) -> None:
        """Waits for the next look.

        Raises:
            TooLate: the time is up; says what it was spent on.
        """
        if not self.left:
            raise TooLate(f"Not within {self.seconds:g} s. {what}")
        time.sleep(min(POLL_SECONDS, self.left))


def operation(api: Api, found: Answer, address: str, patience: Patience, tell: Tell) -> None:
    """Returns when the operation has succeeded.

    Raises:
        TooLate, CommandError: it failed, with the diagnosis of the deployment at `address`.
    """
    told = ""
    while found["state"] not in ENDED:
        if found["state"] != told:
            told = found["state"]
            tell(f"{found['action']} {found['deployment']}: {told}")
        patience.pause(f"The operation {found['id']} is {found['state']}.")
        found = api.get(f"operations/{found['id']}/")
    if found["state"] == "superseded":
        raise CommandError("Somebody asked for something newer meanwhile, which is done instead.")
    if found["state"] == "failed":
        said = str((found.get("error") or {}).get("detail") or "The operation failed.")
        raise CommandError("\n".join([said, *_why(api.get(address))]))


def running(api: Api, address: str, patience: Patience, tell: Tell) -> Answer:
    """The deployment when the newest wish is applied and serves.

    Raises:
        TooLate, CommandError: it failed, or will not run (paused, deleting).
    """
    told = ""
    while True:
        found = api.get(address)
        status = found["status"]
        applied = found["applied_generation"] == found["generation"]
        if applied and status["state"] == "running" and not status["stale"]:
            return found
        if applied and status["state"] in {"failed", "paused", "deleting"}:
            raise CommandError("\n".join([f"{found['name']} is {status['state']}.", *_why(found)]))
        if status["message"] != told:
            told = status["message"]
            tell(f"{found['name']}: {status['state']}, {told}")
        stands = f"{found['name']} is {status['state']}: {status['message']}"
        patience.pause("\n".join([stands, *_why(found)]))


def _why(deployment: Answer) -> list[str]:
    """The diagnosis in words; nothing when there is none."""
    found = deployment["status"].get("diagnosis")
    if not found:
        return []
    shown = [f"  {line}" for one in found["evidence"][:3] for line in str(one["text"]).splitlines()[-3:]]
    return [found["cause"], *shown, found["advice"]]

"""Several people who do something at the same moment."""

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

from deployments.errors import DomainError

Answer = TypeVar("Answer")


def at_once(*acts: Callable[[], Answer]) -> list[Answer | DomainError]:
    """What each act gave, all of them started together."""
    barrier = threading.Barrier(len(acts))
    answers: dict[int, Answer | DomainError] = {}

    def run(place: int) -> None:
        try:
            barrier.wait(timeout=30)
            answers[place] = acts[place]()
        except DomainError as exc:
            answers[place] = exc
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == len(acts), "not everybody was answered"
    return [answers[place] for place in range(len(acts))]

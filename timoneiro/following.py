"""`logs -f`: lines as they are written, for as long as somebody reads them."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from timoneiro import output
from timoneiro.api import Answer, Api
from timoneiro.errors import error_of

AGAIN_SECONDS = 2.0
MOST_LINES = 10_000


def follow(api: Api, address: str, question: Mapping[str, Any]) -> None:
    """Prints `[pod] line`, and connects again when the connection is lost. Ends by Ctrl-C, or by an error.

    Raises:
        CommandError: the logs cannot be followed.
    """
    last = ""
    while True:
        try:
            for name, data in _events(api, address, question, last):
                if name == "line" and data["at"] > last:
                    last = data["at"]
                if name in {"line", "skipped"}:
                    _print(name, data)
        except httpx.TransportError:
            output.tell("The connection was lost; connecting again.")
        time.sleep(AGAIN_SECONDS)


def _events(api: Api, address: str, question: Mapping[str, Any], last: str) -> Iterator[tuple[str, Answer]]:
    """Events of one connection, without the lines up to `last` that were printed before."""
    asked = {**question, "follow": True}
    if last:
        passed = datetime.now(UTC) - datetime.fromisoformat(last)
        asked |= {"since": f"{max(int(passed.total_seconds()) + 1, 1)}s", "tail": MOST_LINES}
    for name, data in api.events(address, **asked):
        if name == "problem":
            raise error_of(int(data["status"]), data)
        # A piece of an overlong line has no time: rather twice than never.
        if name != "line" or not last or not data["at"] or data["at"] > last:
            yield name, data


def _print(name: str, data: Answer) -> None:
    if name == "skipped":
        output.tell(f"({data['lines']} lines were skipped: they came faster than they could be sent)")
    else:
        output.show(f"[{data['pod']}] {data['text']}")

"""The REST API as this command uses it: every request is repeated until it is answered, and done once."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from timoneiro.config import Config
from timoneiro.errors import NotReachable, error_of

# Not now, but perhaps in a moment. 409 is here for `idempotency_in_progress` alone.
AGAIN = frozenset({429, 502, 503, 504})
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
MOST_PAUSE_SECONDS = 60.0
PAGE = 500

Answer = dict[str, Any]


class Api:
    """A connection to one server, as one token."""

    def __init__(self, config: Config) -> None:
        self.team = config.team
        self._client = httpx.Client(
            base_url=f"{config.url}/api/v1/",
            headers={"Authorization": f"Bearer {config.token}", "User-Agent": "timoneiro"},
            # An answer may be held for 60 s by ?wait.
            timeout=httpx.Timeout(75, connect=10),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, address: str, **question: object) -> Answer:
        """The answer's JSON object.

        Raises:
            CommandError: refused, or not reachable.
        """
        return self._object(self._send("GET", address, question=question))

    def text(self, address: str, **question: object) -> str:
        """An answer that is plain text.

        Raises:
            CommandError.
        """
        return self._send("GET", address, question=question).text

    def write(
        self, method: str, address: str, body: Mapping[str, Any] | None = None, **question: object
    ) -> Answer:
        """A write, which is done once however often it has to be sent.

        Raises:
            CommandError.
        """
        return self._object(self._send(method, address, body=body, question=question, key=str(uuid.uuid4())))

    def every(self, address: str, **question: object) -> list[Answer]:
        """All results of a list, page after page.

        Raises:
            CommandError.
        """
        found: list[Answer] = []
        while True:
            page = self.get(address, **question, limit=PAGE, offset=len(found))
            found += page["results"]
            if not page["results"] or len(found) >= page["count"]:
                return found

    def events(self, address: str, **question: object) -> Iterator[tuple[str, Answer]]:
        """Name and data of server-sent events, until the server ends the stream.

        Raises:
            CommandError, httpx.TransportError: refused; or the connection was lost.
        """
        # The server says something every few seconds, if only that it is there.
        quiet = httpx.Timeout(30, connect=10)
        with self._client.stream("GET", address, params=_asked(question), timeout=quiet) as answer:
            if not answer.is_success:
                answer.read()
                raise error_of(answer.status_code, _json(answer))
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

    def _send(
        self,
        method: str,
        address: str,
        *,
        body: Mapping[str, Any] | None = None,
        question: Mapping[str, object],
        key: str = "",
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        content = None if body is None else dict(body)
        for pause in (*PAUSES_SECONDS, None):
            try:
                answer = self._client.request(
                    method, address, params=_asked(question), headers=headers, json=content
                )
            except httpx.TransportError as error:
                if pause is None:
                    raise NotReachable(f"{self._client.base_url.host} cannot be reached: {error}.") from error
                time.sleep(pause)
                continue
            if answer.is_success:
                return answer
            problem = _json(answer)
            if pause is None or not _again(answer, problem):
                raise error_of(answer.status_code, problem)
            time.sleep(_pause_of(answer, pause))
        raise AssertionError("the last round returns or raises")

    def _object(self, answer: httpx.Response) -> Answer:
        found = _json(answer)
        if not found:
            raise NotReachable(f"{answer.url.host} did not answer as Timoneiro does; is the address right?")
        return found


def _again(answer: httpx.Response, problem: Answer) -> bool:
    if problem.get("code") == "nothing_ready":
        # Right now no replica serves: a word for people, not a hiccup.
        return False
    return answer.status_code in AGAIN or problem.get("code") == "idempotency_in_progress"


def _pause_of(answer: httpx.Response, usual: float) -> float:
    said = answer.headers.get("Retry-After", "")
    return min(float(said), MOST_PAUSE_SECONDS) if said.isascii() and said.isdigit() else usual


def _json(answer: httpx.Response) -> Answer:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _asked(question: Mapping[str, object]) -> dict[str, str]:
    """Query parameters; what is None, "" or False is left out."""
    return {
        name: "true" if value is True else str(value)
        for name, value in question.items()
        if value is not None and value is not False and value != ""
    }

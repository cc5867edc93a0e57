"""A server that answers what it is told to, one answer after the other, and remembers what was asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.serving import serving_beside


@dataclass(frozen=True)
class Scripted:
    """One answer; a body that is text is sent as an event stream."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Server:
    url: str
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)


@contextmanager
def serving(*answers: Scripted) -> Iterator[Server]:
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append((self.command, self.path, dict(self.headers)))
            found = left.pop(0)
            stream = isinstance(found.body, str)
            self.send_response(found.status)
            self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(str(found.body).encode() if stream else json.dumps(found.body).encode())

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  the library's names

        def log_message(self, *_arguments: object) -> None:
            """Nothing on the terminal."""

    http = HTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_address[1]}")
    with serving_beside(http):
        yield server

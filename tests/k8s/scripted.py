"""A small HTTP server that answers as a test scripts it, and remembers what it was asked."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from k8s.connect import Access
from tests.k8s.samples import exchange
from tests.serving import serving_beside


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str
    peer: tuple[str, int]


@dataclass(frozen=True)
class Answer:
    """`body` bytes are sent whole, an iterable piece by piece; `cut` breaks the connection before the end."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: bool = False


def recorded(name: str) -> Answer:
    found = exchange(name)
    return Answer(found.status, found.body, found.headers)


class ScriptedServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Callable[[Asked], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.asked: list[Asked] = []

    @property
    def access(self) -> Access:
        return Access(server=f"http://127.0.0.1:{self.server_address[1]}", token="secret-token")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            self.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            self.path,
            self.client_address,
        )
        self.server.asked.append(asked)
        answer = self.server.script(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, bytes):
            self.send_header("Content-Length", str(len(answer.body) + (1 if answer.cut else 0)))
            self.end_headers()
            self.wfile.write(answer.body)
        else:
            self.send_header("Connection", "close")
            self.end_headers()
            for piece in answer.body:
                self.wfile.write(piece)
                self.wfile.flush()
        self.close_connection = self.close_connection or answer.cut or not isinstance(answer.body, bytes)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@contextmanager
def serving(script: Callable[[Asked], Answer]) -> Iterator[ScriptedServer]:
    """A running server on a free port of loopback."""
    server = ScriptedServer(script)
    with serving_beside(server):
        yield server

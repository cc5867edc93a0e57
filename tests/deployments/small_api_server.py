"""An API server that says its version, its time and what it allows, as it is told to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import yaml


@dataclass
class SmallApiServer:
    """`refused` has the resources that it allows nothing of; its clock is `ahead`.

    With `leads_to` every GET is answered with a redirect there.
    """

    port: int = 0
    version: str = "v1.36.2"
    ahead: timedelta = timedelta()
    refused: set[str] = field(default_factory=set)
    leads_to: str = ""

    @property
    def kubeconfig(self) -> str:
        return yaml.safe_dump(
            {
                "current-context": "small",
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                "users": [{"name": "u", "user": {"token": "small-token"}}],
                "contexts": [{"name": "small", "context": {"cluster": "c", "user": "u"}}],
            }
        )


@contextmanager
def serving() -> Iterator[SmallApiServer]:
    told = SmallApiServer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"gitVersion": told.version}, status=301 if told.leads_to else 200)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            resource = asked["spec"]["resourceAttributes"]["resource"]
            status = {"allowed": resource not in told.refused}
            self.answer({"kind": asked["kind"], "apiVersion": asked["apiVersion"], "status": status})

        def answer(self, body: object, *, status: int = 200) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            if told.leads_to:
                self.send_header("Location", told.leads_to)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
            return format_datetime(datetime.now(UTC) + told.ahead, usegmt=True)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the server's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    told.port = server.server_port
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

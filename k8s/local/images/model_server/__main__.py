"""Loads the model, then serves it until SIGTERM; finishes what it has begun before it exits."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import environ  # noqa: TID251 - a container is configured by its environment
from pathlib import Path
from socket import socket
from socketserver import TCPServer
from types import FrameType
from typing import Any

from .predictors import load
from .protocol import Answer, Service

MAX_BODY_BYTES = 4 * 1024 * 1024
IDLE_SECONDS = 75.0
DRAIN_SECONDS = 25.0
#: Clients that keep connections open may be sending at this very moment: hear them before closing.
LINGER_SECONDS = 1.0
log = logging.getLogger("model_server")


class Server(ThreadingHTTPServer):
    """A threading server that knows how many requests are being answered."""

    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        super().__init__(address, Handler)
        self.service = service
        self.draining = False
        self.busy = 0
        self.connected = 0
        self.idle = threading.Condition()

    def server_bind(self) -> None:
        # HTTPServer would ask for its own name here, which takes seconds where no name server answers.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def accept_waiting(self) -> None:
        """Take up the connections that the system has accepted for us but nobody has looked at yet."""
        self.socket.setblocking(False)
        while True:
            try:
                request, address = self.get_request()
            except OSError:
                return
            request.setblocking(True)
            self.process_request(request, address)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        self.count(connected=1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.count(connected=-1)

    def drain(self) -> bool:
        """Wait for requests to be answered and clients to leave; False when that took too long."""
        with self.idle:
            self.idle.wait_for(lambda: self.connected == 0, timeout=LINGER_SECONDS)
            return self.idle.wait_for(lambda: self.busy == 0, timeout=DRAIN_SECONDS)

    def count(self, *, connected: int = 0, busy: int = 0) -> None:
        """A connection or a request has begun (1) or ended (-1)."""
        with self.idle:
            self.connected += connected
            self.busy += busy
            self.idle.notify_all()


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive, so that a client may reuse its connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server_version = "model_server/1.0"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length")
        if length is None or not length.isdigit():
            self.close_connection = True
            self._send(Answer(411, {"error": "Content-Length is needed"}))
        elif int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Answer(413, {"error": f"the body may hold {MAX_BODY_BYTES} bytes at most"}))
        else:
            self._handle(self.rfile.read(int(length)))

    def _handle(self, body: bytes) -> None:
        self.server.count(busy=1)
        try:
            path = self.path.split("?", 1)[0]
            self._send(self.server.service.answer(self.command, path, body))
        finally:
            self.server.count(busy=-1)

    def _send(self, answer: Answer) -> None:
        payload = json.dumps(answer.body).encode() + b"\n"
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if self.server.draining or self.close_connection:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it
        # Probes come every few seconds for ever; people look for requests.
        level = logging.DEBUG if self.path.startswith(("/healthz", "/v2/health")) else logging.INFO
        log.log(level, "%s %s", self.client_address[0], format % args)


def main() -> int:
    """Serve; returns the exit code."""
    options = _options()
    logging.basicConfig(
        stream=sys.stdout,
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(message)s",
    )
    name, version = environ.get("MODEL_NAME", "model"), environ.get("MODEL_VERSION", "1.0")
    log.info("starting %s %s", name, version)
    if options.start_delay_seconds:
        log.info("loading the model takes %g s", options.start_delay_seconds)
        time.sleep(options.start_delay_seconds)
    service = Service(load(options.model), name=name, version=version)
    server = Server((_host(), options.port), service)
    _drain_on_sigterm(server)
    log.info("serving on port %d", options.port)
    server.serve_forever(poll_interval=0.1)
    server.accept_waiting()
    server.server_close()
    finished = server.drain()
    log.info("stopped" if finished else "stopped with requests unanswered")
    return 0


def _drain_on_sigterm(server: Server) -> None:
    def stop(signum: int, _frame: FrameType | None) -> None:
        log.info("received %s, finishing requests", signal.Signals(signum).name)
        server.draining = True
        # shutdown() waits for serve_forever(), which runs in this very thread.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _host() -> str:
    # Each pod of the local cluster has an address of its own; anywhere else, listen everywhere.
    return environ.get("LOCAL_CLUSTER_POD_IP", "0.0.0.0")  # noqa: S104


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="model_server")
    parser.add_argument("--port", type=int, default=environ.get("PORT", "5001"))
    parser.add_argument("--log-level", default=environ.get("LOG_LEVEL", "INFO"))
    parser.add_argument("--start-delay-seconds", type=float, default=environ.get("START_DELAY_SECONDS", "0"))
    default_model = Path(__file__).resolve().parent.parent / "coefficients.json"
    parser.add_argument("--model", type=Path, default=environ.get("MODEL_PATH") or default_model)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""One signed request to a receiver."""

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from deployments.webhooks.addresses import resolve

SIGNATURE = "Timoneiro-Signature"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
MOST_ANSWER_BYTES = 2_000


class NotTaken(Exception):
    """The receiver could not be reached, or broke off."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str


def signature(secret: str, body: bytes, *, at: int) -> str:
    """The header's value: "t=SECONDS,v1=HEX", HMAC-SHA256 of "SECONDS.BODY" with the webhook's secret."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def send(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Posts `body`; follows no redirect, and connects only to the address that was checked.

    Raises:
        NotTaken: no answer in time.
        ForbiddenAddress, UnknownHost: see `resolve`.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = _connection(parts.scheme, resolve(host, port), port, host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
        connection.timeout = ANSWER_SECONDS
        with _cut_after(connection.sock, ANSWER_SECONDS):
            connection.request(
                "POST", path, body=body, headers={**headers, "Host": parts.netloc}, preload_content=False
            )
            answer = connection.getresponse()
            text = answer.read(MOST_ANSWER_BYTES, decode_content=False).decode("utf-8", "replace")
        return Answer(answer.status, text)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as exc:
        # ValueError: an address that cannot be put into a request at all.
        raise NotTaken(f"{type(exc).__name__}: {exc}"[:300]) from exc
    finally:
        connection.close()


def _connection(scheme: str, address: str, port: int, host: str) -> HTTPConnection:
    if scheme != "https":
        return HTTPConnection(address, port, timeout=CONNECT_SECONDS)
    return HTTPSConnection(
        address,
        port,
        timeout=CONNECT_SECONDS,
        server_hostname=host,
        assert_hostname=host,
        ssl_context=ssl.create_default_context(),
    )


@contextmanager
def _cut_after(line: socket.socket, seconds: float) -> Iterator[None]:
    """Ends the connection when the whole answer takes longer.

    A socket's own timeout is for each piece: a receiver that sends a byte now and then
    would hold a worker for hours.

    Raises:
        NotTaken: it was cut.
    """
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        with suppress(OSError):
            # Of the plain socket: TLS would wait for the other side to say goodbye.
            socket.socket.shutdown(line, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):
        if not is_cut.is_set():
            raise
    finally:
        timer.cancel()
    if is_cut.is_set():
        raise NotTaken(f"no whole answer within {seconds:.0f} s")

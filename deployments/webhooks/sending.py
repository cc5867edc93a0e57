"""One signed request to a receiver."""

import hashlib
import hmac
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

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
    address = resolve(host, port)
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            timeout=timeout,
            server_hostname=host,
            assert_hostname=host,
            ssl_context=ssl.create_default_context(),
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        answer = pool.urlopen(
            "POST",
            path,
            body=body,
            headers={**headers, "Host": parts.netloc},
            retries=False,
            redirect=False,
            preload_content=False,
        )
        text = answer.read(MOST_ANSWER_BYTES, decode_content=False).decode("utf-8", "replace")
        return Answer(answer.status, text)
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        raise NotTaken(f"{type(exc).__name__}: {exc}"[:300]) from exc
    finally:
        pool.close()

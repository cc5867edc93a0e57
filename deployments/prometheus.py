"""Asks a cluster's Prometheus by its HTTP API, within bounds: of time, of size, and of where it may be."""

import functools
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx
import msgspec

from deployments.spec.addresses import is_of_the_cloud

logger = logging.getLogger(__name__)

MOST_BYTES = 8_000_000
# Looking a name up, and headers that drip, know no deadline: whoever asks waits beside them, not for them.
# Few at once, so that a slow Prometheus holds no more than these.
_ASKERS = ThreadPoolExecutor(4, thread_name_prefix="prometheus")


class NoAnswer(Exception):
    """What Prometheus did instead of answering, in words that follow "Prometheus"."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One series: its labels, and values (which may be not a number) at seconds since 1970."""

    labels: Mapping[str, str]
    points: list[tuple[float, float]]


class _Series(msgspec.Struct):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Result(msgspec.Struct):
    result: list[_Series]


class _Answer(msgspec.Struct):
    status: Literal["success"]
    data: _Result


def ask(
    address: str, path: Literal["query", "query_range"], fields: Mapping[str, str], *, seconds: float
) -> list[Measured]:
    """The series that a query is answered with, within so many seconds.

    Raises:
        NoAnswer.
    """
    # Prometheus itself gives up in time, too.
    asked = _ASKERS.submit(_fetch, address, path, {**fields, "timeout": f"{seconds:g}s"}, seconds)
    try:
        return _read(asked.result(timeout=seconds))
    except TimeoutError as exc:
        asked.cancel()
        raise NoAnswer(f"did not answer within {seconds:g} s") from exc


def _fetch(address: str, path: str, fields: Mapping[str, str], seconds: float) -> bytes:
    until = time.monotonic() + seconds
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        url = httpx.URL(f"{address.rstrip('/')}/api/v1/{path}")
        headers = {"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"}
        # The environment's proxies and logins are for others.
        with httpx.Client(verify=_tls(), trust_env=False, follow_redirects=False, timeout=seconds) as client:
            for checked in _addresses(host, port):
                # Not GET: proxies bound how long an address may be, and a chart's query is long.
                request = client.build_request(
                    "POST",
                    url.copy_with(host=checked),
                    data=fields,
                    headers=headers,
                    extensions={"sni_hostname": host} if parts.scheme == "https" else {},
                )
                try:
                    return _body(client, request, until)
                except httpx.ConnectError as exc:
                    logger.info("No Prometheus at %s: %s", checked, exc)
        raise NoAnswer("could not be reached")
    except httpx.TimeoutException as exc:
        raise NoAnswer(f"did not answer within {seconds:g} s") from exc
    except (httpx.HTTPError, OSError) as exc:
        raise NoAnswer("broke off") from exc
    except (httpx.InvalidURL, ValueError) as exc:
        raise NoAnswer("has an address that nobody can ask") from exc


def _addresses(host: str, port: int) -> list[str]:
    """Where a host is, looked up once and checked: a second answer could be another."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise NoAnswer("could not be found by its name") from exc
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if any(is_of_the_cloud(each) for each in addresses):
        raise NoAnswer("is where a cloud keeps its metadata, so it was not asked")
    return addresses


def _body(client: httpx.Client, request: httpx.Request, until: float) -> bytes:
    answer = client.send(request, stream=True)
    try:
        if answer.status_code != 200:
            raise NoAnswer(f"answered with HTTP status {answer.status_code}")
        body = bytearray()
        # As it came: what is packed could be of any size.
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > MOST_BYTES:
                raise NoAnswer(f"answered with more than {MOST_BYTES // 1_000_000} MB")
            if time.monotonic() > until:
                raise NoAnswer("did not finish its answer in time")
        return bytes(body)
    finally:
        answer.close()


def _read(body: bytes) -> list[Measured]:
    try:
        found = msgspec.json.decode(body, type=_Answer).data.result
        return [Measured(one.metric, [(at, float(value)) for at, value in _points(one)]) for one in found]
    except (msgspec.MsgspecError, ValueError) as exc:
        raise NoAnswer("does not answer as a Prometheus does") from exc


def _points(one: _Series) -> list[tuple[float, str]]:
    return one.values if one.value is None else [one.value]


@functools.cache
def _tls() -> ssl.SSLContext:
    """Reading the authorities takes longer than asking."""
    return ssl.create_default_context()

"""What uvicorn and `BodyLimit` do for ASGI, for WSGI: the caller's address, and no body without end."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from dashboard.gatekeeping import API, MOST_BODY_BYTES
from deployments.api.problems import MAX_BODY_BYTES, MEDIA_TYPE, problem_response, too_large

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApplication = Callable[[Environ, StartResponse], Iterable[bytes]]


class Fronted:
    """Around a WSGI application that a proxy stands in front of.

    `trusted` are the addresses and networks of proxies. Only what comes from one of them
    is believed to be asked by whom X-Forwarded-For says; sign-ins and requests are counted by that.

    Raises:
        ValueError: an entry of `trusted` is no address and no network.
    """

    def __init__(self, application: WsgiApplication, *, trusted: Sequence[str]) -> None:
        self._application = application
        self._trusted = [ip_network(entry, strict=False) for entry in trusted]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        environ["REMOTE_ADDR"] = caller(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), self._trusted
        )
        declared = environ.get("CONTENT_LENGTH") or "0"
        # What comes in pieces without a length is not read by Django under WSGI at all.
        if declared.isdigit() and int(declared) > MOST_BODY_BYTES:
            return _refuse(environ, start_response)
        return self._application(environ, start_response)


def caller(peer: str, forwarded_for: str, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """Who asks: the nearest address, from `peer` backwards, that is none of our proxies'.

    Whoever asks may have written the beginning of `forwarded_for`; each proxy adds at its end. What is
    no address ends the search: nothing before it can be believed.
    """
    found = peer
    for said in [*reversed(forwarded_for.split(",")), ""]:
        if not _is_one_of(found, trusted):
            return found
        try:
            found = str(ip_address(said.strip()))
        except ValueError:
            return found
    return found


def _is_one_of(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _refuse(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    media, body = "text/plain", b"The body is too large.\n"
    if str(environ.get("PATH_INFO", "")).startswith(API):
        media, body = MEDIA_TYPE, problem_response(too_large(MAX_BODY_BYTES)).content
    start_response("413 Content Too Large", [("Content-Type", media), ("Connection", "close")])
    return [body]

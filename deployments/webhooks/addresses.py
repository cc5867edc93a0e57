"""Where a webhook may lead: the public internet, and what the installation's admin allows besides.

The address is looked up once, checked, and then connected to as it is: a name that
answers differently the second time gains nothing.
"""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

from deployments.spec.addresses import Address, led_to, problem_of_url

LONGEST_URL = 500
_IPV6_INTERNET = ipaddress.IPv6Network("2000::/3")
# Public by their numbers, and yet answered by the cloud or the network one is in.
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2002::/16", "3fff::/20")
)


class ForbiddenAddress(Exception):
    """A host that leads into a private network, to this machine or to a cloud's metadata."""


class UnknownHost(Exception):
    """A host that no name server knows just now."""


def problem_of(url: str) -> str:
    """What is wrong with a webhook's address as it is written, in words; "" when nothing is."""
    like, instead = "https://example.org/hooks/timoneiro", "requests are signed instead"
    written = problem_of_url(url, like=like, instead=instead)
    if written:
        return written
    host = urlsplit(url).hostname or ""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return "" if is_allowed(literal, host) else _refusal(host)


def resolve(host: str, port: int) -> str:
    """The address to connect to, checked.

    Raises:
        ForbiddenAddress: any of the host's addresses is not public and not allowed.
        UnknownHost: no name server knows it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise UnknownHost(f"The host {host} is not known: {exc}") from exc
    addresses = [str(entry[4][0]) for entry in found]
    # One bad one is enough: else a name with two addresses gets in by the second.
    for address in addresses:
        if not is_allowed(ipaddress.ip_address(address.partition("%")[0]), host):
            raise ForbiddenAddress(_refusal(host))
    return addresses[0]


def is_allowed(address: Address, host: str) -> bool:
    """Whether requests may go there: public addresses, and what `settings.WEBHOOK_ALLOWED` names."""
    address = led_to(address)
    allowed: Sequence[str] = settings.WEBHOOK_ALLOWED
    return _is_public(address) or any(host == entry or _is_in(address, entry) for entry in allowed)


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or any(address in network for network in _INSIDE):
        return False
    # Python calls more of IPv6 global than is routed: fec0::/10, 64:ff9b:1::/48, ::a.b.c.d.
    return isinstance(address, ipaddress.IPv4Address) or address in _IPV6_INTERNET


def _is_in(address: Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _refusal(host: str) -> str:
    return (
        f"{host} is not on the public internet. An admin can allow it with WEBHOOK_ALLOW, "
        "a list of hosts and networks."
    )

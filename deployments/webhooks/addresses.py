"""Where a webhook may lead: the public internet, and what the installation's admin allows besides.

The address is looked up once, checked, and then connected to as it is: a name that
answers differently the second time gains nothing.
"""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_URL = 500
_IPV6_INTERNET = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
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
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is no address; they look like https://example.org/hooks/timoneiro."
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "Begin with https:// or http:// and name a host."
    if parts.username or parts.password:
        return "Leave out user and password: requests are signed instead."
    if port == 0 or parts.fragment or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        return "Leave out spaces, control characters and what follows #."
    if not url.isascii():
        return "Write it as it is sent: the host as xn--..., other letters as %C3%A9."
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return ""
    return "" if is_allowed(literal, parts.hostname) else _refusal(parts.hostname)


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
    address = _led_to(address)
    allowed: Sequence[str] = settings.WEBHOOK_ALLOWED
    return _is_public(address) or any(host == entry or _is_in(address, entry) for entry in allowed)


def _led_to(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where packets end up there."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


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

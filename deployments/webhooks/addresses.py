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
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    allowed: Sequence[str] = settings.WEBHOOK_ALLOWED
    return (address.is_global and not address.is_multicast) or any(
        host == entry or _is_in(address, entry) for entry in allowed
    )


def _is_in(address: Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _refusal(host: str) -> str:
    return (
        f"{host} is not on the public internet. An admin can allow it with WEBHOOK_ALLOWED, "
        "a list of hosts and networks."
    )

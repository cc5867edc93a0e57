"""Addresses that people type: of web services, and of hosts alone; and where some of them lead."""

import ipaddress
import re
from urllib.parse import urlsplit

from deployments.spec.reader import Reader

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What clouds tell a machine about itself, keys included; and what is of one wire alone.
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
)


def read_node_address(reader: Reader, default: str = "") -> str:
    """The host of a cluster's node ports; "" is not known."""
    host = reader.text("node_address", default, longest=200).strip()
    if host and not _HOST.fullmatch(host):
        text = "Write a host alone, such as node1.example.com or 10.0.0.9."
        reader.wrong("node_address", text, "invalid_host")
    return host


def read_prometheus_url(reader: Reader, default: str) -> str:
    """The address of a cluster's Prometheus; "" for none."""
    url = reader.text("prometheus_url", default, longest=300).strip()
    problem = _problem_of_prometheus(url) if url else ""
    if problem:
        reader.wrong("prometheus_url", problem, "invalid_url")
    return url


def problem_of_url(url: str, *, like: str, instead: str) -> str:
    """What is wrong with an address as it is written, in words; "" when nothing is.

    `like` is one that would do, `instead` what is done instead of signing in there.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"This is no address; they look like {like}."
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "Begin with https:// or http:// and name a host."
    if parts.username is not None or parts.password is not None:
        return f"Leave out user and password: {instead}."
    if port == 0 or "#" in url or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        return "Leave out spaces, control characters and what follows #."
    if not url.isascii():
        return "Write it as it is sent: the host as xn--..., other letters as %C3%A9."
    return ""


def led_to(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where packets end up there."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_of_the_cloud(text: str) -> bool:
    """Whether an IP address is link-local, multicast or a cloud's metadata service. A name is not.

    Private ones are let through: a Prometheus is usually inside.
    """
    try:
        address = led_to(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    return address.is_multicast or any(address in network for network in _METADATA)


def _problem_of_prometheus(url: str) -> str:
    written = problem_of_url(
        url, like="http://prometheus.example.com:9090", instead="Prometheus is asked without"
    )
    if written:
        return written
    if "?" in url:
        return "Leave out what follows the question mark: write the address that its paths begin with."
    host = urlsplit(url).hostname or ""
    if is_of_the_cloud(host):
        return f"{host} is link-local or a cloud's metadata service: no Prometheus is asked there."
    return ""

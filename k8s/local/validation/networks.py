"""Rules for NetworkPolicies, which are kept and checked: no network stands between processes of a machine."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, Final

from k8s.local.errors import Cause
from k8s.local.store import Object
from k8s.local.validation import causes as say

_TYPES: Final = ("Egress", "Ingress")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")


def network_policy(obj: Object) -> list[Cause]:
    """A NetworkPolicy."""
    spec = obj.get("spec", {})
    found = _selector("spec.podSelector", spec.get("podSelector", {}))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                found += _port(f"{at}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers) or ()):
                found += _peer(f"{at}.{peers}[{number}]", peer)
    for index, name in enumerate(spec.get("policyTypes") or ()):
        found += say.one_of(f"spec.policyTypes[{index}]", name, _TYPES)
    return found


def _peer(at: str, peer: dict[str, Any]) -> list[Cause]:
    selectors = [name for name in ("namespaceSelector", "podSelector") if name in peer]
    block = peer.get("ipBlock")
    if not selectors and block is None:
        return [say.required(at, "must specify a peer")]
    if selectors and block is not None:
        return [say.forbidden(at, "may not specify both ipBlock and another peer")]
    if block is not None:
        return _block(f"{at}.ipBlock", block)
    return [cause for name in selectors for cause in _selector(f"{at}.{name}", peer[name])]


def _block(at: str, block: dict[str, Any]) -> list[Cause]:
    found = _cidr(f"{at}.cidr", block.get("cidr", ""))
    for index, text in enumerate(block.get("except") or ()):
        found += _cidr(f"{at}.except[{index}]", text)
    return found


def _cidr(field: str, text: str) -> list[Cause]:
    if not text:
        return [say.required(field)]
    try:
        if "/" not in text:
            raise ValueError(text)
        ip_network(text, strict=False)
    except ValueError:
        return [say.invalid(field, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    return []


def _port(at: str, port: dict[str, Any]) -> list[Cause]:
    found = say.one_of(f"{at}.protocol", port.get("protocol", "TCP"), _PROTOCOLS)
    if isinstance(port.get("port"), int):
        found += say.port(f"{at}.port", port["port"])
    return found


def _selector(field: str, selector: dict[str, Any]) -> list[Cause]:
    return say.labels(f"{field}.matchLabels", selector.get("matchLabels") or {})

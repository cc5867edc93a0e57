"""Cluster addresses and node ports of Services.

Cluster addresses are loopback addresses, so that on this machine they really answer.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterable
from typing import Any, Final

from k8s.local import errors
from k8s.local.store import Object, Store
from k8s.local.validation import causes as say
from k8s.local.validation.simple import NODE_PORTS

SERVICE_NETWORK: Final = ipaddress.ip_network("127.96.0.0/12")
#: The first addresses are kept for the cluster itself, .1 for the API as in Kubernetes.
_RESERVED: Final = 10
_ATTEMPTS: Final = 200


class Allocator:
    """Gives Services their addresses and ports. What is taken is read from the store, so nothing can leak."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._random = random.Random()  # noqa: S311 - no secret, only spread

    def allocate(self, service: Object) -> None:
        """Complete ``service`` in place; call ``carry_over`` before if it replaces another.

        Raises:
            Invalid: a wanted address or port is taken, or outside the range.
        """
        spec = service["spec"]
        others = [other["spec"] for other in self._store.list("services") if not _same(other, service)]
        if spec["type"] == "ExternalName":
            for name in ("clusterIP", "clusterIPs"):
                spec.pop(name, None)
            return
        self._address(service, others)
        if spec["type"] in ("NodePort", "LoadBalancer"):
            self._node_ports(service, others)

    def _address(self, service: Object, others: list[dict[str, Any]]) -> None:
        spec = service["spec"]
        wanted = spec.get("clusterIP") or next(iter(spec.get("clusterIPs", ())), "")
        if wanted != "None":
            taken = {other.get("clusterIP") for other in others}
            wanted = self._free_address(taken) if not wanted else _checked_address(service, wanted, taken)
        spec["clusterIP"] = wanted
        spec["clusterIPs"] = [wanted]

    def _free_address(self, taken: set[str | None]) -> str:
        for _ in range(_ATTEMPTS):
            offset = self._random.randrange(_RESERVED, SERVICE_NETWORK.num_addresses - 1)
            address = str(SERVICE_NETWORK[offset])
            if address not in taken:
                return address
        raise errors.InternalError("failed to allocate a serviceIP: range is full")

    def _node_ports(self, service: Object, others: list[dict[str, Any]]) -> None:
        taken = {port.get("nodePort") for other in others for port in other.get("ports", ())}
        for index, port in enumerate(service["spec"].get("ports", ())):
            wanted = port.get("nodePort")
            if wanted:
                _check_node_port(service, f"spec.ports[{index}].nodePort", wanted, taken)
            else:
                port["nodePort"] = self._free_node_port(taken)
            taken.add(port["nodePort"])

    def _free_node_port(self, taken: set[int | None]) -> int:
        free = [port for port in NODE_PORTS if port not in taken]
        self._random.shuffle(free)
        for port in free[:_ATTEMPTS]:
            # Another program on this machine may hold the port, which no real node would allow.
            if _is_free_here(port):
                return port
        raise errors.InternalError("failed to allocate a nodePort: range is full")


def _is_free_here(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _same(one: Object, other: Object) -> bool:
    mine, theirs = one["metadata"], other["metadata"]
    return (mine.get("namespace"), mine["name"]) == (theirs.get("namespace"), theirs["name"])


def carry_over(service: Object, replaced: Object) -> None:
    """Keep what was allocated, and give up what the type has no use for any more; changes ``service``."""
    spec, old = service["spec"], replaced["spec"]
    # A client that PUTs what it once wrote does not know the allocated values: it means to keep them.
    if spec["type"] != "ExternalName" and not spec.get("clusterIP") and old.get("clusterIP"):
        spec["clusterIP"] = old["clusterIP"]
    held = {(port["protocol"], port["port"]): port.get("nodePort") for port in old.get("ports", ())}
    exposed = spec["type"] in ("NodePort", "LoadBalancer")
    for port in spec.get("ports", ()):
        number = held.get((port["protocol"], port["port"]))
        if exposed and number and not port.get("nodePort"):
            port["nodePort"] = number
        elif not exposed and number and port.get("nodePort") == number:
            # The type was changed back: the ports are given up.
            del port["nodePort"]
    if not exposed and spec.get("externalTrafficPolicy") == old.get("externalTrafficPolicy"):
        spec.pop("externalTrafficPolicy", None)


def _checked_address(service: Object, wanted: str, taken: Iterable[str | None]) -> str:
    why = ""
    try:
        inside = ipaddress.ip_address(wanted) in SERVICE_NETWORK
    except ValueError:
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    else:
        if not inside:
            why = f"failed to allocate IP {wanted}: the provided network does not match the current range"
        elif wanted in taken:
            why = f"failed to allocate IP {wanted}: provided IP is already allocated"
    if why:
        raise _refusal(service, say.invalid("spec.clusterIPs", [wanted], why))
    return wanted


def _check_node_port(service: Object, field: str, wanted: int, taken: Iterable[int | None]) -> None:
    if wanted not in NODE_PORTS:
        why = (
            "provided port is not in the valid range. The range of valid ports is "
            f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
        )
        raise _refusal(service, say.invalid(field, wanted, why))
    if wanted in taken:
        raise _refusal(service, say.invalid(field, wanted, "provided port is already allocated"))


def _refusal(service: Object, cause: errors.Cause) -> errors.Invalid:
    return errors.Invalid("Service", service["metadata"]["name"], [cause])

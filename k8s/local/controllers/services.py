"""Services as TCP proxies on loopback: the cluster IP and the node port really answer.

Each new connection goes to the next ready pod; one that refuses is passed over. Open connections stay with
their pod for as long as it keeps them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from k8s.local.controllers.endpoints import SERVICE_LABEL, SLICES
from k8s.local.controllers.loop import Controller, key_of
from k8s.local.cookies import CookieMask
from k8s.local.events import Events
from k8s.local.store import Change, Key, Object, Store

NODE_ADDRESS: Final = "127.0.0.1"
BUSY_RETRY_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 3.0
#: What is read ahead for a slow reader before its sender is held up.
HIGH_WATER_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Listener:
    """An address of a service, and the name of the port behind it."""

    address: str
    port: int
    name: str


class ServiceProxies(Controller):
    """Opens and closes the listeners of all services, and balances over their pods."""

    watches = ("services", SLICES)

    def __init__(self, store: Store, events: Events) -> None:
        super().__init__(store)
        self._events = events
        self._servers: dict[Key, dict[Listener, asyncio.Server]] = {}
        self._opening: dict[tuple[Key, Listener], asyncio.Task[None]] = {}
        self._backends: dict[tuple[str, str], dict[str, list[tuple[str, int]]]] = {}
        self._turns: dict[tuple[str, str, str], int] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._told: set[tuple[str, Listener]] = set()

    def initial(self) -> Iterable[Key]:
        for one in self.store.list(SLICES):
            self._learn(one)
        return [key_of("services", service) for service in self.store.list("services")]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.key[0] == SLICES:
            self._learn(change.object)
            return []
        return [change.key]

    def _learn(self, changed: Object) -> None:
        namespace = changed["metadata"]["namespace"]
        service = (changed["metadata"].get("labels") or {}).get(SERVICE_LABEL, "")
        slices = [
            one
            for one in self.store.list(SLICES, namespace)
            if (one["metadata"].get("labels") or {}).get(SERVICE_LABEL) == service
        ]
        self._backends[namespace, service] = _backends(slices)

    def endpoint_for(self, namespace: str, service: str, port: str | int) -> tuple[str, int] | None:
        """The next pod address behind a service's port (by name or number); None when there is none."""
        found = self.store.find("services", namespace, service)
        if found is None:
            return None
        ports = found["spec"].get("ports") or ()
        for one in ports:
            if str(port) in (one.get("name", ""), str(one["port"])) or (not port and len(ports) == 1):
                return next(iter(self._in_turn(namespace, service, one.get("name", ""))), None)
        return None

    def _in_turn(self, namespace: str, service: str, port: str) -> list[tuple[str, int]]:
        """All backends of a port, beginning with the one whose turn it is."""
        backends = self._backends.get((namespace, service), {}).get(port, [])
        if not backends:
            return []
        turn = self._turns.get((namespace, service, port), 0) % len(backends)
        self._turns[namespace, service, port] = turn + 1
        return backends[turn:] + backends[:turn]

    # Listeners

    def reconcile(self, key: Key) -> float | None:
        service = self.store.find(*key)
        wanted = _listeners(service) if service is not None else set()
        servers = self._servers.setdefault(key, {})
        for listener in set(servers) - wanted:
            servers.pop(listener).close()
        again: float | None = None
        for listener in wanted - set(servers):
            if (key, listener) not in self._opening:
                task = asyncio.create_task(self._open(key, listener))
                self._opening[key, listener] = task
        if not servers and not wanted:
            del self._servers[key]
            self._backends.pop(key[1:], None)
        return again

    async def _open(self, key: Key, listener: Listener) -> None:
        _, namespace, name = key
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: _Inbound(self, namespace, name, listener.name),
                listener.address,
                listener.port,
                backlog=512,
                reuse_address=True,
            )
        except OSError as problem:
            self._tell(key, listener, problem)
            self.queue.add_after(key, BUSY_RETRY_SECONDS)
        else:
            self._told.discard((name, listener))
            self._servers.setdefault(key, {})[listener] = server
            self.queue.add(key)  # it may have been deleted meanwhile
        finally:
            self._opening.pop((key, listener), None)

    def _tell(self, key: Key, listener: Listener, problem: OSError) -> None:
        service = self.store.find(*key)
        if service is None or (key[2], listener) in self._told:
            return
        self._told.add((key[2], listener))
        what = "node port" if listener.address == NODE_ADDRESS else "cluster IP"
        why = (
            "is used by another program on this machine"
            if problem.errno == errno.EADDRINUSE
            else f"cannot be opened ({os.strerror(problem.errno or 0).lower()})"
        )
        told = f"{what} {listener.address}:{listener.port} {why}; trying again every {BUSY_RETRY_SECONDS:g}s"
        self._events.emit(service, "Warning", "FailedToBind", told, by="kube-proxy")

    async def stop(self) -> None:
        """Close listeners and connections."""
        await super().stop()
        for task in self._opening.values():
            task.cancel()
        for servers in self._servers.values():
            for server in servers.values():
                server.close()
        for connection in list(self._connections):
            connection.cancel()
        self._servers.clear()

    # Connections

    def connect(self, inbound: _Inbound) -> None:
        """Find a pod for a connection that has come in."""
        task = asyncio.create_task(self._connect(inbound))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connect(self, inbound: _Inbound) -> None:
        loop = asyncio.get_running_loop()
        for address, port in self._in_turn(inbound.namespace, inbound.service, inbound.port):
            # Refused, or gone without an answer: the pod has just ended. The next one will do.
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.create_connection(lambda: _Outbound(inbound), address, port)
                return
        inbound.refuse()


class _Inbound(asyncio.Protocol):
    """A client's connection; holds still until a pod has been found for it."""

    def __init__(self, proxies: ServiceProxies, namespace: str, service: str, port: str) -> None:
        self._proxies = proxies
        self.namespace, self.service, self.port = namespace, service, port
        self.transport: asyncio.Transport | None = None
        self.peer: _Outbound | None = None
        self.early = b""
        self.ended = self.no_more = False
        self._mask = CookieMask()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        self.transport.pause_reading()
        self._proxies.connect(self)

    def refuse(self) -> None:
        """No pod is there: reset, as an address without listener would."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._mask(data)
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)
        elif self.transport is not None:
            # Pythons before 3.11.4 forget a pause that `connection_made` asked for. Keep what
            # came, and pause again, which takes effect only after a resume.
            self.early += data
            self.transport.resume_reading()
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.no_more = True
        return _pass_on_end(self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        _close(self.peer, exc)

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.resume_reading()


class _Outbound(asyncio.Protocol):
    """The connection to the pod."""

    def __init__(self, peer: _Inbound) -> None:
        self.peer = peer
        self.transport: asyncio.Transport | None = None
        self.no_more = False
        self._mask = CookieMask()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        self.peer.peer = self
        if self.peer.ended or self.peer.transport is None:
            self.transport.abort()
        else:
            self.transport.write(self.peer.early)
            self.peer.early = b""
            self.peer.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.peer.transport is not None:
            self.peer.transport.write(self._mask(data))

    def eof_received(self) -> bool:
        self.no_more = True
        return _pass_on_end(self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        _close(self.peer, exc)

    def pause_writing(self) -> None:
        if self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer.transport is not None:
            self.peer.transport.resume_reading()


def _pass_on_end(other: _Inbound | _Outbound | None) -> bool:
    """One side will send no more; returns whether it stays open for what the other still has to say."""
    if other is None or other.transport is None or other.no_more:
        _close(other, None)
        return False
    if other.transport.can_write_eof() and not other.transport.is_closing():
        other.transport.write_eof()
    return True


def _close(side: _Inbound | _Outbound | None, exc: Exception | None) -> None:
    """End the other side the way this one ended."""
    if side is None or side.transport is None:
        return
    if exc is not None:
        side.transport.abort()
    else:
        side.transport.close()


def _listeners(service: Object) -> set[Listener]:
    spec = service["spec"]
    found: set[Listener] = set()
    if spec.get("type") == "ExternalName":
        return found
    address = spec.get("clusterIP", "")
    for port in spec.get("ports") or ():
        if port.get("protocol", "TCP") != "TCP":
            continue
        name = port.get("name", "")
        if address.startswith("127."):
            found.add(Listener(address, port["port"], name))
        if port.get("nodePort"):
            found.add(Listener(NODE_ADDRESS, port["nodePort"], name))
    return found


def _backends(slices: list[Object]) -> dict[str, list[tuple[str, int]]]:
    """Ready addresses by port name; where none is ready, those that still serve while they end."""
    ready: dict[str, list[tuple[str, int]]] = {}
    draining: dict[str, list[tuple[str, int]]] = {}
    for one in slices:
        for port in one.get("ports") or ():
            for endpoint in one.get("endpoints") or ():
                conditions = endpoint["conditions"]
                place = (endpoint["addresses"][0], port["port"])
                if conditions["ready"]:
                    ready.setdefault(port.get("name", ""), []).append(place)
                elif conditions["serving"]:
                    draining.setdefault(port.get("name", ""), []).append(place)
    return draining | ready

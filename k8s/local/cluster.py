"""The whole local cluster in one event loop: store, API server and, unless left out, the controllers."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web
from aiohttp.typedefs import Middleware

from k8s.local import admission, credentials
from k8s.local.persistence import SqliteJournal
from k8s.local.registry import Registry
from k8s.local.server.admin import CONTROLS, Controls
from k8s.local.server.app import create_app
from k8s.local.server.context import Context, Logs, Usage
from k8s.local.store import Store

logger = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
_STOP_SECONDS: Final = 1.0
SYSTEM_NAMESPACES: Final = ("default", "kube-system", "kube-public", "kube-node-lease")


class Workers(Controls, Protocol):
    """What runs beside the server: the controllers and the kubelets."""

    @property
    def kubelet(self) -> Logs:
        """Where the output of containers comes from."""

    @property
    def usage(self) -> Usage:
        """Where the measured use of CPU and memory comes from."""

    async def stop(self) -> None:
        """End every pod process and every loop."""


StartWorkers = Callable[[Store, Registry, Path], Awaitable[Workers]]


@dataclass
class LocalCluster:
    """A running local cluster. Make one with ``start_cluster``, end it with ``stop``."""

    directory: Path
    address: str
    token: str
    store: Store
    registry: Registry
    context: Context
    _runner: web.AppRunner
    _journal: SqliteJournal
    _workers: Workers | None = field(default=None)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig file."""
        return self.directory / "kubeconfig"

    async def stop(self) -> None:
        """End watches, pods and loops, write everything and close the port."""
        self.context.end_watches()
        await self._runner.cleanup()
        if self._workers is not None:
            await self._workers.stop()
        # The last word of the workers still belongs into the file.
        self._journal.close()


async def start_cluster(
    directory: Path,
    *,
    port: int = 0,
    workers: StartWorkers | None = None,
    middlewares: Sequence[Middleware] = (),
    faults: bool = False,
) -> LocalCluster:
    """Start a cluster whose state is in ``directory``.

    Args:
        port: 0 for the port of the last time, or any free one the first time.
        workers: starts the controllers; None for an API server alone.
        middlewares: come between authentication and the handlers.
        faults: serve the admin paths that make things go wrong (see README.md).
    Raises:
        OSError: the port is taken.
    """
    journal = await asyncio.to_thread(_open_journal, directory)
    store = Store(journal)
    registry = Registry(store)
    admission.install(registry)
    _make_system_namespaces(registry)
    context = Context(store, registry, credentials.token_in(directory))
    app = create_app(context, middlewares=middlewares, with_faults=faults)
    # Cancellation: a watch whose client has gone must not live on until its timeout.
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    bound = await _listen(runner, directory, port)
    address = f"https://{HOST}:{bound}"
    credentials.write_private(directory / "kubeconfig", credentials.kubeconfig(directory, address))
    cluster = LocalCluster(directory, address, context.token, store, registry, context, runner, journal)
    if workers is not None:
        started = await workers(store, registry, directory)
        cluster._workers = started  # noqa: SLF001 - made here
        if faults:
            app[CONTROLS].append(started)
        context.logs, context.usage = started.kubelet, started.usage
    return cluster


def _open_journal(directory: Path) -> SqliteJournal:
    directory.mkdir(parents=True, exist_ok=True)
    # Pods run under another user and pass through here to their own folders.
    directory.chmod(0o711)
    return SqliteJournal(directory / "state.sqlite3")


def _make_system_namespaces(registry: Registry) -> None:
    for name in SYSTEM_NAMESPACES:
        if registry.store.find("namespaces", "", name) is None:
            registry.create("namespaces", {"metadata": {"name": name}}, manager="kube-apiserver")


async def _listen(runner: web.AppRunner, directory: Path, port: int) -> int:
    remembered = directory / "port"
    known = int(remembered.read_text()) if remembered.exists() else 0
    tls = await asyncio.to_thread(credentials.server_tls, directory)
    try:
        site = web.TCPSite(runner, HOST, port or known, ssl_context=tls, reuse_address=True, backlog=512)
        await site.start()
    except OSError as error:
        if port or not known or error.errno != errno.EADDRINUSE:
            raise
        logger.warning("port %d is taken by another program, so the cluster's address changes", known)
        site = web.TCPSite(runner, HOST, 0, ssl_context=tls, reuse_address=True, backlog=512)
        await site.start()
    bound = int(runner.addresses[0][1])
    remembered.write_text(str(bound))
    return bound

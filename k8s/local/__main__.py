"""``python -m k8s.local --data-dir DIR``: run the local cluster until SIGTERM or Ctrl-C.

Prints ``ready https://127.0.0.1:PORT`` once it serves. The kubeconfig is DIR/kubeconfig.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from k8s.local import controllers, credentials
from k8s.local.cluster import Workers, start_cluster
from k8s.local.registry import Registry
from k8s.local.server import audit
from k8s.local.store import Store
from k8s.memory import return_large_buffers


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m k8s.local", description="A one-machine Kubernetes for real work."
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="where the cluster keeps everything")
    parser.add_argument(
        "--port", type=int, default=0, help="default: the port of the last time, or any free one"
    )
    parser.add_argument("--kubeconfig-out", type=Path, help="write a copy of the kubeconfig there, too")
    parser.add_argument("--node-config", type=Path, help="a file that declares the nodes")
    parser.add_argument(
        "--faults", action="store_true", help="serve the paths that make things go wrong on demand, for tests"
    )
    parser.add_argument(
        "--audit-log",
        type=Path,
        default=audit.file_in(os.environ.get("TIMONEIRO_AUDIT_LOGS", "")),
        help="append a line of JSON for each request to a resource; default: one in TIMONEIRO_AUDIT_LOGS",
    )
    parser.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> None:
    """Start everything, wait for a signal, stop everything."""
    nodes = controllers.load_nodes(options.node_config) if options.node_config else controllers.DEFAULT_NODES

    async def start_workers(store: Store, registry: Registry, directory: Path) -> Workers:
        return await controllers.start(store, registry, data_dir=directory, nodes=nodes)

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    directory = options.data_dir.resolve()
    cluster = await start_cluster(
        directory,
        port=options.port,
        workers=start_workers,
        middlewares=[audit.middleware(options.audit_log)] if options.audit_log else (),
        faults=options.faults,
    )
    try:
        if options.kubeconfig_out is not None:
            credentials.write_private(options.kubeconfig_out, cluster.kubeconfig.read_bytes())
        print(f"ready {cluster.address}", flush=True)
        await stopping.wait()
    finally:
        await cluster.stop()


def main() -> None:
    """Run the command line."""
    return_large_buffers()
    options = parse(sys.argv[1:])
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()

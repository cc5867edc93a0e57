"""One way of reading pods, measured in a process of its own: `python -m bench.reading WAY KUBECONFIG`.

Ways: `raw` (bytes only), `ours` (the observer's watch), `typed` (the official
client's models) for a first sync; `ours-events` and `typed-events` for a watch.
Prints one JSON object: objects read, seconds, and resident memory that the
result costs while it is held, in bytes.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from kubernetes import watch as kubernetes_watch

from k8s.client_async import LIST_SECONDS, AsyncCluster
from k8s.connect import load_kubeconfig
from k8s.watch import Changed, Listed
from k8s.watch import watch as watch_kind

# Shipped without types.
client: Any = kubernetes_client
config: Any = kubernetes_config
watch: Any = kubernetes_watch
PAGE = 500
POD_PATH = "/api/v1/pods"


def resident_bytes() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def read_raw(kubeconfig: str) -> list[bytes]:
    """The same pages, thrown at nobody."""
    pages: list[bytes] = []
    query = {"limit": str(PAGE), "resourceVersion": "0"}
    async with AsyncCluster(load_kubeconfig(kubeconfig)) as cluster:
        while True:
            page = await cluster.read(POD_PATH, query, seconds=LIST_SECONDS)
            pages.append(page)
            # Found without parsing: the token stands in the list's own metadata.
            start = page.rfind(b'"continue":"', 0, 4096)
            if start < 0:
                return pages
            token = page[start + 12 : page.index(b'"', start + 12)].decode()
            if not token:
                return pages
            query |= {"continue": token, "resourceVersion": ""}


async def read_ours(kubeconfig: str) -> list[Any]:
    async with (
        AsyncCluster(load_kubeconfig(kubeconfig)) as cluster,
        aclosing(watch_kind(cluster, "Pod")) as seen,
    ):
        async for word in seen:
            if isinstance(word, Listed):
                return list(word.facts)
    return []


async def watch_ours(kubeconfig: str, wanted: int) -> list[Any]:
    count = 0
    async with (
        AsyncCluster(load_kubeconfig(kubeconfig)) as cluster,
        aclosing(watch_kind(cluster, "Pod")) as seen,
    ):
        async for word in seen:
            count += isinstance(word, Changed)
            if count == wanted:
                break
    return [None] * count


def typed_api(kubeconfig: str) -> Any:
    config.load_kube_config(config_file=kubeconfig)
    return client.CoreV1Api()


def read_typed(api: Any) -> list[Any]:
    pods: list[Any] = []
    token = None
    while True:
        page = api.list_pod_for_all_namespaces(limit=PAGE, _continue=token)
        pods += page.items
        token = page.metadata._continue  # noqa: SLF001  the generated client's own name
        if not token:
            return pods


def watch_typed(api: Any, wanted: int) -> list[Any]:
    count = 0
    for event in watch.Watch().stream(api.list_pod_for_all_namespaces, timeout_seconds=120):
        count += event["type"] == "MODIFIED"
        if count == wanted:
            break
    return [None] * count


def main(way: str, kubeconfig: str, wanted: int) -> None:
    text = Path(kubeconfig).read_text()
    api = typed_api(kubeconfig) if way.startswith("typed") else None
    ways: dict[str, Callable[[], list[Any]]] = {
        "raw": lambda: asyncio.run(read_raw(text)),
        "ours": lambda: asyncio.run(read_ours(text)),
        "typed": lambda: read_typed(api),
        "ours-events": lambda: asyncio.run(watch_ours(text, wanted)),
        "typed-events": lambda: watch_typed(api, wanted),
    }
    before = resident_bytes()
    began = time.perf_counter()
    held = ways[way]()
    seconds = time.perf_counter() - began
    size = sum(len(page) for page in held) if way == "raw" else 0
    print(
        json.dumps({"count": len(held), "seconds": seconds, "rss": resident_bytes() - before, "size": size})
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)

"""Hollow nodes: their pods turn Running and Ready at once and end at once, without any process.

They are for measuring what a big cluster asks of its clients. Such a pod's image need
not exist, and its log is empty. It has no port to connect to; the API server's proxy to its Service
answers any request with 200 in its stead, so that whoever asks a Service whether it is well gets an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Collection
from typing import Final

from k8s.local.errors import ApiError
from k8s.local.kubelet.context import HOST_ADDRESS, Context
from k8s.local.kubelet.status import ContainerRecord, restored, set_condition, write_status
from k8s.local.store import Object, Subscription, timestamp

log = logging.getLogger(__name__)

#: So many pods are dealt with in one go, so that the API server answers in between.
BATCH: Final = 50


class HollowKubelet:
    """Plays the kubelet of every hollow node. ``start`` it once, ``stop`` it at the end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._nodes: frozenset[str] = frozenset()
        self._addresses: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._subscription: Subscription | None = None

    async def start(self, nodes: Collection[str]) -> None:
        """Take up the pods of these nodes, and watch for more."""
        self._nodes = frozenset(nodes)
        if not self._nodes:
            return
        self._subscription = self._context.store.subscribe(["pods"])
        for pod in self._context.store.list("pods"):
            if pod["spec"].get("nodeName") in self._nodes:
                self._remember(pod)
        self._task = asyncio.create_task(self._follow(self._subscription))
        self.take_up(self._nodes)

    async def stop(self) -> None:
        """The pods stay as they are in the store."""
        if self._subscription is not None:
            self._subscription.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def take_up(self, nodes: Collection[str]) -> None:
        """Bring every pod of these nodes up to date, as after their kubelet has come back."""
        for pod in self._context.store.list("pods"):
            if pod["spec"].get("nodeName") in nodes:
                self._settle(pod)
                self._say_ready(pod)

    def _say_ready(self, pod: Object) -> None:
        """Nobody but a lost node takes readiness from a hollow pod."""
        meta = pod["metadata"]
        conditions = pod.get("status", {}).get("conditions") or ()
        lost = any(one["type"] == "Ready" and one["status"] == "False" for one in conditions)
        if not lost or "deletionTimestamp" in meta:
            return

        def change(new: Object) -> None:
            set_condition(new["status"], "Ready", True, generation=meta.get("generation"))

        self._context.store.update(
            "pods", meta["namespace"], meta["name"], change, manager="kubelet", subresource="status"
        )

    async def _follow(self, subscription: Subscription) -> None:
        done = 0
        async for change in subscription:
            pod = change.object
            if pod["spec"].get("nodeName") not in self._nodes:
                continue
            try:
                if change.type == "DELETED":
                    self._free(pod)
                else:
                    self._settle(pod)
            except Exception:
                # One pod that cannot be understood must not stop all others.
                log.exception("hollow pod %s/%s", *change.key[1:])
            done += 1
            if done % BATCH == 0:
                await asyncio.sleep(0)

    def _settle(self, seen: Object) -> None:
        """Start or end the pod, if that is still to be done."""
        meta, store = seen["metadata"], self._context.store
        if seen["spec"]["nodeName"] in self._context.silent_nodes:
            return
        if "deletionTimestamp" not in meta and seen.get("status", {}).get("containerStatuses"):
            return
        pod = store.find("pods", meta["namespace"], meta["name"])
        if pod is None or pod["metadata"]["uid"] != meta["uid"]:
            return
        if "deletionTimestamp" in pod["metadata"]:
            with contextlib.suppress(ApiError):
                store.delete("pods", meta["namespace"], meta["name"], grace_seconds=0, expect_uid=meta["uid"])
        elif not pod.get("status", {}).get("containerStatuses"):
            self._run(pod)

    def _run(self, pod: Object) -> None:
        address = self._address_of(pod)
        init = [_ended(pod, spec) for spec in pod["spec"].get("initContainers") or ()]
        main = [_running(pod, spec) for spec in pod["spec"]["containers"]]

        def change(new: Object) -> None:
            write_status(new, init, main, address=address, host=HOST_ADDRESS)

        meta = pod["metadata"]
        self._context.store.update(
            "pods", meta["namespace"], meta["name"], change, manager="kubelet", subresource="status"
        )

    def _address_of(self, pod: Object) -> str:
        uid = pod["metadata"]["uid"]
        if uid not in self._addresses:
            self._addresses[uid] = self._context.addresses.take()
        return self._addresses[uid]

    def _remember(self, pod: Object) -> None:
        """A pod from before a restart of the cluster keeps its address."""
        address = pod.get("status", {}).get("podIP", "")
        if self._context.addresses.keep(address):
            self._addresses[pod["metadata"]["uid"]] = address

    def _free(self, pod: Object) -> None:
        address = self._addresses.pop(pod["metadata"]["uid"], "")
        if address:
            self._context.addresses.free(address)


def _running(pod: Object, spec: Object) -> ContainerRecord:
    record = restored(pod, spec)
    record.container_id = f"hollow://{secrets.token_hex(32)}"
    record.image_id = spec["image"]
    record.state = {"running": {"startedAt": timestamp()}}
    record.ready = record.started = True
    return record


def _ended(pod: Object, spec: Object) -> ContainerRecord:
    record = restored(pod, spec, init=True)
    record.container_id = f"hollow://{secrets.token_hex(32)}"
    record.image_id = spec["image"]
    now = timestamp()
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
    record.state = {"terminated": {**ended, "containerID": record.container_id}}
    record.ready = record.finished = True
    return record

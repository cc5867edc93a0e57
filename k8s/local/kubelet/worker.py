"""One pod on this machine, from its binding to its last process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import Any

from k8s.local.amounts import amount
from k8s.local.errors import ApiError
from k8s.local.kubelet.container import Container
from k8s.local.kubelet.context import HOST_ADDRESS, Context
from k8s.local.kubelet.environment import ConfigError, volume_files
from k8s.local.kubelet.images import ImageError
from k8s.local.kubelet.process import memory_bytes
from k8s.local.kubelet.programs import wanted_user
from k8s.local.kubelet.status import WAITING_FOR_INIT, ContainerRecord, restored, write_status
from k8s.local.store import Object

log = logging.getLogger(__name__)
MOUNT_RETRY_SECONDS = 2.0


class PodWorker:
    """Runs one pod and keeps its status true until it is gone."""

    def __init__(self, context: Context, pod: Object) -> None:
        self._context = context
        self._pod = pod
        meta, spec = pod["metadata"], pod["spec"]
        self.uid: str = meta["uid"]
        self._key = (meta["namespace"], meta["name"])
        self._address = ""
        self._init = [self._container(pod, part, init=True) for part in spec.get("initContainers") or ()]
        self._main = [self._container(pod, part) for part in spec["containers"]]
        if self._init:
            for container in self._main:
                container.record.state = dict(WAITING_FOR_INIT)
        self._life = asyncio.create_task(self._live())
        self._ending: asyncio.Task[None] | None = None
        self._grace: float | None = None

    def _container(self, pod: Object, spec: Object, *, init: bool = False) -> Container:
        record = restored(pod, spec, init=init)
        return Container(self._context, record, self.newest, self.store_status)

    def newest(self) -> Object:
        """The pod as last seen in the store."""
        found = self._context.store.find("pods", *self._key)
        if found is not None and found["metadata"]["uid"] == self.uid:
            self._pod = found
        return self._pod

    @property
    def over(self) -> bool:
        """Whether nothing of the pod is left to do."""
        return self._life.done() and (self._ending is None or self._ending.done())

    @property
    def containers(self) -> list[Container]:
        """All of them, init containers first."""
        return [*self._init, *self._main]

    # Living

    async def _live(self) -> None:
        try:
            await self._prepare()
            for container in self._init:
                if await container.run():
                    return
            for container in self._main:
                if container.record.state == WAITING_FOR_INIT:
                    container.record.state = {"waiting": {"reason": "ContainerCreating"}}
            await asyncio.gather(*(container.run() for container in self._main))
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("the pod %s/%s cannot go on", *self._key)
        finally:
            self._release()

    async def _prepare(self) -> None:
        self.store_status()
        while not self._mount():  # noqa: ASYNC110 - what is missing may come in many ways
            await asyncio.sleep(MOUNT_RETRY_SECONDS)
        old = self.newest().get("status", {}).get("podIP", "")
        addresses = self._context.addresses
        self._address = old if addresses.keep(old) else addresses.take()
        for container in self.containers:
            container.address = self._address
        self.store_status()

    def _mount(self) -> bool:
        """Write the volumes' files; False when something they need is missing."""
        pod = self.newest()
        ready = True
        for volume in pod["spec"].get("volumes") or ():
            try:
                files = volume_files(self._context.store, pod, volume)
            except ConfigError as problem:
                told = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
                self._context.emit(pod, "Warning", "FailedMount", told)
                ready = False
                continue
            if files is not None:
                self._write_volume(pod, volume["name"], files)
        return ready

    def _write_volume(self, pod: Object, name: str, files: dict[str, bytes]) -> None:
        folder = self._context.sandboxes.volume_folder(pod, name, self._user(pod))
        for path, content in files.items():
            target = (folder / path).resolve()
            if target.is_relative_to(folder.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                target.chmod(0o644)

    def _user(self, pod: Object) -> int | None:
        first = pod["spec"]["containers"][0]
        try:
            image = self._context.images.pull(first["image"])
            return self._context.users.user_for(wanted_user(pod, first, image))
        except (ImageError, ConfigError):
            return self._context.users.user_for(0)

    def _release(self) -> None:
        if self._address and not any(c.process is not None and c.process.running for c in self.containers):
            self._context.addresses.free(self._address)

    def check_memory(self) -> None:
        """End containers that hold more than their limit."""
        for container in self.containers:
            limits = (container.record.spec.get("resources") or {}).get("limits") or {}
            process = container.process
            if "memory" in limits and process is not None and process.running:
                container.check_memory(memory_bytes(process.pid), int(amount(limits["memory"])))

    # Ending

    def end(self, grace_seconds: float, *, removed: bool = False) -> None:
        """End the pod; calling again can only shorten the grace. ``removed``: the store has it no more."""
        if self._ending is None:
            self._grace = grace_seconds
            self._ending = asyncio.create_task(self._end(grace_seconds, removed))
        elif self._grace is not None and grace_seconds < self._grace:
            self._grace = grace_seconds
            asyncio.get_running_loop().call_later(grace_seconds, self.kill)

    def kill(self) -> None:
        """End every process now."""
        for container in self.containers:
            if container.process is not None:
                container.process.kill()

    async def gone(self) -> None:
        """Wait until the end that was asked for has come."""
        if self._ending is not None:
            await asyncio.wait([self._ending])

    async def _end(self, grace: float, removed: bool) -> None:
        self._life.cancel()
        for container in self.containers:
            container.cancel_probes()
        stops = [container.stop(grace, self._stopping(container.record)) for container in self.containers]
        await asyncio.gather(*stops)
        await asyncio.wait([self._life])
        for container in self.containers:
            container.settle()
            container.record.finished = True
        self._release()
        if not removed:
            self._remove()

    @staticmethod
    def _stopping(record: ContainerRecord) -> str:
        return f"Stopping container {record.name}"

    def catch_up(self) -> None:
        """Tell what has happened while the node's kubelet was stopped."""
        if self._ending is not None and self._ending.done():
            self._remove()
        else:
            self.store_status()

    def freeze(self, *, frozen: bool) -> None:
        """Stop every process where it stands, or let it go on."""
        for container in self.containers:
            if container.process is not None:
                container.process.signal_group(signal.SIGSTOP if frozen else signal.SIGCONT)

    def _remove(self) -> None:
        store = self._context.store
        if self._context.is_silent(self.newest()):
            return
        self.store_status()
        with contextlib.suppress(ApiError):
            store.delete("pods", *self._key, grace_seconds=0, expect_uid=self.uid)

    async def halt(self) -> None:
        """The cluster stops: end the processes, leave the pod as it is in the store."""
        self._life.cancel()
        for container in self.containers:
            container.cancel_probes()
            container.changed = _nothing
        running = [c.process for c in self.containers if c.process is not None and c.process.running]
        await asyncio.gather(*(process.stop(HALT_GRACE_SECONDS) for process in running))
        for container in self.containers:
            container.settle()
        tasks: list[asyncio.Task[Any]] = [self._life]
        if self._ending is not None:
            self._ending.cancel()
            tasks.append(self._ending)
        await asyncio.wait(tasks)

    # Telling

    def store_status(self) -> None:
        """Write what the containers are doing into the pod's status."""
        found = self._context.store.find("pods", *self._key)
        if found is None or found["metadata"]["uid"] != self.uid or self._context.is_silent(found):
            return

        def change(pod: Object) -> None:
            write_status(
                pod,
                [container.record for container in self._init],
                [container.record for container in self._main],
                address=self._address,
                host=HOST_ADDRESS,
            )

        self._context.store.update("pods", *self._key, change, manager="kubelet", subresource="status")


HALT_GRACE_SECONDS = 2.0


def _nothing() -> None:
    """A status that nobody stores any more."""

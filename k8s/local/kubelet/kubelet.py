"""The kubelet: notices pods bound to this machine's nodes and has a worker run each of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from k8s.local import errors
from k8s.local.events import Events
from k8s.local.kubelet import logs
from k8s.local.kubelet.context import HOST_ADDRESS, Context, Timing
from k8s.local.kubelet.images import SHIPPED, ImageStore
from k8s.local.kubelet.logs import LogQuery
from k8s.local.kubelet.process import ProcessLedger
from k8s.local.kubelet.sandbox import PodAddresses, Sandboxes, Users
from k8s.local.kubelet.worker import PodWorker
from k8s.local.store import Change, Object, Store

log = logging.getLogger(__name__)
OVER = ("Succeeded", "Failed")
#: Only told in messages: nothing listens there.
KUBELET_PORT = 10250


class KubeletGone(errors.ApiError):
    """500 without a reason: nobody answers for the node."""

    code = 500
    reason = ""


class Kubelet:
    """Runs the pods of all nodes of this cluster. ``start`` it once, ``stop`` it at the end."""

    def __init__(
        self,
        store: Store,
        events: Events,
        *,
        data_dir: Path,
        timing: Timing | None = None,
        images: Path = SHIPPED,
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._store = store
        self._data_dir = data_dir
        self.context = Context(
            store=store,
            events=events,
            images=ImageStore(images),
            sandboxes=Sandboxes(data_dir),
            addresses=PodAddresses(_remembered_network(data_dir)),
            users=Users(),
            ledger=ProcessLedger(data_dir / "processes"),
            log_root=data_dir / "logs",
            timing=timing or Timing(),
        )
        (data_dir / "pod-network").write_text(str(self.context.addresses.network))
        self._workers: dict[str, PodWorker] = {}
        self._nodes: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def images(self) -> ImageStore:
        """What this kubelet can run."""
        return self.context.images

    async def start(self, nodes: Collection[str]) -> None:
        """End what an earlier run left behind, take up the pods of these nodes and watch for more."""
        self._nodes = set(nodes)
        if ended := self.context.ledger.end_leftovers():
            log.warning("ended %d processes that an earlier run of the cluster left behind", ended)
        await self.context.users.prepare()
        subscription = self._store.subscribe(["pods"])
        pods = self._store.list("pods")
        self._forget_logs_of_gone_pods(pods)
        for pod in pods:
            self._take_up(pod)
        self._tasks = [
            asyncio.create_task(self._follow(subscription)),
            asyncio.create_task(self._check_memory()),
        ]

    def stop_node(self, node: str) -> None:
        """Do and tell nothing more on that node, as if its kubelet had been stopped. Containers go on."""
        self.context.silent_nodes.add(node)

    def start_node(self, node: str) -> None:
        """Take up the node's pods again, and tell what has happened to them meanwhile."""
        self.context.silent_nodes.discard(node)
        if node not in self._nodes:
            return
        there = {pod["metadata"]["uid"]: pod for pod in self._store.list("pods")}
        for uid, worker in list(self._workers.items()):
            if worker.newest()["spec"].get("nodeName") != node:
                continue
            if uid in there:
                worker.catch_up()
            else:
                self._gone(worker.newest())
        for pod in there.values():
            if pod["spec"].get("nodeName") == node:
                self._take_up(pod)

    def freeze_pod(self, pod: Object, *, frozen: bool) -> None:
        """Stop the pod's processes where they stand (they answer nobody), or let them go on."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is not None:
            worker.freeze(frozen=frozen)

    async def stop(self) -> None:
        """End every pod's processes, all at once; the pods stay stored and come back at the next start."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(worker.halt() for worker in self._workers.values()))
        self._workers.clear()
        self.context.sandboxes.close()
        self.context.addresses.close()

    # Pods

    async def _follow(self, subscription: AsyncIterator[Change]) -> None:
        async for change in subscription:
            try:
                if self.context.is_silent(change.object):
                    continue
                if change.type == "DELETED":
                    self._gone(change.object)
                else:
                    self._take_up(change.object)
            except Exception:
                # One pod that cannot be understood must not stop all others.
                log.exception("pod %s/%s", *change.key[1:])

    def _take_up(self, pod: Object) -> None:
        if pod["spec"].get("nodeName") not in self._nodes:
            return
        meta, uid = pod["metadata"], pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        ending = "deletionTimestamp" in meta
        if worker is None:
            if pod.get("status", {}).get("phase") in OVER:
                return
            current = self._store.find("pods", meta["namespace"], meta["name"])
            if current is None or current["metadata"]["uid"] != uid:
                return
            worker = self._workers[uid] = PodWorker(self.context, pod)
        if ending:
            worker.end(meta.get("deletionGracePeriodSeconds", 0))

    def _gone(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.pop(uid, None)
        task = asyncio.create_task(self._clean_up(worker, pod))
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def _clean_up(self, worker: PodWorker | None, pod: Object) -> None:
        if worker is not None:
            worker.end(0, removed=True)
            await worker.gone()
        self.context.sandboxes.remove_pod(pod["metadata"]["uid"])
        shutil.rmtree(self.context.log_folder(pod), ignore_errors=True)

    async def _check_memory(self) -> None:
        while True:
            await asyncio.sleep(self.context.timing.memory_check)
            for worker in list(self._workers.values()):
                worker.check_memory()

    def _forget_logs_of_gone_pods(self, pods: list[Object]) -> None:
        known = {self.context.log_folder(pod).name for pod in pods}
        if self.context.log_root.exists():
            for folder in list(self.context.log_root.iterdir()):
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)

    def process_of(self, pod: Object, container: str) -> int | None:
        """The process id of a running container, for measuring it; None when it does not run."""
        worker = self._workers.get(pod["metadata"]["uid"])
        for part in worker.containers if worker else ():
            if part.record.name == container and part.process is not None and part.process.running:
                return part.process.pid
        return None

    # Logs

    async def read_logs(
        self,
        pod: Object,
        container: str | None = None,
        *,
        previous: bool = False,
        tail_lines: int | None = None,
        since_seconds: int | None = None,
        since_time: str | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
        follow: bool = False,
    ) -> AsyncIterator[bytes]:
        """Check the request, then hand out the log: ``async for chunk in await kubelet.read_logs(...)``.

        A pod that is on no node yet has an empty log.

        Raises:
            BadRequest: no such container, or it has not started (with the texts of a real cluster).
            KubeletGone: the pod's node does not answer.
        """
        if not pod["spec"].get("nodeName"):
            return _nothing()
        name = _container_name(pod, container)
        if self.context.is_silent(pod):
            meta, port = pod["metadata"], f"{HOST_ADDRESS}:{KUBELET_PORT}"
            url = f"https://{port}/containerLogs/{meta['namespace']}/{meta['name']}/{name}"
            raise KubeletGone(f'Get "{url}": dial tcp {port}: connect: connection refused')
        status = _container_status(pod, name)
        run = _run_to_read(pod, name, status, previous)
        if run is None:
            return _nothing()
        path = self.context.log_path(pod, name, run)
        if not path.exists():
            return _text(f"unable to retrieve container logs for {_container_id(status, previous)}")
        query = LogQuery(tail_lines, _since(since_seconds, since_time), timestamps, limit_bytes, follow)
        return logs.read(path, query, self.context.open_logs.get(path))


def _container_name(pod: Object, asked: str | None) -> str:
    spec = pod["spec"]
    main = [part["name"] for part in spec["containers"]]
    init = [part["name"] for part in spec.get("initContainers") or ()]
    pod_name = pod["metadata"]["name"]
    if asked:
        if asked not in main + init:
            raise errors.BadRequest(f"container {asked} is not valid for pod {pod_name}")
        return asked
    if len(main) > 1:
        choice = f"choose one of: [{' '.join(main)}]"
        if init:
            choice += f" or one of the init containers: [{' '.join(init)}]"
        raise errors.BadRequest(f"a container name must be specified for pod {pod_name}, {choice}")
    return str(main[0])


def _container_status(pod: Object, name: str) -> Object | None:
    status = pod.get("status", {})
    known = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return next((entry for entry in known if entry["name"] == name), None)


def _run_to_read(pod: Object, name: str, status: Object | None, previous: bool) -> int | None:
    """The number of the run whose log is asked for; None when there is nothing in it."""
    where = f'container "{name}" in pod "{pod["metadata"]["name"]}"'
    if status is None:
        raise errors.BadRequest(f"{where} is waiting to start: ContainerCreating")
    state, restarts = status["state"], int(status["restartCount"])
    ended_before = "terminated" in status["lastState"]
    if previous:
        if not ended_before or restarts == 0:
            raise errors.BadRequest(f"previous terminated {where} not found")
        # Waiting between two runs: the count has not grown for the next one yet.
        return restarts if "waiting" in state else restarts - 1
    if "waiting" not in state:
        return restarts
    if ended_before:
        if status["lastState"]["terminated"].get("reason") == "StartError":
            return None
        return restarts
    reason = state["waiting"].get("reason", "")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        reason = "trying and failing to pull image"
    raise errors.BadRequest(f"{where} is waiting to start: {reason}")


def _container_id(status: Object | None, previous: bool) -> str:
    if status is None:
        return ""
    if previous:
        return str(status["lastState"].get("terminated", {}).get("containerID", ""))
    return str(status.get("containerID", ""))


def _since(seconds: int | None, moment: str | None) -> str:
    """Nanosecond text that compares with the log's own timestamps; "" for no limit."""
    if seconds is not None:
        try:
            start = datetime.now(UTC) - timedelta(seconds=seconds)
        except OverflowError:
            return ""  # before there were calendars: everything
    elif moment:
        try:
            start = datetime.fromisoformat(moment).astimezone(UTC)
        except ValueError as problem:
            raise errors.BadRequest(f'parsing time "{moment}": {problem}') from problem
    else:
        return ""
    return start.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


async def _nothing() -> AsyncIterator[bytes]:
    for piece in tuple[bytes, ...]():
        yield piece


async def _text(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


def _remembered_network(data_dir: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((data_dir / "pod-network").read_text())
    return None

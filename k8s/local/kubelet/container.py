"""One container of a pod: pulled, started, probed, restarted, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from k8s.local.kubelet.context import Context
from k8s.local.kubelet.environment import ConfigError, container_environment
from k8s.local.kubelet.images import Image, ImageError
from k8s.local.kubelet.logs import LogFile
from k8s.local.kubelet.probes import Finding, Probe
from k8s.local.kubelet.process import ContainerProcess, Program
from k8s.local.kubelet.programs import (
    CannotStart,
    arguments,
    base_environment,
    command_line,
    wanted_user,
    with_mounts,
)
from k8s.local.kubelet.pulling import Puller
from k8s.local.kubelet.status import ContainerRecord
from k8s.local.store import Object, timestamp

#: How long CrashLoopBackOff is shown.
CRASH_LOOP_SHOWN_SECONDS = 0.1
CRASH_LOOP_SHOWN_AFTER_SECONDS = 60.0
#: A kubelet repeats its BackOff event with each of its rounds.
BACK_OFF_EVENT_SECONDS = 12.0
LEAST_GRACE_SECONDS = 2.0


@dataclass
class Container:
    """Runs one container. ``pod`` gives the newest pod object; ``changed`` has its status stored."""

    context: Context
    record: ContainerRecord
    pod: Callable[[], Object]
    changed: Callable[[], None]
    address: str = ""

    def __post_init__(self) -> None:
        self.process: ContainerProcess | None = None
        self._puller = Puller(self.context, self.record.spec, self._emit, self._wait)
        self._image: Image | None = None
        self._log: LogFile | None = None
        self._probes: list[asyncio.Task[None]] = []
        self._crashes = 0
        self._started_at = 0.0
        self._out_of_memory = False
        self._stopping: asyncio.Task[Any] | None = None

    async def run(self) -> int:
        """Keep it as the restart policy wants; returns the last exit code once it stays ended."""
        while True:
            image = self._image = await self._puller.pulled()
            try:
                await self._configured_and_started(image)
            except CannotStart as problem:
                self._could_not_start(str(problem))
                code = 128
            else:
                assert self.process is not None  # noqa: S101
                code = await asyncio.shield(self.process.exited)
                self._ended(code)
            if not self._restarts(code):
                self.record.finished = True
                self.changed()
                return code
            await self._back_off()
            self.record.restarts += 1

    # Starting

    async def _configured_and_started(self, image: Image) -> None:
        while True:
            try:
                self._start(self._program(image))
                return
            except ConfigError as problem:
                self._wait("CreateContainerConfigError", str(problem))
            await asyncio.sleep(self.context.timing.config_retry)

    def _program(self, image: Image) -> Program:
        pod, spec, context = self.pod(), self.record.spec, self.context
        user = context.users.user_for(wanted_user(pod, spec, image))
        folder = context.sandboxes.image_folder(image.digest)
        image.unpack(folder)
        home = context.sandboxes.container_folder(pod, self.record.name, user)
        mounts = {
            mount["mountPath"]: context.sandboxes.volume_folder(pod, mount["name"], user)
            for mount in spec.get("volumeMounts") or ()
        }
        asked = with_mounts(container_environment(context.store, pod, spec), mounts)
        environment = base_environment(pod, image, image_folder=folder, home=home) | asked
        environment["LOCAL_CLUSTER_POD_IP"] = self.address
        return Program(
            arguments(spec, image, context.users.interpreter, environment), environment, home, user
        )

    def _start(self, program: Program) -> None:
        pod, record = self.pod(), self.record
        path = self.context.log_path(pod, record.name, record.restarts)
        self._forget_old_logs(record.restarts)
        log = LogFile(path)
        try:
            process = ContainerProcess(program, log.write)
        except OSError as problem:
            log.close()
            raise CannotStart(f"cannot start {program.argv[0]}: {problem}") from problem
        self._log, self.process = log, process
        self.context.open_logs[path] = log
        self.context.ledger.add(process.pid)
        self._started_at = asyncio.get_running_loop().time()
        record.last = _as_last(record)
        record.container_id = f"local://{secrets.token_hex(32)}"
        record.image_id = self._image.image_id if self._image else ""
        record.state = {"running": {"startedAt": timestamp()}}
        record.started = "startupProbe" not in record.spec
        record.ready = record.started and "readinessProbe" not in record.spec and not record.init
        self._emit("Normal", "Created", "Container created")
        self._emit("Normal", "Started", "Container started")
        self.changed()
        self._watch_health()

    def _forget_old_logs(self, restarts: int) -> None:
        # As a kubelet: this run's log and the one before it.
        old = self.context.log_path(self.pod(), self.record.name, restarts - 2)
        for path in old.parent.glob(f"{old.name}*"):
            path.unlink(missing_ok=True)

    def _could_not_start(self, problem: str) -> None:
        record = self.record
        record.container_id = record.container_id or f"local://{secrets.token_hex(32)}"
        record.last = {
            "terminated": {
                "exitCode": 128,
                "reason": "StartError",
                "message": problem,
                "startedAt": "1970-01-01T00:00:00Z",
                "finishedAt": timestamp(),
                "containerID": record.container_id,
            }
        }
        self._wait("RunContainerError", problem)

    # Health

    def _watch_health(self) -> None:
        if "startupProbe" in self.record.spec:
            self._begin_probe("Startup", self._startup)
        else:
            self._begin_later_probes()

    def _begin_later_probes(self) -> None:
        self._begin_probe("Readiness", self._readiness)
        self._begin_probe("Liveness", self._liveness)

    def _begin_probe(self, kind: str, report: Callable[[Finding], None]) -> None:
        spec = self.record.spec.get(f"{kind.lower()}Probe")
        if spec:
            probe = Probe.of(kind, spec, self.record.spec, self.address)
            self._probes.append(asyncio.create_task(probe.watch(self.run_command, report)))

    def _startup(self, finding: Finding) -> None:
        if finding.ok and not self.record.started:
            self.record.started = True
            self.record.ready = "readinessProbe" not in self.record.spec
            self._begin_later_probes()
            self.changed()
            self._probes.pop(0).cancel()
        elif not finding.ok:
            self._unhealthy("Startup", finding)

    def _readiness(self, finding: Finding) -> None:
        if not finding.ok:
            self._emit("Warning", "Unhealthy", f"Readiness probe failed: {finding.why}")
        if finding.decided and self.record.ready != finding.ok:
            self.record.ready = finding.ok
            self.changed()

    def _liveness(self, finding: Finding) -> None:
        if not finding.ok:
            self._unhealthy("Liveness", finding)

    def _unhealthy(self, kind: str, finding: Finding) -> None:
        self._emit("Warning", "Unhealthy", f"{kind} probe failed: {finding.why}")
        if finding.decided and self._stopping is None:
            name = self.record.name
            told = f"Container {name} failed {kind.lower()} probe, will be restarted"
            spec = self.record.spec[f"{kind.lower()}Probe"]
            grace = spec.get("terminationGracePeriodSeconds", self._grace())
            self._stopping = asyncio.create_task(self.stop(grace, told))

    def _grace(self) -> float:
        return float(self.pod()["spec"].get("terminationGracePeriodSeconds", 30))

    async def run_command(self, words: list[str], seconds: float) -> tuple[int, str]:
        """Run a harmless command beside the container; returns exit code and output."""
        own = self._image.command if self._image else ("python3",)
        user = self.context.users.user_for(0)
        try:
            argv = command_line(words, own, self.context.users.interpreter)
            process = await asyncio.create_subprocess_exec(
                *argv,
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        except (CannotStart, OSError, IndexError) as problem:
            return 126, str(problem)
        try:
            output, _ = await asyncio.wait_for(process.communicate(), seconds)
        except TimeoutError:
            return 124, f"command timed out: {' '.join(words)!r} timed out after {seconds:g}s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output.decode(errors="replace")

    def check_memory(self, used_bytes: int, limit_bytes: int) -> None:
        """End the container when it holds more than it may."""
        if used_bytes > limit_bytes and self.process is not None and self.process.running:
            self._out_of_memory = True
            self.process.kill()

    # Ending

    async def stop(self, grace_seconds: float, told: str) -> None:
        """preStop, SIGTERM, and SIGKILL when the grace is over."""
        process = self.process
        if process is None or not process.running:
            return
        self._emit("Normal", "Killing", told)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_seconds
        hook = (self.record.spec.get("lifecycle") or {}).get("preStop")
        if hook and grace_seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await self._run_hook(hook, process)
            deadline = max(deadline, loop.time() + LEAST_GRACE_SECONDS)
        await process.stop(max(0.0, deadline - loop.time()) if grace_seconds > 0 else 0)

    async def _run_hook(self, hook: Object, process: ContainerProcess) -> None:
        action: asyncio.Task[Any]
        if "sleep" in hook:
            action = asyncio.create_task(asyncio.sleep(hook["sleep"]["seconds"]))
        elif "exec" in hook:
            action = asyncio.create_task(self.run_command(hook["exec"].get("command") or [], 3600))
        else:
            spec = {"httpGet": hook.get("httpGet"), "timeoutSeconds": 30}
            probe = Probe.of("PreStop", spec, self.record.spec, self.address)
            action = asyncio.create_task(probe.check(self.run_command))
        try:
            # A program that ends by itself meanwhile does not wait for the hook.
            await asyncio.wait([action, process.exited], return_when=asyncio.FIRST_COMPLETED)
            if action.done() and not action.cancelled() and isinstance(action.result(), tuple):
                code, output = action.result()
                if code:
                    self._emit("Warning", "FailedPreStopHook", f"PreStopHook failed: {output}")
        except ImageError as problem:
            self._emit("Warning", "FailedPreStopHook", f"PreStopHook failed: {problem}")
        finally:
            action.cancel()

    def cancel_probes(self) -> None:
        """No more probes."""
        for task in self._probes:
            task.cancel()
        self._probes.clear()

    def settle(self) -> None:
        """Take note of an end that ``run`` is no longer there to see."""
        if self.process is not None and self.process.exited.done() and "running" in self.record.state:
            self._ended(self.process.exited.result())

    def _ended(self, code: int) -> None:
        self.cancel_probes()
        record, process = self.record, self.process
        if process is not None:
            self.context.ledger.forget(process.pid)
        if self._log is not None:
            self._log.close()
            self.context.open_logs.pop(self._log.path, None)
        ran = asyncio.get_running_loop().time() - self._started_at
        if ran >= self.context.timing.forgive_after:
            self._crashes = 0
        reason = "Completed" if code == 0 else "Error"
        if self._out_of_memory:
            code, reason = 137, "OOMKilled"
        self._out_of_memory, self._stopping = False, None
        record.ready = record.started = False
        record.state = {
            "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": record.state["running"]["startedAt"],
                "finishedAt": timestamp(),
                "containerID": record.container_id,
            }
        }
        if record.init and code == 0:
            record.ready = True
        self.changed()

    def _restarts(self, code: int) -> bool:
        policy = self.pod()["spec"].get("restartPolicy", "Always")
        if self.record.init:
            return code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    async def _back_off(self) -> None:
        delay = self.context.timing.crash_delay(self._crashes)
        self._crashes += 1
        if not delay:
            return
        meta, name = self.pod()["metadata"], self.record.name
        full = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        told = f"back-off {go_duration(delay)} restarting failed container={name} pod={full}"
        left = delay - CRASH_LOOP_SHOWN_SECONDS
        while left > 0:
            if delay - left >= CRASH_LOOP_SHOWN_AFTER_SECONDS:
                self._show_crash_loop(told)
            self._emit("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {full}")
            await asyncio.sleep(min(left, BACK_OFF_EVENT_SECONDS))
            left -= BACK_OFF_EVENT_SECONDS
        self._show_crash_loop(told)
        await asyncio.sleep(CRASH_LOOP_SHOWN_SECONDS)

    def _show_crash_loop(self, told: str) -> None:
        # For most of a back-off the state stays "terminated", as since Kubernetes 1.36.
        if self.record.state.get("waiting", {}).get("reason") != "CrashLoopBackOff":
            self.record.last = _as_last(self.record)
            self._wait("CrashLoopBackOff", told, quietly=True)

    # Telling

    def _wait(self, reason: str, message: str, *, quietly: bool = False) -> None:
        self.record.state = {"waiting": {"reason": reason, "message": message}}
        self.record.ready = self.record.started = False
        if not quietly:
            self._emit("Warning", "Failed", f"Error: {_short(reason, message)}")
        self.changed()

    def _emit(self, kind: str, reason: str, message: str) -> None:
        part = "initContainers" if self.record.init else "containers"
        field = f"spec.{part}{{{self.record.name}}}"
        self.context.emit(self.pod(), kind, reason, message, field=field)


def _short(reason: str, message: str) -> str:
    """What follows "Error: " in the event: configuration and start problems in full, others by name."""
    return message if reason in ("CreateContainerConfigError", "RunContainerError") else reason


def _as_last(record: ContainerRecord) -> Object:
    return {"terminated": record.state["terminated"]} if "terminated" in record.state else record.last


def go_duration(seconds: float) -> str:
    """10 -> "10s", 160 -> "2m40s", as Go prints durations."""
    whole = int(seconds)
    if whole != seconds:
        return f"{seconds:g}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"

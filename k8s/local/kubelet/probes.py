"""Startup, readiness and liveness probes, really made: HTTP, TCP, and commands where they are safe."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from k8s.local.store import Object

#: A program needs a moment before it listens. For this long after its start, a refused connection is asked
#: again soon instead of being counted, so that a pod is ready when it is and not a whole period later.
WARM_UP_SECONDS: Final = 5.0
WARM_UP_INTERVAL_SECONDS: Final = 0.1
ANSWER_BYTES: Final = 4096

#: Runs a command in the container; returns its exit code and output.
RunCommand = Callable[[list[str], float], Awaitable[tuple[int, str]]]


class ProbeFailed(Exception):
    """The text is what a kubelet says after "Readiness probe failed: "."""


class ConnectionRefused(ProbeFailed):
    """Nothing listens there (yet)."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one probe; ``decided`` once there were enough of the same in a row to act on."""

    ok: bool
    decided: bool
    why: str = ""


@dataclass(frozen=True)
class Probe:
    """One probe with its timing, in seconds and counts, as in the container's spec."""

    kind: str
    action: Object
    address: str
    port: int
    initial_delay: float
    period: float
    timeout: float
    failures: int
    successes: int

    @staticmethod
    def of(kind: str, spec: Object, container: Object, address: str) -> Probe:
        """From ``livenessProbe`` and the like; ``kind`` is Startup, Readiness or Liveness."""
        action: Object = {key: spec[key] for key in ("httpGet", "tcpSocket", "exec", "grpc") if key in spec}
        target = action.get("httpGet") or action.get("tcpSocket") or {}
        return Probe(
            kind=kind,
            action=action,
            address=target.get("host") or address,
            port=port_number(target.get("port", 0), container),
            initial_delay=spec.get("initialDelaySeconds", 0),
            period=spec.get("periodSeconds", 10),
            timeout=spec.get("timeoutSeconds", 1),
            failures=spec.get("failureThreshold", 3),
            successes=spec.get("successThreshold", 1) if kind == "Readiness" else 1,
        )

    async def watch(self, run: RunCommand, report: Callable[[Finding], None]) -> None:
        """Probe for ever, reporting each finding."""
        await asyncio.sleep(self.initial_delay)
        clock = asyncio.get_running_loop().time
        warm_until = clock() + max(0.0, min(WARM_UP_SECONDS, self.period) - self.initial_delay)
        passed = failed = 0
        while True:
            began = clock()
            try:
                await self.check(run)
            except ConnectionRefused as problem:
                if clock() < warm_until and not passed:
                    await asyncio.sleep(WARM_UP_INTERVAL_SECONDS)
                    continue
                passed, failed = 0, failed + 1
                report(Finding(ok=False, decided=failed >= self.failures, why=str(problem)))
            except ProbeFailed as problem:
                passed, failed = 0, failed + 1
                report(Finding(ok=False, decided=failed >= self.failures, why=str(problem)))
            else:
                passed, failed = passed + 1, 0
                report(Finding(ok=True, decided=passed >= self.successes))
            await asyncio.sleep(max(0.0, self.period - (clock() - began)))

    async def check(self, run: RunCommand) -> None:
        """Probe once.

        Raises:
            ProbeFailed: the answer was wrong, late or missing.
        """
        if "exec" in self.action:
            code, output = await run(self.action["exec"].get("command") or [], self.timeout)
            if code:
                raise ProbeFailed(output)
        elif "httpGet" in self.action:
            await self._http(self.action["httpGet"])
        elif "tcpSocket" in self.action:
            await self._tcp()
        else:
            raise ProbeFailed("the local cluster makes http, tcp and exec probes only")

    async def _tcp(self) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                _, writer = await asyncio.open_connection(self.address, self.port)
        except TimeoutError as problem:
            raise ProbeFailed(f"dial tcp {self.address}:{self.port}: i/o timeout") from problem
        except OSError as problem:
            raise self._refused(f"dial tcp {self.address}:{self.port}", problem) from problem
        writer.close()

    async def _http(self, spec: Object) -> None:
        secure = spec.get("scheme", "HTTP") == "HTTPS"
        url = f"{'https' if secure else 'http'}://{self.address}:{self.port}{spec.get('path') or '/'}"
        try:
            async with asyncio.timeout(self.timeout):
                status = await self._status_of(spec, _no_verification() if secure else None)
        except TimeoutError as problem:
            late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            raise ProbeFailed(f'Get "{url}": {late}') from problem
        except (ssl.SSLError, ValueError, asyncio.IncompleteReadError) as problem:
            raise ProbeFailed(f'Get "{url}": net/http: HTTP/1.x transport connection broken') from problem
        except OSError as problem:
            prefix = f'Get "{url}": dial tcp {self.address}:{self.port}'
            raise self._refused(prefix, problem) from problem
        if not 200 <= status < 400:
            raise ProbeFailed(f"HTTP probe failed with statuscode: {status}")

    async def _status_of(self, spec: Object, secure: ssl.SSLContext | None) -> int:
        reader, writer = await asyncio.open_connection(self.address, self.port, ssl=secure)
        try:
            headers = {
                "Host": f"{self.address}:{self.port}",
                "User-Agent": "kube-probe/1.36",
                "Accept": "*/*",
            }
            headers |= {entry["name"]: entry["value"] for entry in spec.get("httpHeaders") or ()}
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            path = spec.get("path") or "/"
            writer.write(f"GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            first = await reader.readuntil(b"\n")
            # A server that is cut off in the middle of its answer logs a broken pipe: read it to the end.
            await reader.read(ANSWER_BYTES)
            return int(first.split(None, 2)[1])
        except IndexError as problem:
            raise ValueError("not HTTP") from problem
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await writer.wait_closed()

    @staticmethod
    def _refused(prefix: str, problem: OSError) -> ProbeFailed:
        if isinstance(problem, ConnectionRefusedError):
            return ConnectionRefused(f"{prefix}: connect: connection refused")
        return ProbeFailed(f"{prefix}: {(problem.strerror or str(problem)).lower()}")


def port_number(port: int | str, container: Object) -> int:
    """A port given by number or by the name of one of the container's ports; 0 when there is none."""
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    named = {entry.get("name"): entry["containerPort"] for entry in container.get("ports") or ()}
    return int(named.get(port, 0))


def _no_verification() -> ssl.SSLContext:
    # As kubelets do: a probe asks whether the program answers, not who it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

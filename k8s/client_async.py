"""Reading from a cluster without a thread per stream: for the observer.

Plain aiohttp with our TLS context: the observer needs raw bytes and nothing of
the generated client, whose asynchronous half costs 1 s and 60 MB to import.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

import aiohttp

from k8s.cluster import LogQuery
from k8s.connect import Access
from k8s.errors import AnswerTooSlow, ClusterError, ClusterUnavailable, LogsGone
from k8s.kinds import object_path
from k8s.logs import MAX_LINE_BYTES, log_parameters, split_lines, vanished
from k8s.refusals import error_from

AGENT: Final = "timoneiro/observer"
CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 15.0
LIST_SECONDS: Final = 60.0
PULSE_SECONDS: Final = 4.0
"""How old the last word from a cluster may be before somebody asks it for one."""

_MAX_REFUSAL: Final = 64 * 1024


async def _only_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending a GET again by itself when a connection breaks: we count what we ask."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
        raise aiohttp.ClientConnectionError(str(exc)) from exc


class AsyncCluster:
    """Raw reads from one cluster; use as an async context manager, inside a running loop.

    Raises only `k8s.errors`. Any number of streams share it.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._server = access.server
        self._server_name = access.tls_server_name
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=access.ssl_context() or False, limit=0),
            headers={"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            middlewares=(_only_once,),
        )
        self._heard_at = 0.0
        self._asking = asyncio.Lock()
        self._silent_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def read(self, path: str, query: dict[str, str], *, seconds: float = ANSWER_SECONDS) -> bytes:
        """The whole body of a successful GET; query entries that are "" are left out."""
        async with self.stream(path, query, seconds=seconds) as response:
            body = await response.read()
        self.heard()
        return body

    @asynccontextmanager
    async def stream(
        self, path: str, query: dict[str, str], *, seconds: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The unread response of a successful GET. `seconds` limits its whole life, None not at all.

        Connection trouble inside the `async with` becomes `ClusterUnavailable` too.
        """
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            # The answer's head must come soon even where its body may take for ever.
            async with asyncio.timeout(min(seconds or ANSWER_SECONDS, LIST_SECONDS)):
                response = await self._session.get(
                    self._server + path,
                    params={key: value for key, value in query.items() if value},
                    headers={**self._access.headers, "User-Agent": AGENT},
                    timeout=limits,
                    allow_redirects=False,
                    server_hostname=self._server_name,
                )
            async with response:
                if not 200 <= response.status < 300:
                    refusal = await response.content.read(_MAX_REFUSAL)
                    raise error_from(response.status, response.headers, refusal)
                self.heard()
                yield response
        except TimeoutError as exc:
            raise AnswerTooSlow("the answer did not arrive in time") from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise ClusterUnavailable(f"the cluster cannot be reached: {exc}") from exc

    def heard(self) -> None:
        """Notes that the cluster has just said something on any connection."""
        self._heard_at = time.monotonic()

    async def pulse(self) -> None:
        """Makes sure that the cluster has said something within the last seconds, asking it if need be.

        However many streams are quiet, they ask once between them.

        Raises:
            ClusterUnavailable: it does not answer.
        """
        began = time.monotonic()
        async with self._asking:
            if time.monotonic() - self._heard_at < PULSE_SECONDS:
                return
            # Asked by another stream while we waited our turn: in vain, so not again.
            if self._silent_at > began:
                raise ClusterUnavailable("the cluster does not answer")
            try:
                await self.read("/version", {}, seconds=PULSE_SECONDS)
            except ClusterUnavailable:
                self._silent_at = time.monotonic()
                raise
            except ClusterError:
                self.heard()  # a refusal is an answer

    async def follow_logs(self, namespace: str, pod: str, query: LogQuery) -> AsyncGenerator[str, None]:
        """Log lines as they appear, without their newline, until the container ends.

        Raises:
            LogsNotReady: the container waits to start.
            LogsGone: that run never was, or its log has been removed.
            ClusterUnavailable: the stream broke.
        """
        path = object_path("Pod", namespace, pod) + "/log"
        rest = b""
        async with self.stream(path, log_parameters(query, follow=True), seconds=None) as response:
            async for chunk in response.content.iter_any():
                self.heard()
                lines, rest = split_lines(rest + chunk, MAX_LINE_BYTES)
                for line in lines:
                    yield line
        last = rest.decode("utf-8", "replace")
        if vanished(last):
            raise LogsGone(last, status=200)
        if last:
            yield last

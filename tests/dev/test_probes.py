"""The supervisor's probes say what is so, and no when nobody answers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from dashboard.supervisor import probes
from dashboard.supervisor.options import free_port
from dashboard.supervisor.programs import PrivateValkey
from tests.processes import ValkeyServer, new_valkey


def parts(valkey: ValkeyServer) -> PrivateValkey:
    password, port = valkey.url.removeprefix("redis://:").removesuffix("/0").split("@127.0.0.1:")
    return PrivateValkey(int(port), password, Path())


async def test_a_broker_is_up_when_it_takes_the_password(valkey: ValkeyServer) -> None:
    private = parts(valkey)
    assert await probes.broker_answers(private.port, private.password)
    assert not await probes.broker_answers(private.port, "wrong")
    assert not await probes.broker_answers(free_port(), "")


@pytest.fixture
def unused(tmp_path: Path) -> Iterator[ValkeyServer]:
    """One at which no worker of another test can be waiting still."""
    server = new_valkey(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_a_worker_listens_when_a_client_waits_for_tasks(unused: ValkeyServer) -> None:
    private = parts(unused)
    assert not await probes.worker_listens(private.port, private.password)
    with redis.Redis.from_url(unused.url) as client:
        waiting = asyncio.create_task(asyncio.to_thread(client.brpop, ["tasks"], 20))
        async with asyncio.timeout(20):
            while not await probes.worker_listens(private.port, private.password):
                await asyncio.sleep(0.01)
        with redis.Redis.from_url(unused.url) as other:
            other.lpush("tasks", "go")
        await waiting


async def test_a_page_answers_when_its_status_says_so() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        status = b"200 OK" if request.startswith(b"GET /readyz ") else b"503 Not yet"
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await probes.page_answers(port, "/readyz")
    assert not await probes.page_answers(port, "/other")
    server.close()
    await server.wait_closed()
    assert not await probes.page_answers(port, "/readyz")

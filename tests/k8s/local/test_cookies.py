"""Node ports keep the dashboard's cookies from models, and change nothing else."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.settings import base
from k8s.local.cookies import NAMES, CookieMask
from tests.k8s.local.kit import a_service, machinery

SECRET = b"canary4711"
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1:30001\r\nCookie: a=1; timoneiro_session=%s; timoneiro_csrf=%s\r\n"
    b"X: timoneiro_sess\r\nContent-Length: 3\r\n\r\nabc" % (SECRET, SECRET)
)
RELAYED = REQUEST.replace(SECRET, b"x" * len(SECRET))


def test_these_are_the_dashboards_cookies() -> None:
    assert NAMES == (base.SESSION_COOKIE_NAME, base.CSRF_COOKIE_NAME)


@given(st.lists(st.integers(0, len(REQUEST)), max_size=12))
def test_a_session_is_overwritten_however_it_comes_in_pieces(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(REQUEST)]
    mask = CookieMask()
    pieces = [REQUEST[begin:end] for begin, end in pairwise(places)]
    relayed = [mask(piece) for piece in pieces]
    assert b"".join(relayed) == RELAYED
    # Nothing waits for what comes after it.
    assert list(map(len, relayed)) == list(map(len, pieces))


@given(st.lists(st.binary(max_size=40)))
def test_what_is_none_of_ours_goes_through_as_it_is(pieces: list[bytes]) -> None:
    mask = CookieMask()
    assert [mask(piece) for piece in pieces] == pieces


async def test_a_model_behind_a_node_port_sees_no_session_and_sets_none(tmp_path: Path) -> None:
    seen = bytearray()

    async def model(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readexactly(len(REQUEST)))
        writer.write(b"HTTP/1.1 204 No Content\r\nSet-Cookie: timoneiro_session=%s; Path=/\r\n\r\n" % SECRET)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(model, "127.0.0.1", 0)
    async with server, machinery(tmp_path) as cluster:
        service = a_service()
        del service["spec"]["selector"]
        port = cluster.create("services", service)["spec"]["ports"][0]["nodePort"]
        cluster.create("endpointslices.discovery.k8s.io", slice_of(server.sockets[0].getsockname()[1]))
        answer = await asked(port)
    assert bytes(seen) == RELAYED
    assert SECRET not in answer


def slice_of(port: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "house-1", "labels": {"kubernetes.io/service-name": "house"}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": ["127.0.0.1"], "conditions": {"ready": True, "serving": True, "terminating": False}}
        ],
    }


async def asked(port: int) -> bytes:
    """The whole answer to `REQUEST`; the port opens in a moment, and knows of the pod in another."""
    async with asyncio.timeout(15):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(REQUEST)
                answer = await reader.read()
                writer.close()
            except OSError:
                answer = b""
            if answer:
                return answer
            await asyncio.sleep(0.02)

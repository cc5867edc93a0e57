"""Is it up yet? Asked with the standard library: client libraries would double the supervisor's start."""

import asyncio
import contextlib

SECONDS_TO_ANSWER = 5.0


async def page_answers(port: int, path: str) -> bool:
    """Whether a GET of `path` on this machine is answered with a 2xx."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    answer = await exchange(port, request.encode())
    return answer.split(b" ")[1:2] != [] and answer.split(b" ")[1].startswith(b"2")


async def broker_answers(port: int, password: str) -> bool:
    """Whether the Valkey at `port` is up and takes the password."""
    return b"+PONG" in await exchange(port, command("AUTH", password) + command("PING") + command("QUIT"))


async def worker_listens(port: int, password: str) -> bool:
    """Whether some client of the Valkey waits for tasks, which only workers do."""
    asked = command("AUTH", password) + command("CLIENT", "LIST") + command("QUIT")
    return b" cmd=brpop " in await exchange(port, asked)


def command(*words: str) -> bytes:
    """A command in the Redis protocol."""
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


async def exchange(port: int, request: bytes) -> bytes:
    """Everything a local server answers until it closes the connection; nothing when it does not."""
    writer = None
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(SECONDS_TO_ANSWER):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request)
                return await reader.read(-1)
            finally:
                if writer:
                    writer.close()
    return b""

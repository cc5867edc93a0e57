"""Container logs: files in the format of container runtimes, rotated, read and followed.

A line is ``2026-11-23T20:19:34.123456789Z stdout F text``; a very long one is cut into parts tagged P.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
ROTATED_FILES: Final = 2
PART_BYTES: Final = 16 * 1024
BLOCK_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class LogQuery:
    """What of a log to read. ``since`` is an RFC 3339 time or ""; None means no limit."""

    tail_lines: int | None = None
    since: str = ""
    timestamps: bool = False
    limit_bytes: int | None = None
    follow: bool = False


class LogFile:
    """Written by one container run; open for readers while it is written and afterwards."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.closed = False
        self._max_bytes = max_bytes
        self._file = path.open("ab")
        self._size = self._file.tell()
        self._rest = b""
        self._waiting: set[asyncio.Event] = set()
        self.rotations = 0

    def write(self, data: bytes) -> None:
        """Take output as it comes; whole lines are stored, the rest waits for its end."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        stamp = _now()
        out = [entry for line in lines for entry in _entries(stamp, line)]
        while len(self._rest) >= PART_BYTES:
            out.append(stamp + b" stdout P " + self._rest[:PART_BYTES] + b"\n")
            self._rest = self._rest[PART_BYTES:]
        if out:
            self._append(b"".join(out))

    def close(self) -> None:
        """The container has ended: store what is left and let followers go."""
        if self._rest:
            self._append(b"".join(_entries(_now(), self._rest)))
            self._rest = b""
        self.closed = True
        self._file.close()
        self._wake()

    @contextlib.contextmanager
    def wakes(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is more to read, or the end has come."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    def _append(self, data: bytes) -> None:
        if self._size + len(data) > self._max_bytes and self._size:
            self._rotate()
        self._file.write(data)
        self._file.flush()
        self._size += len(data)
        self._wake()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(ROTATED_FILES, 0, -1):
            older = rotated(self.path, number)
            newer = rotated(self.path, number - 1) if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._file = self.path.open("ab")
        self._size = 0
        self.rotations += 1

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()


def rotated(path: Path, number: int) -> Path:
    """Where the ``number``-th newest rotated part of a log is."""
    return path.with_name(f"{path.name}.{number}")


async def read(path: Path, query: LogQuery, writer: LogFile | None) -> AsyncIterator[bytes]:
    """The log at ``path`` as the API sends it, then, when following, what ``writer`` adds."""
    left = query.limit_bytes
    async for text in _lines(path, query, writer):
        data = text
        if left is not None:
            data = data[:left]
            left -= len(data)
        if data:
            yield data
        if left == 0:
            return


async def _lines(path: Path, query: LogQuery, writer: LogFile | None) -> AsyncIterator[bytes]:
    rotations = writer.rotations if writer else 0
    parts = [part for n in range(ROTATED_FILES, 0, -1) if (part := rotated(path, n)).exists()]
    with contextlib.ExitStack() as stack:
        # Opened together, before anything is awaited: a rotation meanwhile renames files, not handles.
        files: list[BinaryIO] = [
            stack.enter_context(part.open("rb")) for part in [*parts, path] if part.exists()
        ]
        if query.tail_lines is not None:
            files = _seek_to_tail(files, query.tail_lines)
        for file in files:
            while block := _block(file):
                yield _render(block, query)
                await asyncio.sleep(0)
        if query.follow and writer is not None and files:
            newest = stack.pop_all()
            with newest:
                async for block in _followed(files[-1], writer, rotations):
                    yield _render(block, query)


async def _followed(file: BinaryIO, writer: LogFile, rotations: int) -> AsyncIterator[bytes]:
    with writer.wakes() as event, contextlib.ExitStack() as stack:
        while True:
            event.clear()
            ended, turned = writer.closed, writer.rotations != rotations
            while block := _block(file):
                yield block
            if turned:
                rotations = writer.rotations
                file = stack.enter_context(writer.path.open("rb"))
                continue
            if ended:
                return
            await event.wait()


def _block(file: BinaryIO) -> bytes:
    """Up to the last whole line of the next block; empty at the end."""
    at = file.tell()
    block = file.read(BLOCK_BYTES)
    end = block.rfind(b"\n") + 1
    file.seek(at + end)
    return block[:end]


def _seek_to_tail(files: list[BinaryIO], lines: int) -> list[BinaryIO]:
    """The files that hold the last ``lines`` lines, the first of them moved to where those begin."""
    kept: list[BinaryIO] = []
    for file in reversed(files):
        kept.insert(0, file)
        lines -= _seek_back(file, lines)
        if lines <= 0:
            break
    return kept


def _seek_back(file: BinaryIO, lines: int) -> int:
    """Move to where the last ``lines`` lines begin; returns how many there are from there."""
    at = file.seek(0, 2)
    if lines == 0 or at == 0:
        return 0
    ends = 0
    while at > 0:
        size = min(BLOCK_BYTES, at)
        at -= size
        file.seek(at)
        block = file.read(size)
        position = len(block)
        while (position := block.rfind(b"\n", 0, position)) >= 0:
            ends += 1
            if ends > lines:
                file.seek(at + position + 1)
                return lines
    file.seek(0)
    return ends


def _render(block: bytes, query: LogQuery) -> bytes:
    since = query.since.encode()
    out: list[bytes] = []
    # Only a newline ends an entry: a carriage return is content, such as that of a progress bar.
    for entry in block.removesuffix(b"\n").split(b"\n"):
        stamp, _, rest = entry.partition(b" ")
        if since and stamp < since:
            continue
        tag, text = rest[7:8], rest[9:]
        end = b"" if tag == b"P" else b"\n"
        out.append((stamp + b" " + text if query.timestamps else text) + end)
    return b"".join(out)


def _entries(stamp: bytes, line: bytes) -> Iterator[bytes]:
    while len(line) > PART_BYTES:
        yield stamp + b" stdout P " + line[:PART_BYTES] + b"\n"
        line = line[PART_BYTES:]
    yield stamp + b" stdout F " + line + b"\n"


def _now() -> bytes:
    nanoseconds = time.time_ns()
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.").encode() + b"%09dZ" % (nanoseconds % 1_000_000_000)

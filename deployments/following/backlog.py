"""Lines between the cluster and Redis: bounded, and what finds no room is counted."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from deployments.following.keys import Line

MOST_LINES = 10_000
MOST_CHARACTERS = 2 * 1024 * 1024
_ENTRY_LINES = 200
_ENTRY_CHARACTERS = 64 * 1024


class Backlog:
    """Written by one reader per pod, emptied by one writer."""

    def __init__(self, most_lines: int = MOST_LINES, most_characters: int = MOST_CHARACTERS) -> None:
        self.opened_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        self._lines: list[Line] = []
        self._characters = 0
        self._dropped = 0
        self._most_lines = most_lines
        self._most_characters = most_characters
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return len(self._lines) >= self._most_lines or self._characters >= self._most_characters

    async def room(self) -> None:
        """Returns when a line would be taken. For what need not be fresh: nothing of it is lost."""
        while self.is_full:
            self._emptied.clear()
            await self._emptied.wait()

    def put(self, line: Line) -> None:
        """Takes a line, or counts it as dropped."""
        if self.is_full:
            self._dropped += 1
        else:
            self._lines.append(line)
            self._characters += len(line.text)
        self._filled.set()

    async def take(self) -> tuple[list[Line], int]:
        """All lines there are, by time, and how many were dropped after them; waits for the first."""
        await self._filled.wait()
        self._filled.clear()
        lines, dropped = self._lines, self._dropped
        self._lines, self._characters, self._dropped = [], 0, 0
        self._emptied.set()
        return by_time(lines), dropped


def by_time(lines: list[Line]) -> list[Line]:
    """Lines of several pods in the order of their times; those of one pod alone are in order."""
    if all(line.pod == lines[0].pod for line in lines):
        return lines
    return sorted(lines, key=lambda line: line.at)


def entries_of(lines: list[Line]) -> Iterator[list[Line]]:
    """Lines in portions that one entry of a stream carries."""
    portion: list[Line] = []
    characters = 0
    for line in lines:
        if portion and (len(portion) == _ENTRY_LINES or characters + len(line.text) > _ENTRY_CHARACTERS):
            yield portion
            portion, characters = [], 0
        portion.append(line)
        characters += len(line.text)
    if portion:
        yield portion

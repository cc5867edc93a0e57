"""The store's journal: one SQLite file, written behind by one thread in small batches.

A kill loses at most what happened in the last ``BATCH_SECONDS``; a clean stop loses nothing.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from k8s.local.store import Change, Object

logger = logging.getLogger(__name__)

BATCH_SECONDS: Final = 0.03
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object BLOB NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS version (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
"""


class SqliteJournal:
    """Keeps the newest state of every object in a file. Use ``close`` to write the rest and stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The objects hold Secrets. SQLite gives its side files the mode that this one has when it opens it.
        path.touch(mode=0o600)
        path.chmod(0o600)
        connection = self._connect()
        connection.executescript(_SCHEMA)
        connection.close()
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_behind, name="journal", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def load(self) -> tuple[int, Iterator[tuple[str, Object]]]:
        """The last resource version, and every (kind, object)."""
        connection = self._connect()
        row = connection.execute("SELECT number FROM version").fetchone()
        rows = connection.execute("SELECT kind, object FROM objects").fetchall()
        connection.close()
        return (row[0] if row else 0), ((kind, msgspec.json.decode(raw)) for kind, raw in rows)

    def record(self, change: Change) -> None:
        """Write a change soon."""
        self._changes.put(change)

    def close(self) -> None:
        """Write what is left and stop."""
        self._changes.put(None)
        self._thread.join()

    def _write_behind(self) -> None:
        connection = self._connect()
        running = True
        while running:
            batch = [self._changes.get()]
            time.sleep(BATCH_SECONDS)
            while not self._changes.empty():
                batch.append(self._changes.get())
            running = None not in batch
            changes = [change for change in batch if change is not None]
            if changes:
                self._write(connection, changes)
        connection.close()

    def _write(self, connection: sqlite3.Connection, changes: list[Change]) -> None:
        # Only the last state of each object matters.
        newest = {change.key: change for change in changes}
        encode = msgspec.json.Encoder().encode
        gone = [key for key, change in newest.items() if change.type == "DELETED"]
        kept = [(*key, encode(change.object)) for key, change in newest.items() if change.type != "DELETED"]
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM objects WHERE kind=? AND namespace=? AND name=?", gone)
            connection.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", kept)
            connection.execute(
                "INSERT OR REPLACE INTO version VALUES (1, ?)", (changes[-1].resource_version,)
            )
            connection.execute("COMMIT")
        except sqlite3.Error:
            # A full disk, say. The cluster goes on; what is lost is only its memory across a restart.
            logger.exception("could not write %d changes", len(changes))
            if connection.in_transaction:
                connection.execute("ROLLBACK")

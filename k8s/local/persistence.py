"""The store's journal: one SQLite file that holds the newest state of every object.

A change is in the file (in the page cache, at least) before anyone is told of it, so that a
kill of the process loses nothing that was acknowledged. Only the loss of the machine's power
may cost the last seconds: nothing waits for the disk.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from k8s.local.ownership import pack_owners
from k8s.local.store import Change, Object

logger = logging.getLogger(__name__)

CHECKPOINT_SECONDS: Final = 5.0
#: A side file larger than this is begun anew, for which a write may have to wait a moment.
LARGEST_SIDE_FILE_BYTES: Final = 64 * 1024 * 1024
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object BLOB NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS version (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
"""


class SqliteJournal:
    """Keeps the newest state of every object in a file. Writes come from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The objects hold Secrets. SQLite gives its side files the mode that this one has when it opens it.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._connection = self._connect()
        self._connection.executescript(_SCHEMA)
        self._encode = msgspec.json.Encoder().encode
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._checkpoint, name="journal", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        # A checkpoint waits for the disk: the journal's own thread makes it, never a write.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        return connection

    def load(self) -> tuple[int, Iterator[tuple[str, Object]]]:
        """The last resource version, and every (kind, object)."""
        row = self._connection.execute("SELECT number FROM version").fetchone()
        rows = self._connection.execute("SELECT kind, object FROM objects").fetchall()
        return (row[0] if row else 0), ((kind, _object(raw)) for kind, raw in rows)

    def record(self, change: Change) -> None:
        """Write a change; it outlives a kill of this process from here on."""
        write = self._connection.execute
        try:
            write("BEGIN IMMEDIATE")
            if change.type == "DELETED":
                write("DELETE FROM objects WHERE kind=? AND namespace=? AND name=?", change.key)
            else:
                write(
                    "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
                    (*change.key, self._encode(change.object)),
                )
            write("INSERT OR REPLACE INTO version VALUES (1, ?)", (change.resource_version,))
            write("COMMIT")
        except sqlite3.Error:
            # A full disk, say. The cluster goes on; what is lost is only its memory across a restart.
            logger.exception("could not write %s", change.key)
            if self._connection.in_transaction:
                write("ROLLBACK")

    def close(self) -> None:
        """Stop, with everything in the main file."""
        self._closing.set()
        self._thread.join()
        self._connection.close()

    def _checkpoint(self) -> None:
        """Move what was written from the side file to the main one now and then, so that it stays small."""
        connection = self._connect()
        side = self._path.with_name(f"{self._path.name}-wal")
        while not self._closing.wait(CHECKPOINT_SECONDS):
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                # That never catches up with who writes without a pause, and only a file all of which
                # has been moved is used from its start again. What came meanwhile is quickly moved.
                if side.stat().st_size > LARGEST_SIDE_FILE_BYTES:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except (OSError, sqlite3.Error):
                logger.exception("could not move the journal's side file into place")
        connection.close()


def _object(raw: bytes) -> Object:
    found: Object = msgspec.json.decode(raw)
    pack_owners(found)
    return found

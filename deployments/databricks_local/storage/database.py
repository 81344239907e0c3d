"""Keeps records in SQLite: one file, one connection, one thread that writes.

Changes are written a moment later in one transaction, so that a run that changes its state a hundred times a
second costs few writes. `flush` waits until everything is on disk.
"""

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from databricks_local.api.bodies import Json

_LOG = logging.getLogger("databricks_local")

WRITE_AFTER_SECONDS = 0.05

Make = Callable[[], Json]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (kind, id)
)
"""
_PUT = (
    "INSERT INTO records (kind, id, data) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data"
)


class RootInUseError(Exception):
    """Raised when another server has the database open."""


class Journal(Protocol):
    """Where records are kept."""

    def put(self, kind: str, name: int | str, make: Make) -> None:
        """Keep a record. `make` is called when it is written."""

    def delete(self, kind: str, name: int | str) -> None:
        """Forget a record."""


class NoJournal:
    """Keeps nothing."""

    def put(self, kind: str, name: int | str, make: Make) -> None:
        """Do nothing."""

    def delete(self, kind: str, name: int | str) -> None:
        """Do nothing."""


class Database:
    """Records by kind and id, in the order in which they were first put."""

    def __init__(self, path: Path) -> None:
        """Open the database.

        Args:
            path: The file, which only its owner may read.

        Raises:
            RootInUseError: If another process has it open.
        """
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=1, isolation_level=None)
        try:
            # Held until this process ends: two servers on one root would lose each other's runs.
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing; a power failure may lose the last moments.
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise RootInUseError(str(error)) from error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._changed: dict[tuple[str, str], Make | None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def load(self, kind: str) -> list[Json]:
        """All records of a kind. Call it before anything is put."""
        rows = self._connection.execute("SELECT data FROM records WHERE kind = ? ORDER BY sequence", (kind,))
        return [json.loads(row[0]) for row in rows]

    def put(self, kind: str, name: int | str, make: Make) -> None:
        """Keep a record. `make` is called when it is written."""
        self._mark(kind, name, make)

    def delete(self, kind: str, name: int | str) -> None:
        """Forget a record."""
        self._mark(kind, name, None)

    async def read(self, kind: str, name: int | str) -> Json | None:
        """One record, with everything that was put before."""
        await self.flush()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, kind, str(name))

    async def flush(self) -> None:
        """Wait until everything that was put is on disk."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, self._take())

    def close(self) -> None:
        """Write what is left, and close the file."""
        rows = self._take()
        self._thread.submit(self._write, rows).result()
        self._thread.shutdown()
        self._connection.close()

    def _mark(self, kind: str, name: int | str, make: Make | None) -> None:
        self._changed[kind, str(name)] = make
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_AFTER_SECONDS, self._write_behind)

    def _write_behind(self) -> None:
        self._thread.submit(self._write_logged, self._take())

    def _take(self) -> list[tuple[str, str, str | None]]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed, self._changed = self._changed, {}
        return [
            (kind, name, None if make is None else json.dumps(make()))
            for (kind, name), make in changed.items()
        ]

    def _write_logged(self, rows: Iterable[tuple[str, str, str | None]]) -> None:
        try:
            self._write(rows)
        except sqlite3.Error:
            _LOG.exception("the database could not be written")

    def _write(self, rows: Iterable[tuple[str, str, str | None]]) -> None:
        rows = list(rows)
        if not rows:
            return
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany(_PUT, [row for row in rows if row[2] is not None])
            gone = [row[:2] for row in rows if row[2] is None]
            self._connection.executemany("DELETE FROM records WHERE kind = ? AND id = ?", gone)
        except sqlite3.Error:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _read(self, kind: str, name: str) -> Json | None:
        row = self._connection.execute(
            "SELECT data FROM records WHERE kind = ? AND id = ?", (kind, name)
        ).fetchone()
        return None if row is None else json.loads(row[0])

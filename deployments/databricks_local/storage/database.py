"""Keeps records in SQLite: one file, one connection, one thread that writes.

Changes are written a moment later in one transaction, so that a run that changes its state a hundred times a
second costs few writes. `flush` waits until everything is on disk. A change is forgotten only once it is
there: while the disk is full, changes wait and are tried again.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from databricks_local.api.bodies import Json
from databricks_local.storage.contents import read_content
from databricks_local.storage.private_files import make_private

_LOG = logging.getLogger("databricks_local")

WRITE_AFTER_SECONDS = 0.05
TRY_AGAIN_SECONDS = 1.0

Make = Callable[[], Json]
Row = tuple[str, str, Json | None]
"""The kind and id of a record, and its content; None if it is gone."""


@dataclass(frozen=True)
class _Change:
    """What is to be written: `make` is None for a record that is gone."""

    make: Make | None
    on_written: Callable[[], None] = lambda: None


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


class NotWrittenError(Exception):
    """Raised when changes could not be written, as on a full disk. They are tried again."""


class Journal(Protocol):
    """Where records are kept."""

    def put(
        self, kind: str, name: int | str, make: Make, on_written: Callable[[], None] = lambda: None
    ) -> None:
        """Keep a record.

        Args:
            kind: Its kind.
            name: Its id.
            make: Makes its content; called when it is written.
            on_written: Called once it is on disk.
        """

    def delete(self, kind: str, name: int | str) -> None:
        """Forget a record."""


class NoJournal:
    """Keeps nothing."""

    def put(
        self, kind: str, name: int | str, make: Make, on_written: Callable[[], None] = lambda: None
    ) -> None:
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
        make_private(path)
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
        self._changes: dict[tuple[str, str], _Change] = {}
        self._one_at_a_time = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._in_background: set[asyncio.Task[None]] = set()

    def load(self, kind: str) -> list[tuple[str, Json]]:
        """All records of a kind, by id; an unreadable one is empty. Call it before anything is put."""
        rows = self._connection.execute(
            "SELECT id, data FROM records WHERE kind = ? ORDER BY sequence", (kind,)
        )
        return [(name, read_content(kind, name, data)) for name, data in rows]

    def put(
        self, kind: str, name: int | str, make: Make, on_written: Callable[[], None] = lambda: None
    ) -> None:
        """Keep a record.

        Args:
            kind: Its kind.
            name: Its id.
            make: Makes its content; called when it is written.
            on_written: Called once it is on disk.
        """
        self._mark(kind, name, _Change(make, on_written))

    def delete(self, kind: str, name: int | str) -> None:
        """Forget a record."""
        self._mark(kind, name, _Change(None))

    async def read(self, kind: str, name: int | str) -> Json | None:
        """One record as it is on disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, kind, str(name))

    async def flush(self) -> None:
        """Wait until everything that was put is on disk.

        Raises:
            NotWrittenError: If it cannot be written. It is tried again later.
        """
        async with self._one_at_a_time:
            self._stop_timer()
            try:
                await self._write_changes()
            except sqlite3.Error as error:
                raise NotWrittenError(f"the database cannot be written: {error}") from error

    async def settle(self) -> None:
        """Wait until everything that was put is on disk, or could not be written for now."""
        with suppress(NotWrittenError):
            await self.flush()

    async def close(self) -> None:
        """Write what is left, and close the file."""
        try:
            await self.flush()
        except NotWrittenError as error:
            _LOG.error("%s; the last changes are lost", error)
        self._stop_timer()
        for writing in self._in_background:
            writing.cancel()
        self._thread.shutdown()
        self._connection.close()

    def _mark(self, kind: str, name: int | str, change: _Change) -> None:
        self._changes[kind, str(name)] = change
        self._write_after(WRITE_AFTER_SECONDS)

    def _write_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._write_behind)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write_behind(self) -> None:
        self._timer = None
        writing = asyncio.create_task(self._flush_or_log())
        self._in_background.add(writing)
        writing.add_done_callback(self._in_background.discard)

    async def _flush_or_log(self) -> None:
        try:
            await self.flush()
        except NotWrittenError as error:
            _LOG.error("%s; it is tried again", error)

    async def _write_changes(self) -> None:
        """Write all changes; those that could not be written stay."""
        changes, self._changes = self._changes, {}
        written = False
        try:
            rows: list[Row] = [
                (kind, name, None if change.make is None else change.make())
                for (kind, name), change in changes.items()
            ]
            if rows:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)
            written = True
        finally:
            if not written:
                self._changes = {**changes, **self._changes}
                self._write_after(TRY_AGAIN_SECONDS)
        for key, change in changes.items():
            # Not if there is a newer one by now, which is not written yet.
            if key not in self._changes:
                change.on_written()

    def _write(self, rows: Sequence[Row]) -> None:
        kept = [(kind, name, json.dumps(content)) for kind, name, content in rows if content is not None]
        gone = [(kind, name) for kind, name, content in rows if content is None]
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany(_PUT, kept)
            self._connection.executemany("DELETE FROM records WHERE kind = ? AND id = ?", gone)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            # On a full disk, SQLite may have rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _read(self, kind: str, name: str) -> Json | None:
        row = self._connection.execute(
            "SELECT data FROM records WHERE kind = ? AND id = ?", (kind, name)
        ).fetchone()
        return None if row is None else read_content(kind, name, row[0])

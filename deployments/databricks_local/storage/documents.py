"""JSON documents by kind and id, in one SQLite file: everything except runs and files."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from databricks_local.api.bodies import Json
from databricks_local.storage.contents import read_content
from databricks_local.storage.private_files import make_private

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS documents "
    "(kind TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"
)


class Documents:
    """The documents. Used from the event loop only; each change is on disk when the call returns.

    Only their owner may read them: the settings of clusters may hold what people call passwords.
    """

    def __init__(self, path: Path) -> None:
        make_private(path)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)

    def get(self, kind: str, key: str) -> Json | None:
        """The document of this id."""
        query = "SELECT content FROM documents WHERE kind = ? AND id = ?"
        with closing(self._connection.execute(query, (kind, key))) as cursor:
            row = cursor.fetchone()
        return None if row is None else read_content(kind, key, row[0])

    def all(self, kind: str) -> Iterator[tuple[str, Json]]:
        """The documents of a kind, by id."""
        query = "SELECT id, content FROM documents WHERE kind = ? ORDER BY id"
        with closing(self._connection.execute(query, (kind,))) as cursor:
            rows = cursor.fetchall()
        for key, content in rows:
            yield key, read_content(kind, key, content)

    def ids(self, kind: str, prefix: str) -> list[str]:
        """The ids of the documents of a kind that begin so, sorted."""
        # Between them, the index finds them. No character is after the last one of Unicode.
        query = (
            "SELECT id FROM documents WHERE kind = ? AND id >= ? AND id <= ? || char(1114111) "
            "AND substr(id, 1, ?) = ? ORDER BY id"
        )
        with closing(self._connection.execute(query, (kind, prefix, prefix, len(prefix), prefix))) as cursor:
            return [row[0] for row in cursor.fetchall()]

    def put(self, kind: str, key: str, document: Json) -> None:
        """Write a document, over the one before."""
        self._connection.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, json.dumps(document))
        )

    def delete(self, kind: str, key: str) -> None:
        """Remove a document, if it is there."""
        self._connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, key))

    def replace(self, kind: str, key: str, new_key: str, document: Json) -> None:
        """Write a document under another id, in place of the one before: both or neither."""
        with self._transaction():
            self.delete(kind, key)
            self.put(kind, new_key, document)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

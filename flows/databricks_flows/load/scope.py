"""Where a run loads its files to, and the notes that it keeps there on files that are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from databricks_blocks.database.connection import open_database
from databricks_blocks.database.tables import Column, Table
from databricks_blocks.database.transaction import Transactions

from databricks_flows.shared.slots import slot

NOTES = Table(
    "loaded_files",
    {
        "run": Column("text", required=True),
        "table": Column("text", required=True),
        "rows": Column("bigint", required=True),
        "file": Column("text", required=True),
    },
    key=("run", "table"),
)
"""What each run has loaded. A note is part of the transaction of its file: a retry loads what is missing."""


@dataclass(frozen=True)
class LoadScope:
    """Where a run loads its files to.

    Attributes:
        run: Its id.
        database: Name of the database block.
        schema: Schema of the tables; in databases other than PostgreSQL, a prefix of their names.
        limit: Name of a global concurrency limit of Prefect; empty for none.
    """

    run: str
    database: str
    schema: str
    limit: str

    @contextmanager
    def transactions(self) -> Iterator[Transactions]:
        """Take a slot of the limit, and open the database."""
        with slot(self.limit), open_database(self.database) as transactions:
            yield transactions

    def loaded(self, begin: Transactions) -> dict[str, int]:
        """Find the tables that the run has loaded, with their numbers of rows."""
        with begin(self.schema) as transaction:
            return {table: rows for _, table, rows, _ in transaction.find(NOTES, "run", self.run)}

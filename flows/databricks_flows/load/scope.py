"""Where a run loads its files to, and what it notes there of those that are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from databricks_blocks.database.connection import open_database
from databricks_blocks.database.tables import Column, Table
from databricks_blocks.database.transaction import Transactions
from prefect.concurrency.sync import concurrency as slots

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
"""What each run has loaded, noted with the file, so that a retry does only what is missing."""


@dataclass(frozen=True)
class LoadScope:
    """Where a run loads its files to.

    Attributes:
        run: Its id.
        database: Name of the database block.
        schema: Schema of the tables, or what their names begin with.
        limit: Name of a global concurrency limit of Prefect, or nothing.
    """

    run: str
    database: str
    schema: str
    limit: str

    @contextmanager
    def transactions(self) -> Iterator[Transactions]:
        """Open the database, in a slot of the limit."""
        with slots(self.limit or [], strict=True), open_database(self.database) as transactions:
            yield transactions

    def loaded(self, begin: Transactions) -> dict[str, int]:
        """Find the number of rows by table, of the files that the run has loaded."""
        with begin(self.schema) as transaction:
            return {table: rows for _, table, rows, _ in transaction.find(NOTES, "run", self.run)}

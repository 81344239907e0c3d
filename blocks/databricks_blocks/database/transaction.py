"""One transaction on the tables of a run: what the flows need of any database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any, Protocol

from databricks_blocks.database.tables import Profile, Readable, Table


class DatabaseTransaction(Protocol):
    """The tables of one run, in one transaction of a database."""

    def begin_run(self) -> None:
        """Make room for the tables of the run, in place of what an attempt that was killed may have left."""

    def end_run(self) -> None:
        """Remove all tables of the run, where they are there."""

    def keep(self, table: Table) -> None:
        """Make a table, and what it is in, where they are not there yet."""

    def add(self, table: Table, row: Sequence[Any]) -> None:
        """Add one row to a table."""

    def find(self, table: Table, column: str, value: Any) -> list[tuple[Any, ...]]:
        """Find the rows of a table that have a value."""

    def create(self, table: Table) -> None:
        """Make an empty table of the run, in place of one that an earlier attempt may have left."""

    def load_csv(self, table: Table, stream: Readable) -> int:
        """Stream a CSV file with a header into a table of the run; an empty field is an absent value.

        Args:
            table: The table. Its columns are those of the file, in its order.
            stream: The file in UTF-8, without a byte order mark.

        Returns:
            The number of rows.

        Raises:
            RecordRefused: A record does not fit the table.
        """

    def select_into(self, target: str, source: Table, column: str, values: Sequence[str] | None) -> int:
        """Select rows into another table of the run, made anew: those with certain values, or all.

        Returns:
            The number of rows.
        """

    def find_duplicate(self, table: Table, columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Find values of columns that occur together more than once in a table of the run."""

    def profile(
        self,
        table: Table,
        order: str,
        numbers: Sequence[str],
        column: str = "",
        values: Sequence[str] | None = None,
    ) -> Profile:
        """Measure the rows of a table of the run: those with certain values, or all.

        Args:
            table: The table.
            order: Column of integers that orders the rows.
            numbers: Columns of numbers.
            column: Column of the values.
            values: The values; nothing takes all rows.
        """

    def count_keys(self, tables: Sequence[Table], columns: Sequence[str]) -> int:
        """Count the different values that columns have together in any of some tables of the run."""

    def write_csv(
        self, table: Table, columns: Sequence[str], stream: IO[bytes], *, order_by: Sequence[str] = ()
    ) -> int:
        """Stream columns of a table of the run out as CSV with a header, in UTF-8.

        Args:
            table: The table.
            columns: The columns, in the order that they are to have.
            stream: Where to.
            order_by: Columns that the rows are ordered by, text by its characters and not by a language.

        Returns:
            The number of rows.
        """

    def merge(self, source: Table, columns: Sequence[str], target: Table) -> None:
        """Put the rows of a table of the run into a table that stays, in place of those with the same key.

        Rows that are the same already are left alone.

        Args:
            source: The table of the run.
            columns: Its columns, one for each of the target, in that order.
            target: The table that stays; it is made if it is not there.
        """


Transactions = Callable[[str], AbstractContextManager[DatabaseTransaction]]
"""Opens one transaction after the other on the tables of a run; each commits at its end, or rolls back."""

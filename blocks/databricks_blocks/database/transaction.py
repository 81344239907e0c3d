"""What the flows need of every database: one transaction on the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any, Protocol

from databricks_blocks.database.tables import Empty, Profile, Readable, Table


class DatabaseTransaction(Protocol):
    """The tables of one run, in one transaction of a database."""

    def begin_run(self) -> None:
        """Prepare for the tables of the run; tables that a killed attempt left are removed."""

    def end_run(self) -> None:
        """Remove all tables of the run that exist."""

    def keep(self, table: Table) -> None:
        """Make a permanent table and its schema, if they do not exist."""

    def add(self, table: Table, row: Sequence[Any]) -> None:
        """Add one row to a table."""

    def find(self, table: Table, column: str, value: Any) -> list[tuple[Any, ...]]:
        """Find the rows of a table that have a value."""

    def create(self, table: Table) -> None:
        """Make an empty table of the run; one of that name is replaced."""

    def load_csv(self, table: Table, stream: Readable, empty: Empty = "null") -> int:
        """Stream a CSV file with a header into a table of the run; an empty field is an absent value.

        Args:
            table: The table. Its columns are those of the file, in its order.
            stream: The file in UTF-8, without a byte order mark.
            empty: What `""` is in a column of texts.

        Returns:
            The number of rows.

        Raises:
            RecordRefused: A record does not fit the table.
        """

    def select_into(self, target: str, source: Table, column: str, values: Sequence[str] | None) -> int:
        """Select rows, all or those with certain values, into a new table of the run.

        Returns:
            The number of rows.
        """

    def find_duplicate(self, table: Table, columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Find a combination of values of columns that occurs more than once in a table of the run."""

    def profile(
        self,
        table: Table,
        order: str,
        numbers: Sequence[str],
        column: str = "",
        values: Sequence[str] | None = None,
    ) -> Profile:
        """Measure the rows of a table of the run: all, or those with certain values.

        Args:
            table: The table.
            order: Column of integers that orders the rows.
            numbers: Columns of numbers.
            column: Column of the values.
            values: The values; left out: all rows.
        """

    def count_keys(self, tables: Sequence[Table], columns: Sequence[str]) -> int:
        """Count the distinct combinations of values of columns in several tables of the run together."""

    def write_csv(
        self, table: Table, columns: Sequence[str], stream: IO[bytes], *, order_by: Sequence[str] = ()
    ) -> int:
        """Stream columns of a table of the run out as CSV with a header, in UTF-8.

        Args:
            table: The table.
            columns: The columns, in their order in the file.
            stream: The file to write to.
            order_by: Columns that the rows are ordered by; text is ordered by code points, not by a language.

        Returns:
            The number of rows.
        """

    def merge(self, source: Table, columns: Sequence[str], target: Table) -> None:
        """Put the rows of a table of the run into a permanent table; they replace rows with the same key.

        Rows that are equal already are not written.

        Args:
            source: The table of the run.
            columns: Columns of the source, in the order of the columns of the target.
            target: The permanent table; it is made if it does not exist.
        """


Transactions = Callable[[str], AbstractContextManager[DatabaseTransaction]]
"""Opens a transaction on the tables of a run; it commits at its end, and rolls back on an error."""

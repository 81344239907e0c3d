"""The database of a run: what the flows need of it, and which implementation a block leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from .loading import load_block

if TYPE_CHECKING:
    from prefect_sqlalchemy.database import SqlAlchemyConnector
    from sqlalchemy import URL


Kind = Literal[
    "text", "integer", "bigint", "decimal", "double", "boolean", "date", "timestamp", "timestamptz"
]
"""Type of a column: `integer` has 32 bits, `bigint` 64. `decimal` keeps every digit of a number that a double
can hold, too. `timestamptz` is a point in time, `timestamp` what a clock somewhere shows."""


class RecordRefused(ValueError):
    """Raised when a record of a file does not fit its table; the message says where and why."""


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes:
        kind: Its type.
        required: Whether it must have a value.
    """

    kind: Kind
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table. Names of columns may be any text; the name of the table is letters, digits and `_`.

    Attributes:
        name: Its name.
        columns: Its columns, in order.
        key: Columns whose values together occur once.
    """

    name: str
    columns: Mapping[str, Column]
    key: Sequence[str] = ()


@dataclass(frozen=True)
class Profile:
    """What can be said of the rows of a table without looking at each.

    Attributes:
        rows: Number of rows.
        first: Least value of the column that orders them.
        last: Greatest value of that column.
        present: How many rows have a value, by column.
        totals: Sum of the values, each without its sign, which opposites cannot cancel, by column.
    """

    rows: int
    first: int | None
    last: int | None
    present: Mapping[str, int]
    totals: Mapping[str, float]

    @classmethod
    def of(cls, columns: Sequence[str], figures: Sequence[Any]) -> Profile:
        """Make it of one row of a query: rows, first, last, then count and sum of each column."""
        rows, first, last, *of_columns = figures
        return cls(
            rows,
            first,
            last,
            present=dict(zip(columns, of_columns[::2], strict=True)),
            totals={name: float(total) for name, total in zip(columns, of_columns[1::2], strict=True)},
        )


class Readable(Protocol):
    """What a CSV file is read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Read up to `size` bytes; none at the end."""

    def readline(self, size: int = ..., /) -> bytes:
        """Part of what psycopg2 asks for; it does not use it."""


class Warehouse(Protocol):
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


Transactions = Callable[[str], AbstractContextManager[Warehouse]]
"""Opens one transaction after the other on the tables of a run; each commits at its end, or rolls back."""


@contextmanager
def open_database(block_name: str) -> Iterator[Transactions]:
    """Open the database of a block, for many transactions in a row.

    Args:
        block_name: Name of a `SqlAlchemyConnector` block. Call this from a sync task or from plain code: in
            an async context the block's methods return coroutines.
    """
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    with load_block(SqlAlchemyConnector, block_name) as connector:
        if has_copy(database_url(connector)):
            from .postgres_warehouse import postgres_warehouse

            yield partial(postgres_warehouse, connector)
        else:
            from .sql_warehouse import sql_warehouse

            yield partial(sql_warehouse, connector)


@contextmanager
def open_warehouse(block_name: str, run: str) -> Iterator[Warehouse]:
    """Open one transaction on the database of a block; it commits at the end and rolls back on an error.

    Args:
        block_name: As for `open_database`.
        run: What the names of the run's tables have in common: a schema, or the start of each name.
    """
    with open_database(block_name) as transaction, transaction(run) as warehouse:
        yield warehouse


def database_url(connector: SqlAlchemyConnector) -> URL:
    """URL of the database of a block, with its password."""
    from sqlalchemy import make_url

    given = connector.connection_info
    return make_url(str(given)) if isinstance(given, str) else given.create_url()


def has_copy(url: URL) -> bool:
    """Whether the database is reached by a driver with PostgreSQL's COPY."""
    return url.drivername == "postgresql+psycopg2"

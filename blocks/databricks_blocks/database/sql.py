"""Any database of SQLAlchemy as the database of a run, by statements that all of them take.

The run's tables are beside each other under names that begin alike: not every database has schemas. Decimals
are kept as the text of the number, checked before: SQLite has no decimals, and DuckDB's have a fixed scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa

from databricks_blocks.csv.rows import read_rows, write_rows
from databricks_blocks.database.merge import merge_statements
from databricks_blocks.database.tables import Column, Empty, Kind, Profile, Readable, RecordRefused, Table

if TYPE_CHECKING:
    from prefect_sqlalchemy.database import SqlAlchemyConnector

_ROWS_AT_ONCE = 5000
_LOCK_MILLISECONDS = 600_000


@contextmanager
def sql_transaction(connector: SqlAlchemyConnector, prefix: str) -> Iterator[SqlTransaction]:
    """Open one transaction; it commits at the end and rolls back on an error.

    Args:
        connector: Block with any driver.
        prefix: What the names of the run's tables begin with.
    """
    engine = connector.get_engine()
    if engine.dialect.name == "sqlite":
        _wait_for_other_writers(engine)
    with engine.begin() as connection:
        yield SqlTransaction(connection, prefix)


def _wait_for_other_writers(engine: sa.Engine) -> None:
    """Let a transaction of SQLite wait for earlier ones, instead of failing at its first write.

    Source: SQLAlchemy, SQLite dialect, on transactions that begin by themselves.
    """
    if not sa.event.contains(engine, "begin", _begin_immediately):
        sa.event.listen(engine, "connect", _leave_transactions_to_us)
        sa.event.listen(engine, "begin", _begin_immediately)


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_LOCK_MILLISECONDS}")


def _begin_immediately(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class SqlTransaction:
    """The tables of one run, whose names share a prefix."""

    def __init__(self, connection: sa.Connection, prefix: str) -> None:
        self._connection = connection
        self._prefix = f"{prefix}_"

    def begin_run(self) -> None:
        """Remove the tables that a killed attempt may have left."""
        self.end_run()

    def end_run(self) -> None:
        """Remove all tables of the run that exist."""
        for name in sa.inspect(self._connection).get_table_names():
            if name.startswith(self._prefix):
                sa.Table(name, sa.MetaData()).drop(self._connection)

    def keep(self, table: Table) -> None:
        """Make a table, if it does not exist."""
        self._table(table).create(self._connection, checkfirst=True)

    def add(self, table: Table, row: Sequence[Any]) -> None:
        """Add one row to a table."""
        self._connection.execute(self._table(table).insert(), dict(zip(table.columns, row, strict=True)))

    def find(self, table: Table, column: str, value: Any) -> list[tuple[Any, ...]]:
        """Find the rows of a table that have a value."""
        source = self._table(table)
        rows = self._connection.execute(sa.select(source).where(source.c[column] == value))
        return [tuple(row) for row in rows]

    def create(self, table: Table) -> None:
        """Make an empty table."""
        target = self._table(table)
        target.drop(self._connection, checkfirst=True)
        target.create(self._connection)

    def load_csv(self, table: Table, stream: Readable, empty: Empty = "null") -> int:
        """Insert the records of a CSV file with a header."""
        insert = self._table(table).insert()
        loaded = 0
        try:
            for rows in read_rows(table, stream, _ROWS_AT_ONCE, empty):
                self._connection.execute(insert, rows)
                loaded += len(rows)
        except (sa.exc.DataError, sa.exc.IntegrityError) as error:
            raise RecordRefused(str(error.orig)) from error
        return loaded

    def select_into(self, target: str, source: Table, column: str, values: Sequence[str] | None) -> int:
        """Select rows into another table."""
        selected = Table(target, source.columns)
        self.create(selected)
        table = self._table(source)
        query = sa.select(table)
        if values is not None:
            query = query.where(table.c[column].in_(values))
        self._connection.execute(self._table(selected).insert().from_select(list(source.columns), query))
        return self.count(selected)

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        query = sa.select(sa.func.count()).select_from(self._table(table))
        return int(self._connection.scalar(query) or 0)

    def find_duplicate(self, table: Table, columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Find a combination of values that occurs more than once."""
        source = self._table(table)
        found = [source.c[column] for column in columns]
        query = sa.select(*found).group_by(*found).having(sa.func.count() > 1).limit(1)
        row = self._connection.execute(query).first()
        return tuple(row) if row else None

    def profile(
        self,
        table: Table,
        order: str,
        numbers: Sequence[str],
        column: str = "",
        values: Sequence[str] | None = None,
    ) -> Profile:
        """Measure rows of a table."""
        source = self._table(table)
        year = source.c[order]
        figures: list[sa.ColumnElement[Any]] = [sa.func.count(), sa.func.min(year), sa.func.max(year)]
        for name in numbers:
            magnitude = sa.func.abs(sa.cast(source.c[name], sa.Double()))
            figures += [sa.func.count(source.c[name]), sa.func.coalesce(sa.func.sum(magnitude), 0)]
        query = sa.select(*figures).select_from(source)
        if values is not None:
            query = query.where(source.c[column].in_(values))
        return Profile.of(numbers, self._connection.execute(query).one())

    def count_keys(self, tables: Sequence[Table], columns: Sequence[str]) -> int:
        """Count the distinct combinations of values of some columns."""
        sources = [self._table(table) for table in tables]
        keys = [sa.select(*(source.c[name] for name in columns)).distinct() for source in sources]
        distinct = sa.union(*keys).subquery()
        return int(self._connection.scalar(sa.select(sa.func.count()).select_from(distinct)) or 0)

    def write_csv(
        self, table: Table, columns: Sequence[str], stream: IO[bytes], *, order_by: Sequence[str] = ()
    ) -> int:
        """Stream columns of a table out as CSV with a header."""
        source = self._table(table)
        query = sa.select(*(source.c[column] for column in columns))
        query = query.order_by(*(source.c[column] for column in order_by))
        result = self._connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
        return write_rows(columns, result, stream)

    def merge(self, source: Table, columns: Sequence[str], target: Table) -> None:
        """Put rows into a permanent table; they replace rows with the same key."""
        kept = sql_table(target.name, target)
        kept.create(self._connection, checkfirst=True)
        rows = self._table(source)
        for statement in merge_statements(
            self._connection.dialect.name, kept, rows, [rows.c[column] for column in columns]
        ):
            self._connection.execute(statement)

    def _table(self, table: Table) -> sa.Table:
        return sql_table(self._prefix + table.name, table)


def sql_table(name: str, table: Table) -> sa.Table:
    """Make the table of SQLAlchemy, under a name of its own."""
    columns = [_column(name, column, in_key=name in table.key) for name, column in table.columns.items()]
    key = [sa.PrimaryKeyConstraint(*table.key)] if table.key else []
    return sa.Table(name, sa.MetaData(), *columns, *key)


def _column(name: str, column: Column, *, in_key: bool) -> sa.Column[Any]:
    types: dict[Kind, sa.types.TypeEngine[Any]] = {
        # Some databases have no text of unlimited length in a key.
        "text": sa.String(255) if in_key else sa.Text(),
        "integer": sa.Integer(),
        "decimal": sa.Text(),
        "double": sa.Double(),
        "bigint": sa.BigInteger(),
        "boolean": sa.Boolean(),
        "date": sa.Date(),
        "timestamp": sa.DateTime(),
        # Some databases drop the time zone, and so change the time.
        "timestamptz": sa.Text(),
    }
    nullable = not (column.required or in_key)
    # Always quoted: SQLAlchemy's list of reserved words is not complete; it lacks SQLite's `nothing`.
    return sa.Column(
        sa.quoted_name(name, quote=True), types[column.kind], nullable=nullable, autoincrement=False
    )

"""PostgreSQL as the database of a run: a schema for each, and rows streamed in and out by COPY."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from databricks_blocks.database.tables import Column, Empty, Kind, Profile, Readable, RecordRefused, Table

if TYPE_CHECKING:
    from prefect_sqlalchemy.database import SqlAlchemyConnector
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2 names its class in lower case

_TYPES: dict[Kind, str] = {
    "text": "text",
    "integer": "integer",
    "bigint": "bigint",
    # PostgreSQL's numeric takes NaN, the infinities, and numbers that are infinite as Spark's double. All are
    # refused. NaN sorts above all numbers (docs: numeric types).
    "decimal": f"numeric CHECK (abs({{column}}) <= {sys.float_info.max})",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp with time zone",
}
LOCK_TIMEOUT = "30s"
"""How long the removal of a run's tables waits for somebody who has a transaction open on one of them."""
# The driver's own parts of 8 KiB cost a call each.
_BYTES_AT_ONCE = 256 * 1024


@contextmanager
def postgres_transaction(connector: SqlAlchemyConnector, schema: str) -> Iterator[PostgresTransaction]:
    """Open one transaction; it commits at the end and rolls back on an error.

    Args:
        connector: Block with the psycopg2 driver.
        schema: Schema of the run.
    """
    with connector.get_connection(begin=False) as connection:
        # Not the block's own transaction: its rollback hides the error of a lost connection.
        transaction: Any = connection.connection.driver_connection
        try:
            with transaction.cursor() as cursor:
                yield PostgresTransaction(cursor, schema)
            transaction.commit()
        except BaseException:
            if not transaction.closed:
                transaction.rollback()
            raise


class PostgresTransaction:
    """The tables in the schema of one run."""

    def __init__(self, cursor: Cursor, schema: str) -> None:
        self.cursor = cursor
        self._schema = schema

    def begin_run(self) -> None:
        """Make an empty schema; one that a killed attempt left is removed first."""
        self.end_run()
        self.cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._schema)))

    def end_run(self) -> None:
        """Remove the schema with all it holds, if it exists. Who uses its tables is waited for, not long."""
        self.cursor.execute("SET LOCAL lock_timeout = %s", (LOCK_TIMEOUT,))
        self.cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(self._schema)))

    def keep(self, table: Table) -> None:
        """Make a table and its schema, if they do not exist."""
        self._one_at_a_time(self._schema)
        for statement, *names in (
            ("CREATE SCHEMA IF NOT EXISTS {}", sql.Identifier(self._schema)),
            ("CREATE TABLE IF NOT EXISTS {} ({})", self._name(table.name), _definitions(table)),
        ):
            self.cursor.execute(sql.SQL(statement).format(*names))

    def add(self, table: Table, row: Sequence[Any]) -> None:
        """Add one row to a table."""
        self.cursor.execute(sql.SQL("INSERT INTO {} VALUES %s").format(self._name(table.name)), (tuple(row),))

    def find(self, table: Table, column: str, value: Any) -> list[tuple[Any, ...]]:
        """Find the rows of a table that have a value."""
        query = sql.SQL("SELECT * FROM {} WHERE {} = %s")
        self.cursor.execute(query.format(self._name(table.name), sql.Identifier(column)), (value,))
        return self.cursor.fetchall()

    def create(self, table: Table) -> None:
        """Make an empty table."""
        self._drop(table.name)
        target = self._name(table.name)
        self.cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(target, _definitions(table)))

    def load_csv(self, table: Table, stream: Readable, empty: Empty = "null") -> int:
        """Stream a CSV file with a header into a table."""
        # Some tools quote every field, also where there is no value.
        absent = [name for name, column in table.columns.items() if empty == "null" or column.kind != "text"]
        forced = sql.SQL(", FORCE_NULL ({})").format(_identifiers(absent)) if absent else sql.SQL("")
        statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv, HEADER, ENCODING 'UTF8'{})").format(
            self._name(table.name), _identifiers(tuple(table.columns)), forced
        )
        source = _Source(stream)
        try:
            self.cursor.copy_expert(statement, source, _BYTES_AT_ONCE)
        except psycopg2.errors.QueryCanceled as error:
            # The driver tells the server that reading failed, and raises what the server makes of that.
            if source.error is None:
                raise
            raise source.error from error
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            raise RecordRefused(_reason(error)) from error
        return self.cursor.rowcount

    def select_into(self, target: str, source: Table, column: str, values: Sequence[str] | None) -> int:
        """Select rows into another table."""
        self._drop(target)
        query = sql.SQL("CREATE TABLE {} AS SELECT * FROM {}").format(
            self._name(target), self._name(source.name)
        )
        if values is not None:
            query += sql.SQL(" WHERE {} = ANY(%s)").format(sql.Identifier(column))
        self.cursor.execute(query, None if values is None else (list(values),))
        return self.cursor.rowcount

    def find_duplicate(self, table: Table, columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Find a combination of values that occurs more than once."""
        self.cursor.execute(
            sql.SQL("SELECT {columns} FROM {} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1").format(
                self._name(table.name), columns=_identifiers(columns)
            )
        )
        return self.cursor.fetchone()

    def profile(
        self,
        table: Table,
        order: str,
        numbers: Sequence[str],
        column: str = "",
        values: Sequence[str] | None = None,
    ) -> Profile:
        """Measure rows of a table."""
        # As numeric: a sum of doubles can overflow, and depends on the order of the rows.
        of_number = sql.SQL(", count({0}), coalesce(sum(abs({0}::numeric)), 0)")
        query = sql.SQL("SELECT count(*), min({0}), max({0}){1} FROM {2}").format(
            sql.Identifier(order),
            sql.Composed([of_number.format(sql.Identifier(name)) for name in numbers]),
            self._name(table.name),
        )
        if values is not None:
            # Not as a parameter: a % in the name of a column would be read as the place of one.
            chosen = sql.Literal(list(values))
            query += sql.SQL(" WHERE {} = ANY({}::text[])").format(sql.Identifier(column), chosen)
        self.cursor.execute(query)
        [figures] = self.cursor.fetchall()
        return Profile.of(numbers, figures)

    def count_keys(self, tables: Sequence[Table], columns: Sequence[str]) -> int:
        """Count the distinct combinations of values of some columns."""
        queries = [
            sql.SQL("SELECT {} FROM {}").format(_identifiers(columns), self._name(table.name))
            for table in tables
        ]
        self.cursor.execute(
            sql.SQL("SELECT count(*) FROM (SELECT DISTINCT * FROM ({}) AS rows) AS keys").format(
                sql.SQL(" UNION ALL ").join(queries)
            )
        )
        [(keys,)] = self.cursor.fetchall()
        return int(keys)

    def write_csv(
        self, table: Table, columns: Sequence[str], stream: IO[bytes], *, order_by: Sequence[str] = ()
    ) -> int:
        """Stream columns of a table out as CSV with a header."""
        query = sql.SQL("SELECT {} FROM {}").format(_identifiers(columns), self._name(table.name))
        if order_by:
            order = [
                sql.SQL('{} COLLATE "C"' if table.columns[name].kind == "text" else "{}").format(
                    sql.Identifier(name)
                )
                for name in order_by
            ]
            query += sql.SQL(" ORDER BY ") + sql.SQL(", ").join(order)
        self.cursor.copy_expert(
            sql.SQL("COPY ({}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')").format(query), stream
        )
        return self.cursor.rowcount

    def merge(self, source: Table, columns: Sequence[str], target: Table) -> None:
        """Put rows into a permanent table; they replace rows with the same key."""
        self._one_at_a_time(target.name)
        name = sql.Identifier(target.name)
        self.cursor.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(name, _definitions(target)))
        others = [column for column in target.columns if column not in target.key]
        # Rows that are equal already are not written, so that a second run changes nothing.
        self.cursor.execute(
            sql.SQL(
                """
                INSERT INTO {target} AS kept ({all}) SELECT {columns} FROM {source}
                ON CONFLICT ({key}) DO UPDATE SET ({others}) = ROW ({new})
                WHERE ({old}) IS DISTINCT FROM ({new})
                """
            ).format(
                target=name,
                all=_identifiers(tuple(target.columns)),
                columns=_identifiers(columns),
                source=self._name(source.name),
                key=_identifiers(target.key),
                others=_identifiers(others),
                old=sql.SQL(", ").join(sql.Identifier("kept", column) for column in others),
                new=sql.SQL(", ").join(sql.Identifier("excluded", column) for column in others),
            )
        )

    def _one_at_a_time(self, name: str) -> None:
        # Two transactions would race to create the table, or lock its rows in different orders.
        self.cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))

    def _name(self, table: str) -> sql.Identifier:
        return sql.Identifier(self._schema, table)

    def _drop(self, table: str) -> None:
        self.cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self._name(table)))


class _Source:
    """A stream that remembers the error of its last read."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.error: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            self.error = error
            raise

    def readline(self, size: int = -1) -> bytes:
        return self._stream.readline(size)


def _definitions(table: Table) -> sql.Composed:
    parts = [_definition(name, column) for name, column in table.columns.items()]
    if table.key:
        parts.append(sql.SQL("PRIMARY KEY ({})").format(_identifiers(table.key)))
    return sql.SQL(", ").join(parts)


def _definition(name: str, column: Column) -> sql.Composed:
    quoted = sql.Identifier(name)
    kind = sql.SQL(_TYPES[column.kind]).format(column=quoted)
    return sql.SQL("{} {} {}").format(quoted, kind, sql.SQL("NOT NULL" if column.required else ""))


def _identifiers(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _reason(error: psycopg2.Error) -> str:
    """Where and why PostgreSQL refuses a file, in PostgreSQL's words."""
    message = (error.diag.message_primary or str(error)).strip()
    # The context reads like `COPY solar, line 3, column Year: "x"`.
    where = re.search(r", line \d+(, column [^:]+)?", error.diag.context or "")
    return f"{where[0] if where else ''}: {message}"

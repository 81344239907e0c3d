"""PostgreSQL behind a `SqlAlchemyConnector` block: schemas of a run, and rows streamed in and out by COPY."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

from psycopg2 import sql

from .loading import load_block

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2 names its class in lower case


class Readable(Protocol):
    """What COPY reads from."""

    def read(self, size: int = ..., /) -> bytes:
        """Read up to `size` bytes; none at the end."""

    def readline(self, size: int = ..., /) -> bytes:
        """Part of what psycopg2 asks for; COPY does not use it."""


@contextmanager
def warehouse_cursor(block_name: str) -> Iterator[Cursor]:
    """Open one transaction on the database of a block; it commits at the end and rolls back on an error.

    Args:
        block_name: Name of a `SqlAlchemyConnector` block with the psycopg2 driver. Call this from a sync task
            or from plain code: in an async context the block's methods return coroutines.
    """
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    with (
        load_block(SqlAlchemyConnector, block_name) as connector,
        connector.get_connection(begin=False) as connection,
    ):
        # Not the block's own transaction, whose rollback hides the error that a lost connection gave.
        transaction = connection.connection.driver_connection
        try:
            with transaction.cursor() as cursor:
                yield cursor
            transaction.commit()
        except BaseException:
            if not transaction.closed:
                transaction.rollback()
            raise


def create_schema(cursor: Cursor, schema: str) -> None:
    """Make an empty schema, in place of what an attempt that was killed may have left."""
    drop_schema(cursor, schema)
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))


def drop_schema(cursor: Cursor, schema: str) -> None:
    """Remove a schema with all it holds, if it is there."""
    cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def create_table(
    cursor: Cursor, schema: str, table: str, columns: Mapping[str, str], *, key: Sequence[str] = ()
) -> None:
    """Make an empty table, in place of one that an attempt before this one may have left.

    Args:
        cursor: Cursor of the transaction.
        schema: Schema of the table.
        table: Name of the table.
        columns: SQL type and constraints by column name; `{column}` in them stands for the quoted name.
            Names may be any text, types are code: never take them from a file.
        key: Columns whose values together occur once.
    """
    target = sql.Identifier(schema, table)
    definitions = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind).format(column=sql.Identifier(name)))
        for name, kind in columns.items()
    ]
    if key:
        definitions.append(sql.SQL("PRIMARY KEY ({})").format(identifiers(key)))
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(target))
    cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(target, sql.SQL(", ").join(definitions)))


def copy_csv_in(cursor: Cursor, schema: str, table: str, columns: Sequence[str], stream: Readable) -> int:
    """Stream a CSV file with a header into a table.

    Args:
        cursor: Cursor of the transaction.
        schema: Schema of the table.
        table: Name of the table.
        columns: The columns of the file, in its order.
        stream: The file in UTF-8, without a byte order mark.

    Returns:
        The number of rows.

    Raises:
        psycopg2.DataError: A record does not fit the table.
        psycopg2.IntegrityError: A record breaks a constraint of the table.
    """
    # A quoted empty field is an absent value too: tools that quote everything write it so.
    statement = sql.SQL(
        "COPY {} ({columns}) FROM STDIN WITH (FORMAT csv, HEADER, ENCODING 'UTF8', FORCE_NULL ({columns}))"
    ).format(sql.Identifier(schema, table), columns=identifiers(columns))
    cursor.copy_expert(statement, stream)
    return cursor.rowcount


def copy_csv_out(cursor: Cursor, query: sql.Composable, stream: IO[bytes]) -> int:
    """Stream the rows of a query out as CSV with a header, in UTF-8.

    Returns:
        The number of rows.
    """
    statement = sql.SQL("COPY ({}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')").format(query)
    cursor.copy_expert(statement, stream)
    return cursor.rowcount


def identifiers(names: Sequence[str]) -> sql.Composed:
    """Quote names and separate them by commas."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def fetch_all(cursor: Cursor, query: sql.Composable, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a query with bound values and return all of its rows."""
    cursor.execute(query, parameters)
    return cursor.fetchall()

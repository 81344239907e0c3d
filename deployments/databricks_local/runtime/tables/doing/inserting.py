"""INSERT."""

from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.delta.schema import find, type_ddl
from databricks_local.runtime.tables.doing.writing import (
    Change,
    Removed,
    Writer,
    all_removed,
    nothing_removed,
    same_partitions_removed,
)
from databricks_local.runtime.tables.engine import counts
from databricks_local.runtime.tables.errors import analysis_error, refused
from databricks_local.runtime.tables.reading.cursor import Cursor, split_list
from databricks_local.runtime.tables.reading.tokens import quoted_name
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement

PARTITION_MODE = "spark.sql.sources.partitionOverwriteMode"


@dataclass(frozen=True)
class Insert:
    """An INSERT as it is written.

    Attributes:
        table: The name of the table.
        overwrite: Whether the rows take the place of others.
        partitions: The partition: columns, and the text of their values; empty for what the rows say.
        columns: The columns that the rows are for.
        by_name: Whether columns are found by name.
        replace_where: The condition of the rows whose place is taken.
        query: The rows.
    """

    table: tuple[str, ...]
    overwrite: bool
    partitions: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    by_name: bool
    replace_where: str
    query: str


def read_insert(cursor: Cursor) -> Insert:
    """Read INSERT."""
    cursor.expect("INSERT")
    overwrite = bool(cursor.accept("OVERWRITE"))
    if not overwrite:
        cursor.expect("INTO")
    cursor.accept("TABLE")
    table = cursor.name()
    replace_where = (
        cursor.until("SELECT", "WITH", "VALUES", "FROM", "TABLE") if cursor.accept("REPLACE", "WHERE") else ""
    )
    partitions: list[tuple[str, str]] = []
    if cursor.accept("PARTITION"):
        for each in split_list(cursor.in_parentheses()):
            inner = Cursor(each)
            name = inner.word()
            partitions.append((name, inner.rest() if inner.accept("=") else ""))
    cursor.accept("IF", "NOT", "EXISTS")
    by_name = cursor.accept("BY", "NAME")
    columns: tuple[str, ...] = ()
    if cursor.looks_at("(") and not any(
        cursor.looks_at("(", word) for word in ("SELECT", "WITH", "VALUES", "(")
    ):
        columns = tuple(Cursor(each).word() for each in split_list(cursor.in_parentheses()))
    if not replace_where and cursor.accept("REPLACE", "WHERE"):
        replace_where = cursor.until("SELECT", "WITH", "VALUES", "FROM", "TABLE")
    by_name = cursor.accept("BY", "NAME") or by_name
    return Insert(table, overwrite, tuple(partitions), columns, by_name, replace_where, cursor.rest())


def insert(statement: Statement, cursor: Cursor) -> Any:
    """Serve INSERT."""
    if cursor.looks_at("INSERT", "OVERWRITE") and any(
        cursor.looks_at("INSERT", "OVERWRITE", *words) for words in (("DIRECTORY",), ("LOCAL", "DIRECTORY"))
    ):
        raise refused("INSERT OVERWRITE DIRECTORY", "use df.write.save(path)")
    asked = read_insert(cursor)
    entry = statement.catalog.require_table(asked.table, "INSERT")
    query = Sources(statement.engine, statement.catalog).in_query(
        _without_default(asked.query), statement.relation
    )
    frame = statement.engine.frame(query, statement.relation)
    if asked.replace_where:
        return _replace_where(statement, entry, frame, asked)
    columns = asked.columns
    if any(value for _, value in asked.partitions):
        frame, columns = _with_partition(entry, frame, asked)
    removed = _removed(statement, asked)
    mode = "Overwrite" if asked.overwrite else "Append"
    change = Change(
        "WRITE",
        {"mode": mode, "partitionBy": []},
        by_name=asked.by_name,
        columns=columns,
        removed=removed,
    )
    written = Writer(statement.engine).add(entry, frame, change)
    return counts(num_affected_rows=written.rows, num_inserted_rows=written.rows)


def _without_default(query: str) -> str:
    if Cursor(query).looks_at("DEFAULT"):
        raise refused("INSERT … DEFAULT VALUES", "name the other columns in the list of INSERT")
    return query


def _removed(statement: Statement, asked: Insert) -> Removed:
    if not asked.overwrite:
        return nothing_removed
    dynamic = statement.engine.conf(PARTITION_MODE).lower() == "dynamic"
    return same_partitions_removed if dynamic or asked.partitions else all_removed


def _with_partition(entry: Entry, frame: Any, asked: Insert) -> tuple[Any, tuple[str, ...]]:
    """Rows with the values of the partition that they are for, and their columns."""
    fields = DeltaLog(entry.on_disk("INSERT")).snapshot().fields
    fixed = {name.lower(): value for name, value in asked.partitions if value}
    names = list(asked.columns) or [field["name"] for field in fields if field["name"].lower() not in fixed]
    if len(names) != len(frame.columns):
        raise analysis_error(
            "INSERT_PARTITION_COLUMN_ARITY_MISMATCH",
            f"Cannot write to {entry.shown}: columns {', '.join(names)}, rows have {len(frame.columns)}.",
        )
    frame = frame.toDF(*[f"_{position}" for position in range(len(names))])
    for name, value in fixed.items():
        field = find(fields, name)
        if field is None:
            raise analysis_error("NON_PARTITION_COLUMN", f"There is no column {quoted_name(name)}.")
        frame = frame.selectExpr(
            "*", f"CAST({value} AS {type_ddl(field['type'])}) AS {quoted_name('_' + name)}"
        )
        names.append(field["name"])
    return frame, tuple(names)


def _replace_where(statement: Statement, entry: Entry, frame: Any, asked: Insert) -> Any:
    """Rows that take the place of those of a condition, which they have to fulfil themselves."""
    fields = DeltaLog(entry.on_disk("INSERT")).snapshot().fields
    names = [field["name"] for field in fields]
    rows = frame if asked.by_name else frame.toDF(*(asked.columns or names))
    strangers = rows.where(f"NOT coalesce({asked.replace_where}, false)").limit(1).count()
    if strangers:
        raise analysis_error(
            "DELTA_REPLACE_WHERE_MISMATCH",
            f"Written data does not conform to partial table overwrite condition or constraint "
            f"'{asked.replace_where}'.",
        )
    number = rows.count()
    statement.engine.replace_where(rows.select(*names), entry.uri, asked.replace_where)
    return counts(num_affected_rows=number, num_inserted_rows=number)

"""INSERT."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.delta.schema import Field, find, type_ddl
from databricks_local.runtime.tables.delta.staging import Staged
from databricks_local.runtime.tables.doing.definitions import PHYSICAL_NAME
from databricks_local.runtime.tables.doing.replacing import replace_where
from databricks_local.runtime.tables.doing.writing import (
    Change,
    Removed,
    Writer,
    all_removed,
    nothing_removed,
    same_partitions_removed,
)
from databricks_local.runtime.tables.engine import Engine, counts, literals_of
from databricks_local.runtime.tables.errors import analysis_error, refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.insert import Insert, read_insert
from databricks_local.runtime.tables.reading.parameters import with_parameters
from databricks_local.runtime.tables.reading.tokens import quoted_name, tokens_of
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement

PARTITION_MODE = "spark.sql.sources.partitionOverwriteMode"


def insert(statement: Statement, cursor: Cursor) -> Any:
    """Serve INSERT."""
    if cursor.looks_at("INSERT", "OVERWRITE") and any(
        cursor.looks_at("INSERT", "OVERWRITE", *words) for words in (("DIRECTORY",), ("LOCAL", "DIRECTORY"))
    ):
        raise refused("INSERT OVERWRITE DIRECTORY", "use df.write.save(path)")
    asked = _bound(read_insert(cursor), statement.relation)
    entry = statement.catalog.require_table(asked.table, "INSERT")
    query = Sources(statement.engine, statement.catalog).in_query(
        _without_default(asked.query), statement.relation
    )
    frame = statement.engine.frame(query, statement.relation)
    columns = asked.columns
    if asked.fixed:
        frame, columns = _with_partition(entry, frame, asked)
    mode = "Overwrite" if asked.overwrite else "Append"
    change = Change(
        "WRITE",
        {"mode": mode, "partitionBy": []},
        by_name=asked.by_name,
        columns=columns,
        removed=_removed(statement, entry, asked),
    )
    if asked.replace_where:
        written = replace_where(statement.engine, entry, frame, change, asked.replace_where)
    else:
        written = Writer(statement.engine).add(entry, frame, change)
    return counts(num_affected_rows=written.rows, num_inserted_rows=written.rows)


def _bound(asked: Insert, relation: Any) -> Insert:
    """The statement with the values of parameters outside of its query, which alone the engine binds."""
    named, positional = literals_of(relation)
    outside = [asked.replace_where, *(value for _, value in asked.partitions)]
    if positional and any(token.text == "?" for text in outside for token in tokens_of(text)):
        raise refused("A parameter ? outside of the query of INSERT", "name it, as :name")
    partitions = tuple((name, with_parameters(value, named, ())) for name, value in asked.partitions)
    return replace(
        asked, replace_where=with_parameters(asked.replace_where, named, ()), partitions=partitions
    )


def _without_default(query: str) -> str:
    if Cursor(query).looks_at("DEFAULT"):
        raise refused("INSERT … DEFAULT VALUES", "name the other columns in the list of INSERT")
    return query


def _removed(statement: Statement, entry: Entry, asked: Insert) -> Removed:
    """Which files the rows take the place of, as Spark decides it."""
    if not asked.overwrite:
        return nothing_removed
    dynamic = statement.engine.conf(PARTITION_MODE).lower() == "dynamic"
    if not asked.fixed:
        return same_partitions_removed if dynamic else all_removed
    partitions = DeltaLog(entry.on_disk("INSERT OVERWRITE … PARTITION")).snapshot().partitions
    if dynamic and len(asked.fixed) < len(partitions):
        return same_partitions_removed
    return _matching(statement.engine, asked.fixed)


def _matching(engine: Engine, fixed: Mapping[str, str]) -> Removed:
    """The files of a partition, or of all partitions that have the given values."""

    def removed(before: Snapshot, rows: Staged) -> Sequence[Action]:
        files = list(before.files.values())
        for name, value in fixed.items():
            field = require_partition(before, name)
            key = field["metadata"].get(PHYSICAL_NAME, field["name"])
            same = _equal(engine, {add["partitionValues"].get(key) for add in files}, value, field)
            files = [add for add in files if add["partitionValues"].get(key) in same]
        return files

    return removed


def _equal(engine: Engine, values: Collection[str | None], value: str, field: Field) -> set[str | None]:
    """The values, as the log writes them, that are equal to one in SQL."""
    import pyarrow as pa

    kind = type_ddl(field["type"])
    frame = engine.of_arrow(pa.table({"value": pa.array(values, pa.string())}))
    return {row[0] for row in frame.where(f"CAST(value AS {kind}) <=> CAST({value} AS {kind})").collect()}


def require_partition(snapshot: Snapshot, name: str) -> Field:
    """The column of a name, by which a table is partitioned.

    Raises:
        AnalysisException: If it is not.
    """
    field = find(snapshot.fields, name)
    if field is None or field["name"] not in snapshot.partitions:
        raise analysis_error(
            "NON_PARTITION_COLUMN",
            f"PARTITION clause cannot contain the non-partition column: {quoted_name(name)}.",
        )
    return field


def _with_partition(entry: Entry, frame: Any, asked: Insert) -> tuple[Any, tuple[str, ...]]:
    """Rows with the values of the partition that they are for, and their columns."""
    snapshot = DeltaLog(entry.on_disk("INSERT … PARTITION")).snapshot()
    fields, fixed = snapshot.fields, asked.fixed
    names = list(asked.columns) or [field["name"] for field in fields if field["name"].lower() not in fixed]
    if len(names) != len(frame.columns):
        raise analysis_error(
            "INSERT_PARTITION_COLUMN_ARITY_MISMATCH",
            f"Cannot write to {entry.shown}: columns {', '.join(names)}, rows have {len(frame.columns)}.",
        )
    frame = frame.toDF(*[f"_{position}" for position in range(len(names))])
    for name, value in fixed.items():
        field = require_partition(snapshot, name)
        frame = frame.selectExpr(
            "*", f"CAST({value} AS {type_ddl(field['type'])}) AS {quoted_name('_' + name)}"
        )
        names.append(field["name"])
    return frame, tuple(names)

"""UPDATE, DELETE, MERGE and TRUNCATE: the engine changes the rows, the log says how many."""

from collections.abc import Mapping
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import (
    commit_info,
    remove_action,
    require_removable,
    write_commit,
    writing,
)
from databricks_local.runtime.tables.delta.engine_commits import commit_of_engine
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.engine import counts, nothing
from databricks_local.runtime.tables.errors import conflict, refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement

_REMOVING = ("UPDATE", "DELETE")

Metrics = Mapping[str, Any]


def update(statement: Statement, cursor: Cursor) -> Any:
    """Serve UPDATE."""
    cursor.expect("UPDATE")
    metrics = _change(statement, cursor.name(), "UPDATE")
    return counts(num_affected_rows=_number(metrics, "numUpdatedRows"))


def delete(statement: Statement, cursor: Cursor) -> Any:
    """Serve DELETE."""
    cursor.expect("DELETE")
    cursor.accept("FROM")
    metrics = _change(statement, cursor.name(), "DELETE")
    return counts(num_affected_rows=_number(metrics, "numDeletedRows"))


def merge(statement: Statement, cursor: Cursor) -> Any:
    """Serve MERGE."""
    cursor.expect("MERGE")
    evolves = cursor.accept("WITH", "SCHEMA", "EVOLUTION")
    cursor.accept("INTO")
    if evolves:
        raise refused("MERGE WITH SCHEMA EVOLUTION", "ALTER TABLE ADD COLUMNS first, then MERGE")
    metrics = _change(statement, cursor.name(), "MERGE")
    updated = _number(metrics, "numTargetRowsUpdated")
    deleted = _number(metrics, "numTargetRowsDeleted")
    inserted = _number(metrics, "numTargetRowsInserted")
    known = [number for number in (updated, deleted, inserted) if number is not None]
    return counts(
        num_affected_rows=sum(known) if known else None,
        num_updated_rows=updated,
        num_deleted_rows=deleted,
        num_inserted_rows=inserted,
    )


def truncate(statement: Statement, cursor: Cursor) -> Any:
    """Serve TRUNCATE TABLE."""
    cursor.expect("TRUNCATE", "TABLE")
    entry = statement.catalog.require_table(cursor.name(), "TRUNCATE TABLE")
    if cursor.looks_at("PARTITION"):
        raise refused("TRUNCATE TABLE … PARTITION", "use DELETE FROM … WHERE")
    cursor.finish()
    empty(entry)
    return nothing()


def empty(entry: Entry) -> None:
    """Take all rows out of a table."""
    table = entry.on_disk("TRUNCATE TABLE")
    with writing(table):
        before = DeltaLog(table).snapshot()
        metrics = {"numRemovedFiles": len(before.files)}
        info = commit_info("TRUNCATE", metrics=metrics, readVersion=before.version)
        now = info["commitInfo"]["timestamp"]
        removes = [remove_action(add, now) for add in before.files.values()]
        if removes:
            require_removable(before)
        try:
            write_commit(table, before.version + 1, [info, *removes])
        except FileExistsError as error:
            raise conflict("ConcurrentAppendException", entry.shown) from error


def _change(statement: Statement, name: tuple[str, ...], operation: str) -> Metrics | None:
    """Let the engine change rows; gives what its commit says, and None if that is not known."""
    entry = statement.catalog.require_table(name, operation)
    text = Sources(statement.engine, statement.catalog).in_query(statement.text, statement.relation)
    if entry.path is None:
        # The log of a table elsewhere is not read here.
        _run(statement, text)
        return None
    with writing(entry.path):
        before = DeltaLog(entry.path).snapshot()
        if operation in _REMOVING:
            require_removable(before)
        return commit_of_engine(
            entry.path, entry.shown, before.version, operation, lambda: _run(statement, text)
        )


def _run(statement: Statement, text: str) -> None:
    _, properties, _ = statement.engine.run(text, statement.relation)
    statement.engine.session.client.to_table(_plan(properties), {})


def _plan(properties: Mapping[str, Any]) -> Any:
    from pyspark.sql.connect.proto import Plan

    return Plan(root=properties["sql_command_result"])


def _number(metrics: Metrics | None, name: str) -> int | None:
    return None if metrics is None else int(metrics.get(name, 0))

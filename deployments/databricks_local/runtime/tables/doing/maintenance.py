"""OPTIMIZE, VACUUM and RESTORE."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import (
    commit_info,
    remove_action,
    require_removable,
    write_commit,
    writing,
)
from databricks_local.runtime.tables.delta.log import (
    Action,
    DeltaLog,
    NoDeltaTableError,
    Snapshot,
    vector_path,
)
from databricks_local.runtime.tables.delta.staging import forget_leftovers
from databricks_local.runtime.tables.delta.versions import forget_versions
from databricks_local.runtime.tables.engine import answer
from databricks_local.runtime.tables.errors import analysis_error, conflict, refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.sources import read_version, version_at
from databricks_local.runtime.tables.statements import Statement

DEFAULT_RETENTION_HOURS = 168.0
RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
SECONDS_IN_HOUR = 3600

_RESTORED = (
    "table_size_after_restore", "num_of_files_after_restore", "num_removed_files", "num_restored_files",
    "removed_files_size", "restored_files_size",
)  # fmt: skip


def optimize(statement: Statement, cursor: Cursor) -> Any:
    """Serve OPTIMIZE."""
    from deltalake import DeltaTable

    cursor.expect("OPTIMIZE")
    entry = statement.catalog.require_table(cursor.name(), "OPTIMIZE")
    cursor.accept("FULL")
    filters = _partition_filters(cursor) if cursor.accept("WHERE") else None
    columns = [each.strip("` ") for each in _zorder(cursor)]
    table = entry.on_disk("OPTIMIZE")
    with writing(table):
        snapshot = DeltaLog(table).snapshot()
        if snapshot.is_mapped:
            raise refused(
                f"OPTIMIZE of {entry.shown}, whose columns are mapped by name",
                "use INSERT OVERWRITE from the table itself",
            )
        delta = DeltaTable(table)
        if columns:
            metrics = delta.optimize.z_order(columns, partition_filters=filters)
        else:
            metrics = delta.optimize.compact(partition_filters=filters)
    return _optimized(entry, metrics)


def _zorder(cursor: Cursor) -> list[str]:
    if not cursor.accept("ZORDER", "BY"):
        cursor.finish()
        return []
    text = cursor.in_parentheses() if cursor.looks_at("(") else cursor.rest()
    return text.split(",")


def _partition_filters(cursor: Cursor) -> list[tuple[str, str, str]]:
    """Conditions on partitions, such as `d = '2024-01-01' AND e >= 3`."""
    filters = []
    while True:
        name = cursor.word()
        operator = cursor.accept_any("=", "!=", "<>", ">=", "<=", ">", "<")
        if not operator:
            raise refused("OPTIMIZE … WHERE with other conditions than comparisons", "leave WHERE away")
        cursor.accept_any("DATE", "TIMESTAMP")
        filters.append((name, "!=" if operator == "<>" else operator, cursor.value()))
        if not cursor.accept("AND"):
            return filters


def _optimized(entry: Entry, metrics: Mapping[str, Any]) -> Any:
    """The answer: the path, and the metrics as they are named there."""
    import pyarrow as pa

    sizes = pa.struct(
        [("min", pa.int64()), ("max", pa.int64()), ("avg", pa.float64()), ("totalFiles", pa.int64()),
         ("totalSize", pa.int64())]
    )  # fmt: skip
    kind = pa.struct(
        [("numFilesAdded", pa.int64()), ("numFilesRemoved", pa.int64()), ("filesAdded", sizes),
         ("filesRemoved", sizes), ("partitionsOptimized", pa.int64()), ("numBatches", pa.int64()),
         ("totalConsideredFiles", pa.int64()), ("totalFilesSkipped", pa.int64())]
    )  # fmt: skip
    told = {field.name: metrics.get(field.name) for field in kind}
    told |= {"filesAdded": _sizes(metrics["filesAdded"]), "filesRemoved": _sizes(metrics["filesRemoved"])}
    place = entry.record.get("storage_location") or entry.names[-1]
    return pa.table({"path": pa.array([place], pa.string()), "metrics": pa.array([told], kind)})


def _sizes(given: Any) -> dict[str, Any]:
    told = json.loads(given) if isinstance(given, str) else given
    return {name: told.get(name) or 0 for name in ("min", "max", "avg", "totalFiles", "totalSize")}


def vacuum(statement: Statement, cursor: Cursor) -> Any:
    """Serve VACUUM."""
    from deltalake import DeltaTable

    cursor.expect("VACUUM")
    entry = statement.catalog.require_table(cursor.name(), "VACUUM")
    cursor.accept_any("FULL", "LITE")
    hours = DEFAULT_RETENTION_HOURS
    if cursor.accept("RETAIN"):
        hours = float(cursor.value())
        cursor.accept_any("HOURS", "HOUR")
    dry = cursor.accept("DRY", "RUN")
    cursor.finish()
    if hours < DEFAULT_RETENTION_HOURS and statement.engine.conf(RETENTION_CHECK).lower() != "false":
        raise analysis_error(
            "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT",
            "Are you sure you would like to vacuum files with such a low retention period? If you have "
            "writers that "
            "are currently writing to this table, there is a risk that you may corrupt the state of your "
            "Delta "
            "table. If you are certain that there are no operations being performed on this table, such as "
            "insert/upsert/delete/optimize, then you may turn off this check by setting: "
            f"{RETENTION_CHECK} = false",
        )
    table = entry.on_disk("VACUUM")
    with writing(table):
        unused = DeltaTable(table).vacuum(int(hours), dry_run=dry, enforce_retention_duration=False)
        if not dry:
            forget_leftovers(table, max(hours, 1) * SECONDS_IN_HOUR)
            forget_versions(table)
    place = str(entry.record.get("storage_location") or entry.names[-1])
    paths = [f"{place.rstrip('/')}/{name}" for name in unused] if dry else [place]
    return answer([("path", "string")], [(path,) for path in paths])


def restore(statement: Statement, cursor: Cursor) -> Any:
    """Serve RESTORE."""
    cursor.expect("RESTORE")
    cursor.accept("TABLE")
    entry = statement.catalog.require_table(cursor.name(), "RESTORE")
    cursor.accept("TO")
    kind = cursor.accept_any("VERSION", "TIMESTAMP")
    cursor.expect("AS", "OF")
    asked = cursor.rest()
    engine = statement.engine
    if kind == "VERSION":
        version = read_version(entry, str(engine.value(asked, statement.relation)))
    else:
        moment = engine.value(f"unix_millis(CAST({asked} AS TIMESTAMP))", statement.relation)
        version = version_at(entry, int(moment), asked)
    table = entry.on_disk("RESTORE")
    with writing(table):
        return _restored(entry, table, version)


def _restored(entry: Entry, table: Path, version: int) -> Any:
    log = DeltaLog(table)
    now = log.snapshot()
    try:
        then = log.snapshot(version)
    except NoDeltaTableError as error:
        raise analysis_error("DELTA_CANNOT_RESTORE_TABLE_VERSION", f"{error}") from error
    added = [add for key, add in then.files.items() if key not in now.files]
    removed = [add for key, add in now.files.items() if key not in then.files]
    if removed:
        require_removable(now)
    _refuse_missing_files(entry, table, added)
    metrics = {
        "tableSizeAfterRestore": _size(then.files.values()),
        "numOfFilesAfterRestore": len(then.files),
        "numRemovedFiles": len(removed),
        "numRestoredFiles": len(added),
        "removedFilesSize": _size(removed),
        "restoredFilesSize": _size(added),
    }
    info = commit_info("RESTORE", {"version": version, "timestamp": None}, metrics, readVersion=now.version)
    try:
        write_commit(table, now.version + 1, [info, *_actions(now, then, added, removed, info)])
    except FileExistsError as error:
        raise conflict("ConcurrentAppendException", entry.shown) from error
    return answer([(name, "long") for name in _RESTORED], [tuple(metrics.values())])


def _actions(
    now: Snapshot, then: Snapshot, added: list[Action], removed: list[Action], info: Action
) -> list[Action]:
    moment = info["commitInfo"]["timestamp"]
    actions: list[Action] = []
    if then.metadata != now.metadata:
        actions.append({"metaData": then.metadata})
    actions += [remove_action(add, moment) for add in removed]
    return [*actions, *({"add": {**add, "dataChange": True}} for add in added)]


def _size(files: Any) -> int:
    return sum(int(add.get("size", 0)) for add in files)


def _refuse_missing_files(entry: Entry, table: Path, adds: list[Action]) -> None:
    from urllib.parse import unquote

    needed = [*(unquote(add["path"]) for add in adds), *filter(None, map(vector_path, adds))]
    gone = [path for path in needed if not (table / path).exists()]
    if gone:
        raise analysis_error(
            "DELTA_CANNOT_RESTORE_TABLE_VERSION",
            f"{len(gone)} files of that version of {entry.shown} are no longer there, as after VACUUM.",
        )

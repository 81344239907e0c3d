"""DESCRIBE DETAIL and DESCRIBE HISTORY: what the log of a Delta table says."""

import json
from datetime import datetime
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.log import Commit, DeltaLog
from databricks_local.runtime.tables.engine import answer
from databricks_local.runtime.tables.information_schema import moment
from databricks_local.runtime.tables.reading.cursor import Cursor

_HISTORY = (
    ("version", "long"), ("timestamp", "timestamp"), ("userId", "string"), ("userName", "string"),
    ("operation", "string"), ("operationParameters", "map"), ("job", "string"), ("notebook", "string"),
    ("clusterId", "string"), ("readVersion", "long"), ("isolationLevel", "string"),
    ("isBlindAppend", "boolean"), ("operationMetrics", "map"), ("userMetadata", "string"),
    ("engineInfo", "string"),
)  # fmt: skip
_DETAIL = (
    ("format", "string"), ("id", "string"), ("name", "string"), ("description", "string"),
    ("location", "string"), ("createdAt", "timestamp"), ("lastModified", "timestamp"),
    ("partitionColumns", "strings"), ("clusteringColumns", "strings"), ("numFiles", "long"),
    ("sizeInBytes", "long"), ("properties", "map"), ("minReaderVersion", "int"), ("minWriterVersion", "int"),
    ("tableFeatures", "strings"),
)  # fmt: skip


def history(entry: Entry, cursor: Cursor) -> Any:
    """The commits of a table, the newest first."""
    limit = int(cursor.value()) if cursor.accept("LIMIT") else None
    cursor.finish()
    log = DeltaLog(entry.on_disk("DESCRIBE HISTORY"))
    commits = list(reversed(log.commits()))[:limit]
    return answer(_HISTORY, [_line(commit) for commit in commits])


def _line(commit: Commit) -> tuple[Any, ...]:
    info = commit.info
    return (
        commit.version,
        moment(info.get("timestamp")),
        None,
        info.get("userName"),
        info.get("operation"),
        _texts(info.get("operationParameters")),
        None,
        None,
        info.get("clusterId"),
        info.get("readVersion"),
        info.get("isolationLevel", "WriteSerializable"),
        info.get("isBlindAppend"),
        _texts(info.get("operationMetrics")),
        info.get("userMetadata"),
        info.get("engineInfo"),
    )


def _texts(values: Any) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in (values or {}).items()
    ]


def detail(entry: Entry) -> Any:
    """One row about a Delta table."""
    log = DeltaLog(entry.on_disk("DESCRIBE DETAIL"))
    snapshot = log.snapshot()
    protocol = snapshot.protocol
    features = sorted({*(protocol.get("readerFeatures") or ()), *(protocol.get("writerFeatures") or ())})
    if not features:
        features = ["appendOnly", "invariants"]
    row: tuple[Any, ...] = (
        "delta",
        snapshot.metadata["id"],
        None if entry.by_path else ".".join(entry.names),
        entry.record.get("comment") or snapshot.metadata.get("description"),
        entry.record.get("storage_location") or entry.names[-1],
        moment(snapshot.metadata.get("createdTime")),
        _modified(log, snapshot.version),
        list(snapshot.partitions),
        [],
        len(snapshot.files),
        sum(int(add.get("size", 0)) for add in snapshot.files.values()),
        list({**entry.properties, **snapshot.configuration}.items()),
        int(protocol["minReaderVersion"]),
        int(protocol["minWriterVersion"]),
        features,
    )
    return answer(_DETAIL, [row])


def _modified(log: DeltaLog, version: int) -> datetime | None:
    return moment(log.commit(version).info.get("timestamp")) if version in log.versions() else None

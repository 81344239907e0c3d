"""Writes commits to the log of a Delta table: one whole, or none.

Statements that write one table wait for each other by a lock on a file beside its log, which the system takes
away when a process dies. Writers that know nothing of the lock are found by the version that they took.
"""

import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot

ENGINE = "Databricks-Local"
CHECKPOINT_EACH = 10
"""How many commits there are between checkpoints, as Delta's `delta.checkpointInterval`."""

_LOCK = "_writers.lock"

APPEND_ONLY = "delta.appendOnly"

PROTOCOL: Action = {"minReaderVersion": 1, "minWriterVersion": 2}


class AppendOnlyError(ValueError):
    """Raised when rows would be removed from a table that only grows."""


def require_removable(before: Snapshot) -> None:
    """Be sure that rows may be taken out of a table.

    Raises:
        AppendOnlyError: If its properties say that it only grows.
    """
    if before.configuration.get(APPEND_ONLY, "false").lower() == "true":
        raise AppendOnlyError(
            "This table is configured to only allow appends. To permit updates and deletes, use "
            f"ALTER TABLE … SET TBLPROPERTIES ('{APPEND_ONLY}' = 'false')."
        )


@contextlib.contextmanager
def writing(table: Path) -> Iterator[None]:
    """Be the only statement that writes a table.

    Args:
        table: Its directory.
    """
    directory = DeltaLog(table).directory
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_commit(table: Path, version: int, actions: Sequence[Action]) -> None:
    """Write a version.

    Raises:
        FileExistsError: If somebody else has written it.
    """
    log = DeltaLog(table)
    log.directory.mkdir(parents=True, exist_ok=True)
    draft = log.directory / f"_commit_{uuid.uuid4()}.json.tmp"
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write("\n".join(json.dumps(action, separators=(",", ":")) for action in actions))
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never takes the place of another file.
        os.link(draft, log.path_of(version))
    finally:
        draft.unlink(missing_ok=True)
    if version and version % CHECKPOINT_EACH == 0:
        _checkpoint(table)


def _checkpoint(table: Path) -> None:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    # A checkpoint only makes reading faster, and not every table can have one.
    with contextlib.suppress(DeltaError, OSError):
        DeltaTable(table).create_checkpoint()


def commit_info(
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    metrics: Mapping[str, int] | None = None,
    **others: Any,
) -> Action:
    """What a commit tells about itself.

    Args:
        operation: The operation, as the history shows it.
        parameters: Its parameters; values that are no text are written as JSON.
        metrics: What it did.
        **others: Further fields, as `readVersion`.
    """
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in (parameters or {}).items()
    }
    info = {
        "timestamp": time.time_ns() // 1_000_000,
        "operation": operation,
        "operationParameters": texts,
        "isolationLevel": "WriteSerializable",
        "isBlindAppend": False,
        "engineInfo": ENGINE,
        **others,
    }
    if metrics:
        info["operationMetrics"] = {name: str(value) for name, value in metrics.items()}
    return {"commitInfo": info}


def remove_action(add: Action, moment: int) -> Action:
    """What takes a file out of a table.

    Args:
        add: What put it there.
        moment: When, in milliseconds since 1970.
    """
    remove: Action = {
        "path": add["path"],
        "deletionTimestamp": moment,
        "dataChange": True,
        "extendedFileMetadata": True,
        "partitionValues": add.get("partitionValues") or {},
        "size": add.get("size", 0),
    }
    if add.get("deletionVector"):
        remove["deletionVector"] = add["deletionVector"]
    return {"remove": remove}


def new_metadata(
    fields: Sequence[Any],
    partitions: Sequence[str] = (),
    configuration: Mapping[str, str] | None = None,
    description: str | None = None,
) -> Action:
    """The metadata of a new table."""
    return {
        "id": str(uuid.uuid4()),
        "name": None,
        "description": description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema_string(fields),
        "partitionColumns": list(partitions),
        "createdTime": time.time_ns() // 1_000_000,
        "configuration": dict(configuration or {}),
    }


def schema_string(fields: Sequence[Any]) -> str:
    """A schema as the log has it."""
    return json.dumps({"type": "struct", "fields": list(fields)}, separators=(",", ":"))


def with_fields(snapshot: Snapshot, fields: Sequence[Any]) -> Action:
    """The metadata of a table with other fields."""
    return {**snapshot.metadata, "schemaString": schema_string(fields)}


def change_metadata(
    table: Path,
    snapshot: Snapshot,
    metadata: Action,
    info: Action,
    protocol: Action | None = None,
) -> int:
    """Commit a change of what a table is, and of no row; gives the version.

    Raises:
        FileExistsError: If somebody else has written the next version.
    """
    actions = [info, *([{"protocol": protocol}] if protocol else []), {"metaData": metadata}]
    write_commit(table, snapshot.version + 1, actions)
    return snapshot.version + 1

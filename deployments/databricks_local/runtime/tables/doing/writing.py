"""Rows of a query or data frame become rows of a table."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import commit_info, with_fields, writing
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.delta.schema import Field
from databricks_local.runtime.tables.delta.staging import (
    ConcurrentWriteError,
    Staged,
    publish,
    staged,
    staging,
)
from databricks_local.runtime.tables.doing.columns import by_name, by_position, strangers, widened
from databricks_local.runtime.tables.doing.definitions import stronger
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.errors import analysis_error, conflict, table_exists

HIGH_WATER = "delta.identity.highWaterMark"

Removed = Callable[[Snapshot, Staged], Sequence[Action]]
"""Which files the new rows take the place of."""


def nothing_removed(before: Snapshot, rows: Staged) -> Sequence[Action]:
    """For rows that are added."""
    return ()


@dataclass(frozen=True)
class Written:
    """What a statement has written.

    Attributes:
        version: The version that it made.
        rows: How many rows.
    """

    version: int
    rows: int


@dataclass(frozen=True)
class Change:
    """How rows are written.

    Attributes:
        operation: The operation, as the history shows it.
        parameters: Its parameters.
        by_name: Whether columns are found by their names; by their position if not.
        merge_schema: Whether new columns of the rows become columns of the table.
        columns: The columns that the rows are for, by position; empty for all.
        removed: Which files the rows take the place of.
        told: Further fields of the commit.
        notes: Further actions of the commit.
    """

    operation: str = "WRITE"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    by_name: bool = False
    merge_schema: bool = False
    columns: tuple[str, ...] = ()
    removed: Removed = nothing_removed
    told: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[Action] = ()


def all_removed(before: Snapshot, rows: Staged) -> Sequence[Action]:
    """For rows that take the place of all."""
    return list(before.files.values())


def same_partitions_removed(before: Snapshot, rows: Staged) -> Sequence[Action]:
    """For rows that take the place of those in the same partitions; a table without any is one."""
    if not before.partitions:
        return all_removed(before, rows)
    values = [add.get("partitionValues") or {} for add in rows.adds]
    return [add for add in before.files.values() if (add.get("partitionValues") or {}) in values]


@dataclass(frozen=True)
class Writer:
    """Writes rows."""

    engine: Engine

    def add(self, entry: Entry, frame: Any, change: Change) -> Written:
        """Write rows into a table that is there.

        Args:
            entry: The table.
            frame: The rows.
            change: How they are written.
        """
        if entry.path is None:
            return self._add_elsewhere(entry, frame, change)
        table = entry.path
        with writing(table):
            before = DeltaLog(table).snapshot()
            rows, metadata = self.fitted(entry, before, frame, change)
            return self.publish(entry, before, rows, change, metadata)

    def _add_elsewhere(self, entry: Entry, frame: Any, change: Change) -> Written:
        """Let the engine write a table that is not on this machine; it adds rows, or replaces all."""
        plain = change.removed in (nothing_removed, all_removed) and not change.merge_schema
        if not plain or entry.by_path:
            entry.on_disk(change.operation)
        fields = [json.loads(column["type_json"]) for column in entry.record.get("columns") or ()]
        named = change.by_name
        rows = by_name(frame, fields) if named else by_position(frame, fields, change.columns)
        number = int(rows.count())
        if change.removed is all_removed:
            self.engine.overwrite(rows, entry.uri)
        else:
            self.engine.append(rows, entry.uri)
        return Written(-1, number)

    def replace(
        self,
        entry: Entry,
        frame: Any,
        metadata: Action,
        change: Change,
        *,
        fresh: bool = False,
    ) -> Written:
        """Write rows that are all that a table has from then on, whatever it was before.

        Args:
            entry: The table.
            frame: The rows.
            metadata: What it becomes.
            change: How they are written.
            fresh: Whether there must be none before.
        """
        table = entry.on_disk(change.operation)
        with writing(table):
            log = DeltaLog(table)
            before = log.snapshot() if log.exists else Snapshot(-1)
            if before.metadata and fresh:
                raise table_exists(entry.names)
            if before.metadata:
                metadata = {**metadata, "id": before.metadata["id"]}
            return self.publish(entry, before, frame, change, metadata)

    def fitted(self, entry: Entry, before: Snapshot, frame: Any, change: Change) -> tuple[Any, Action | None]:
        """Rows as a table has them, and what the table becomes if that changes."""
        fields = self._fields(entry, before, frame, change)
        new = list(fields) != list(before.fields)
        named = change.by_name
        rows = by_name(frame, fields) if named else by_position(frame, fields, change.columns)
        return rows, with_fields(before, fields) if new else None

    def _fields(self, entry: Entry, before: Snapshot, frame: Any, change: Change) -> Sequence[Field]:
        """The fields that the table has afterwards."""
        if not change.by_name:
            return before.fields
        new = strangers(before.fields, frame)
        if not change.merge_schema:
            if new:
                raise schema_mismatch(entry, new)
            return before.fields
        if before.is_mapped and new:
            raise analysis_error(
                "DELTA_UNSUPPORTED_SCHEMA_CHANGE",
                f"mergeSchema cannot add columns to {entry.shown}, whose columns are mapped by name. Use "
                "ALTER TABLE ADD COLUMNS.",
            )
        return widened(before.fields, frame)

    def publish(
        self, entry: Entry, before: Snapshot, frame: Any, change: Change, metadata: Action | None = None
    ) -> Written:
        """Write rows that are as the table has them. The caller keeps others from writing it.

        Args:
            entry: The table.
            before: What it was.
            frame: The rows.
            change: What the commit tells, and which files go.
            metadata: What the table becomes; None if it stays what it is.
        """
        table = entry.on_disk(change.operation)
        like = metadata or before.metadata
        protocol = None if metadata is None else stronger(before.protocol, metadata)
        with staging(table, like, protocol or before.protocol) as place:
            self.engine.append(frame, f"{entry.uri.rstrip('/')}/{place.name}")
            rows = staged(place)
            if numbers_of(rows.metadata) != numbers_of(like):
                metadata = {**like, "schemaString": rows.metadata["schemaString"]}
            removed = change.removed(before, rows)
            told = {"isBlindAppend": not removed and change.operation == "WRITE", **change.told}
            if before.version >= 0:
                told["readVersion"] = before.version
            info = commit_info(change.operation, change.parameters, rows.metrics, **told)
            try:
                version = publish(
                    table,
                    before,
                    rows,
                    info,
                    removed=removed,
                    metadata=metadata,
                    protocol=protocol,
                    notes=change.notes,
                )
            except ConcurrentWriteError as error:
                raise conflict(str(error), entry.shown) from error
        return Written(version, rows.rows)


def numbers_of(metadata: Action) -> list[Any]:
    """The last numbers of the identity columns of a table."""
    fields = json.loads(metadata["schemaString"])["fields"]
    return [field.get("metadata", {}).get(HIGH_WATER) for field in fields]


def schema_mismatch(entry: Entry, names: Sequence[str]) -> Exception:
    """Columns that a table does not have."""
    return analysis_error(
        "DELTA_METADATA_MISMATCH",
        f"A schema mismatch detected when writing to the Delta table {entry.shown}: it has no column "
        f"{', '.join(names)}. To enable schema migration using DataFrameWriter or DataStreamWriter, please "
        'set: \'.option("mergeSchema", "true")\'.',
    )

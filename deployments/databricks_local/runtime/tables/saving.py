"""`saveAsTable`, `insertInto`, `writeTo`, and `save` of Delta: data frames become tables.

Of Delta tables by their path, too, the engine would leave out columns that a table does not have, and write
null for values that do not fit.
"""

from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.doing.creating import Creator
from databricks_local.runtime.tables.doing.definitions import Definition, fields_of_rows
from databricks_local.runtime.tables.doing.inserting import PARTITION_MODE
from databricks_local.runtime.tables.doing.registering import once_more_if_made_meanwhile
from databricks_local.runtime.tables.doing.replacing import replace_where
from databricks_local.runtime.tables.doing.writing import (
    Change,
    Writer,
    all_removed,
    nothing_removed,
    same_partitions_removed,
    schema_mismatch,
)
from databricks_local.runtime.tables.engine import Engine, local_relation, nothing
from databricks_local.runtime.tables.errors import analysis_error, not_a_table, refused, table_exists
from databricks_local.runtime.tables.reading.cursor import name_in
from databricks_local.runtime.tables.statements import Statement

_V2_MODES = {
    4: "append",
    2: "overwrite",
    3: "overwrite_partitions",
    1: "create",
    5: "replace",
    6: "create_or_replace",
}
_MODES = {0: "error", 1: "append", 2: "overwrite", 3: "error", 4: "ignore"}
_INSERT = 2
DELTA = "delta"


@dataclass(frozen=True)
class Save:
    """What is asked for."""

    name: tuple[str, ...]
    mode: str
    source: str
    frame: Any
    options: dict[str, str]
    partitions: tuple[str, ...]
    properties: dict[str, str]

    def option(self, name: str) -> str:
        """An option, in any case of its name."""
        return next((value for key, value in self.options.items() if key.lower() == name.lower()), "")

    def is_set(self, name: str) -> bool:
        """Whether an option is true."""
        return self.option(name).lower() == "true"


def save(command: Any, engine: Engine, catalog: SessionCatalog) -> Any:
    """Serve a command that writes a table; None if it writes files that are no Delta table."""
    insert = False
    if command.WhichOneof("command_type") == "write_operation":
        asked = command.write_operation
        mode = _MODES[asked.mode]
        if asked.WhichOneof("save_type") == "table":
            name = name_in(asked.table.table_name)
            insert = asked.table.save_method == _INSERT
        elif asked.source.lower() in ("", DELTA) and catalog.path(asked.path) is not None:
            name = (DELTA, asked.path)
        else:
            return None
        properties: dict[str, str] = {}
        source = asked.source
    else:
        asked = command.write_operation_v2
        name, mode = name_in(asked.table_name), _V2_MODES[asked.mode]
        properties, source = dict(asked.table_properties), asked.provider
        if asked.HasField("overwrite_condition"):
            raise refused("writeTo(…).overwrite(condition)", "use option('replaceWhere', …) of df.write")
    partitions = tuple(_column(each) for each in asked.partitioning_columns)
    frame = _frame(engine, asked.input)
    wanted = Save(name, mode, source.lower(), frame, dict(asked.options), partitions, properties)
    saver = Saver(engine, catalog, wanted)
    if insert:
        saver.insert()
    else:
        saver.save()
    return local_relation(nothing())


def _column(column: Any) -> str:
    if isinstance(column, str):
        return column
    return str(column.unresolved_attribute.unparsed_identifier)


def _frame(engine: Engine, relation: Any) -> Any:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import CachedRelation

    return DataFrame(CachedRelation(relation), engine.session)


def _path_exists(entry: Entry) -> Exception:
    return analysis_error(
        "DELTA_PATH_EXISTS",
        f"Cannot write to already existent path {entry.names[-1]} without setting OVERWRITE = 'true'.",
    )


@dataclass(frozen=True)
class Saver:
    """Saves a data frame."""

    engine: Engine
    catalog: SessionCatalog
    asked: Save

    def save(self) -> None:
        """As the mode says."""
        once_more_if_made_meanwhile(self._save)

    def _save(self) -> None:
        known = self._known()
        mode = self.asked.mode
        if self.asked.source not in ("", "delta") and (known is None or mode == "overwrite"):
            raise refused(
                f"saveAsTable with the format {self.asked.source}",
                "leave the format away for a Delta table, or write files by save(path)",
            )
        if mode in ("error", "create") and known is not None:
            raise _path_exists(known) if known.by_path else table_exists(known.names)
        if mode == "ignore" and known is not None:
            return
        if (
            mode in ("append", "overwrite_partitions", "replace")
            and known is None
            and self.asked.mode != "append"
        ):
            self.catalog.require(self.asked.name)
        if known is not None and mode in ("append", "overwrite_partitions"):
            self._add(known, same_partitions_removed if mode == "overwrite_partitions" else nothing_removed)
        elif known is not None and mode == "overwrite" and not self._replaces():
            self._overwrite(known)
        else:
            self._make(known)

    def insert(self) -> None:
        """For `insertInto`: by position."""
        known = self.catalog.require_table(self.asked.name, "INSERT")
        overwrite = self.asked.mode == "overwrite"
        mode = self.asked.option("partitionOverwriteMode") or self.engine.conf(PARTITION_MODE)
        removed = nothing_removed
        if overwrite:
            removed = same_partitions_removed if mode.lower() == "dynamic" else all_removed
        change = Change("WRITE", {"mode": "Overwrite" if overwrite else "Append"}, removed=removed)
        Writer(self.engine).add(known, self.asked.frame, change)

    def _known(self) -> Entry | None:
        entry = self.catalog.find(self.asked.name)
        if entry is not None and entry.is_view:
            raise not_a_table(entry.names, "saveAsTable")
        if entry is not None and entry.by_path and not (entry.path and DeltaLog(entry.path).exists):
            return None
        return entry

    def _replaces(self) -> bool:
        replaces = self.asked.is_set("overwriteSchema")
        if replaces and self.asked.option("replaceWhere"):
            raise analysis_error(
                "DELTA_ILLEGAL_USAGE",
                "The usage of overwriteSchema is not allowed when replaceWhere a Delta table.",
            )
        return replaces

    def _add(self, known: Entry, removed: Any, mode: str = "Append") -> None:
        self._check_partitions(known)
        change = Change(
            "WRITE",
            {"mode": mode, "partitionBy": list(self.asked.partitions)},
            by_name=True,
            merge_schema=self.asked.is_set("mergeSchema"),
            removed=removed,
            told=self._told(),
        )
        Writer(self.engine).add(known, self.asked.frame, change)

    def _overwrite(self, known: Entry) -> None:
        """Rows in the place of others, whose columns stay."""
        where = self.asked.option("replaceWhere")
        if where:
            self._check_partitions(known)
            merges = self.asked.is_set("mergeSchema")
            replace_where(
                self.engine, known, self.asked.frame, Change(by_name=True, merge_schema=merges), where
            )
            return
        mode = self.asked.option("partitionOverwriteMode") or self.engine.conf(PARTITION_MODE)
        given = {name.lower() for name in self.asked.frame.columns}
        table = DeltaLog(known.on_disk("saveAsTable")).snapshot()
        if self.asked.partitions and list(self.asked.partitions) != list(table.partitions):
            raise schema_mismatch(known, self.asked.partitions)
        if not given & {field["name"].lower() for field in table.fields}:
            raise schema_mismatch(known, self.asked.frame.columns)
        self._add(known, same_partitions_removed if mode.lower() == "dynamic" else all_removed, "Overwrite")

    def _make(self, known: Entry | None) -> None:
        statement = Statement("", None, {}, self.engine, self.catalog)
        creator = Creator(statement)
        location = self.asked.option("path")
        entry = known or creator.entry(self.asked.name, location)
        if known is None and creator.known(entry) is not None:
            # Another session has made it meanwhile: its files are no stranger's.
            raise table_exists(entry.names)
        fields = fields_of_rows(self.asked.frame.schema)
        comment = known.record.get("comment") if known else None
        definition = Definition(fields, self.asked.partitions, self._properties(known), comment, location)
        operation = "CREATE OR REPLACE TABLE AS SELECT" if known else "CREATE TABLE AS SELECT"
        if entry.by_path and entry.names[0] == DELTA:
            operation = "WRITE"
        replaces = self.asked.mode == "overwrite"
        creator.with_rows(known, entry, definition, self.asked.frame, operation, replaces=replaces)

    def _properties(self, known: Entry | None) -> dict[str, str]:
        given = {name: value for name, value in self.asked.options.items() if name.startswith("delta.")}
        kept = DeltaLog(known.path).snapshot().configuration if known and known.path else {}
        plain = {name: value for name, value in kept.items() if not name.startswith("delta.constraints.")}
        return {**plain, **given, **self.asked.properties}

    def _told(self) -> dict[str, Any]:
        told = self.asked.option("userMetadata")
        return {"userMetadata": told} if told else {}

    def _check_partitions(self, known: Entry) -> None:
        if not self.asked.partitions:
            return
        there = DeltaLog(known.on_disk("saveAsTable")).snapshot().partitions
        if [name.lower() for name in self.asked.partitions] != [name.lower() for name in there]:
            raise analysis_error(
                "DELTA_PARTITION_COLUMN_MISMATCH",
                f"Partition columns do not match the partition columns of the table {known.shown}. Given: "
                f"{', '.join(self.asked.partitions)}. Table: {', '.join(there) or 'none'}.",
            )

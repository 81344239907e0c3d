"""CREATE TABLE … DEEP CLONE."""

from typing import Any

from databricks_local.runtime.tables.delta.loaded_files import loaded_files, notes_of
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.doing.creating import Creator
from databricks_local.runtime.tables.doing.definitions import CONSTRAINT, Definition
from databricks_local.runtime.tables.engine import answer, nothing
from databricks_local.runtime.tables.errors import refused, table_exists
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.sources import Sources, check_version
from databricks_local.runtime.tables.statements import Statement

_COUNTS = ("source_table_size", "source_num_of_files", "num_removed_files", "num_copied_files",
           "removed_files_size", "copied_files_size")  # fmt: skip


def clone(statement: Statement, cursor: Cursor) -> Any:
    """Serve CREATE TABLE … CLONE; None for another CREATE."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    if not cursor.accept("TABLE"):
        return None
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    kind = cursor.accept_any("DEEP", "SHALLOW")
    if not cursor.accept("CLONE"):
        return None
    if kind == "SHALLOW":
        raise refused("SHALLOW CLONE", "use DEEP CLONE")
    source = statement.catalog.require_table(cursor.name(), "CLONE")
    version = None
    if cursor.accept("VERSION", "AS", "OF"):
        version = check_version(source, int(cursor.value()))
    location = cursor.string() if cursor.accept("LOCATION") else ""
    cursor.finish()
    creator = Creator(statement)
    entry = creator.entry(name, location)
    known = creator.known(entry)
    if known is not None and not replace:
        if if_not_exists:
            return nothing()
        raise table_exists(entry.names)
    table = source.on_disk("CLONE")
    snapshot = DeltaLog(table).snapshot(version)
    properties = {
        k: v for k, v in snapshot.configuration.items() if k.startswith(CONSTRAINT) or "Mapping" not in k
    }
    comment = source.record.get("comment") or snapshot.metadata.get("description")
    definition = Definition(snapshot.fields, snapshot.partitions, properties, comment, location)
    rows = Sources(statement.engine, statement.catalog).at_version(source, version)
    frame = statement.engine.frame(f"SELECT * FROM {rows}")  # noqa: S608 - a place of our own
    notes = notes_of(sorted(loaded_files(snapshot)), 0)
    creator.with_rows(known, entry, definition, frame, "CLONE", notes)
    size = sum(int(add.get("size", 0)) for add in snapshot.files.values())
    numbers = (size, len(snapshot.files), 0, len(snapshot.files), 0, size)
    return answer([(each, "long") for each in _COUNTS], [numbers])

"""CREATE TABLE … DEEP CLONE."""

from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.loaded_files import loaded_files, notes_of
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.doing.creating import Creator
from databricks_local.runtime.tables.doing.definitions import Definition
from databricks_local.runtime.tables.doing.registering import once_more_if_made_meanwhile
from databricks_local.runtime.tables.engine import answer, nothing
from databricks_local.runtime.tables.errors import refused, table_exists
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.sources import Sources, read_version
from databricks_local.runtime.tables.statements import Statement

_COUNTS = ("source_table_size", "source_num_of_files", "num_removed_files", "num_copied_files",
           "removed_files_size", "copied_files_size")  # fmt: skip


@dataclass(frozen=True)
class Clone:
    """What a CREATE TABLE … CLONE says."""

    name: tuple[str, ...]
    source: Entry
    version: int | None
    location: str
    replace: bool
    if_not_exists: bool


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
        version = read_version(source, cursor.value())
    location = cursor.string() if cursor.accept("LOCATION") else ""
    cursor.finish()
    asked = Clone(name, source, version, location, replace, if_not_exists)
    return once_more_if_made_meanwhile(lambda: _clone(statement, asked))


def _clone(statement: Statement, asked: Clone) -> Any:
    creator = Creator(statement)
    entry = creator.entry(asked.name, asked.location)
    known = creator.known(entry)
    if known is not None and not asked.replace:
        if asked.if_not_exists:
            return nothing()
        raise table_exists(entry.names)
    source = asked.source
    snapshot = DeltaLog(source.on_disk("CLONE")).snapshot(asked.version)
    before = _files(known)
    comment = source.record.get("comment") or snapshot.metadata.get("description")
    # Fields have their ids and the names that they have in files: the properties that say so belong to them.
    definition = Definition(
        snapshot.fields, snapshot.partitions, snapshot.configuration, comment, asked.location
    )
    # Others may write the source meanwhile.
    rows = Sources(statement.engine, statement.catalog).at_version(source, snapshot.version)
    frame = statement.engine.frame(f"SELECT * FROM {rows}")  # noqa: S608 - a place of our own
    notes = notes_of(sorted(loaded_files(snapshot)), 0)
    creator.with_rows(known, entry, definition, frame, "CLONE", notes, replaces=asked.replace)
    there = _files(statement.catalog.find(entry.names) or entry)
    sizes = [sum(int(add.get("size", 0)) for add in each) for each in (_adds(snapshot), before, there)]
    numbers = (sizes[0], len(snapshot.files), len(before), len(there), sizes[1], sizes[2])
    return answer([(each, "long") for each in _COUNTS], [numbers])


def _files(entry: Entry | None) -> list[Action]:
    """The files of a table that may not be there."""
    if entry is None or entry.path is None or not DeltaLog(entry.path).exists:
        return []
    return _adds(DeltaLog(entry.path).snapshot())


def _adds(snapshot: Snapshot) -> list[Action]:
    return list(snapshot.files.values())

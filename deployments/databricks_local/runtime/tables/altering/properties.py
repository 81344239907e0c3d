"""ALTER TABLE: properties and constraints."""

from collections.abc import Callable, Mapping
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import change_metadata, commit_info, with_fields, writing
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.doing.definitions import (
    KEPT,
    MAX_COLUMN_ID,
    mapped,
    stronger,
)
from databricks_local.runtime.tables.doing.features import CONSTRAINT, MAPPING_MODE
from databricks_local.runtime.tables.errors import analysis_error, conflict
from databricks_local.runtime.tables.reading.cursor import Cursor, split_list
from databricks_local.runtime.tables.statements import Statement


def commit_change(
    entry: Entry,
    operation: str,
    changed: Callable[[Snapshot], Action],
    parameters: dict[str, Any] | None = None,
) -> None:
    """Change what a table is.

    Args:
        entry: The table.
        operation: The operation, as the history shows it.
        changed: Gives the new metadata.
        parameters: Those of the operation.
    """
    table = entry.on_disk("ALTER TABLE")
    with writing(table):
        before = DeltaLog(table).snapshot()
        metadata = changed(before)
        info = commit_info(operation, parameters, readVersion=before.version)
        _refuse_other_mapping(before, metadata["configuration"])
        protocol = stronger(before.protocol, metadata)
        try:
            change_metadata(table, before, metadata, info, protocol)
        except FileExistsError as error:
            raise conflict("MetadataChangedException", entry.shown) from error


def _refuse_other_mapping(before: Snapshot, configuration: Mapping[str, str]) -> None:
    """Files have the columns of a table under names that only the mapping knows."""
    modes = [each.get(MAPPING_MODE, "none") for each in (before.configuration, configuration)]
    if modes[0] != modes[1] and modes != ["none", "name"]:
        raise analysis_error(
            "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
            f"Changing column mapping mode from '{modes[0]}' to '{modes[1]}' is not supported.",
        )
    if before.is_mapped and MAX_COLUMN_ID not in configuration:
        raise analysis_error("DELTA_CANNOT_MODIFY_TABLE_PROPERTY", f"{MAX_COLUMN_ID} belongs to Delta.")


def set_properties(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve SET TBLPROPERTIES."""
    given = cursor.properties()
    kept = {name: value for name, value in given.items() if name in KEPT}
    if kept and not entry.by_path:
        statement.catalog.client.update("tables", entry.names, {"properties": {**_own(entry), **kept}})

    def changed(before: Snapshot) -> Action:
        plain = {name: value for name, value in given.items() if name not in KEPT}
        configuration = {**before.configuration, **plain}
        fields = list(before.fields)
        if plain.get(MAPPING_MODE) == "name" and not before.is_mapped:
            fields, configuration = mapped(fields, {**configuration, MAX_COLUMN_ID: "0"})
        return {**with_fields(before, fields), "configuration": configuration}

    commit_change(entry, "SET TBLPROPERTIES", changed, {"properties": given})


def _own(entry: Entry) -> dict[str, str]:
    """The properties that only the catalog has."""
    return {name: value for name, value in entry.properties.items() if name in KEPT}


def unset_properties(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve UNSET TBLPROPERTIES."""
    if_exists = cursor.accept("IF", "EXISTS")
    gone = [Cursor(each).key() for each in split_list(cursor.in_parentheses())]
    if any(name in KEPT for name in gone) and not entry.by_path:
        own = {name: value for name, value in _own(entry).items() if name not in gone}
        statement.catalog.client.update("tables", entry.names, {"properties": own})

    def changed(before: Snapshot) -> Action:
        missing = [name for name in gone if name not in before.configuration and name not in KEPT]
        if missing and not if_exists:
            raise analysis_error(
                "DELTA_UNSET_NON_EXISTENT_PROPERTY",
                f"Attempted to unset non-existent property '{missing[0]}' in table {entry.shown}.",
            )
        kept = {name: value for name, value in before.configuration.items() if name not in gone}
        return {**before.metadata, "configuration": kept}

    commit_change(entry, "UNSET TBLPROPERTIES", changed, {"properties": gone})


def add_constraint(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve ADD CONSTRAINT."""
    name = cursor.word()
    if not cursor.accept("CHECK"):
        # Docs: primary and foreign keys are told, and not enforced.
        cursor.rest()
        return
    expression = cursor.in_parentheses()
    # A row is right if the condition is true; Delta counts those for which it is null, too.
    broken = (
        f"SELECT count(*) FROM {entry.for_engine} "  # noqa: S608 - their own condition
        f"WHERE NOT ({expression}) OR ({expression}) IS NULL"
    )

    def changed(before: Snapshot) -> Action:
        # Nobody adds rows between the look and the commit.
        number = int(statement.engine.rows(broken)[0][0])
        if number:
            raise analysis_error(
                "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
                f"{number} rows in {entry.shown} violate the new CHECK constraint ({expression}).",
            )
        key = f"{CONSTRAINT}{name.lower()}"
        if key in before.configuration:
            raise analysis_error(
                "DELTA_CONSTRAINT_ALREADY_EXISTS",
                f"Constraint '{name}' already exists. Please delete the old constraint first.",
            )
        return {**before.metadata, "configuration": {**before.configuration, key: expression}}

    commit_change(entry, "ADD CONSTRAINT", changed, {"name": name, "expr": expression})


def drop_constraint(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve DROP CONSTRAINT."""
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.word()
    cursor.accept_any("CASCADE", "RESTRICT")

    def changed(before: Snapshot) -> Action:
        key = f"{CONSTRAINT}{name.lower()}"
        known = {each.lower(): each for each in before.configuration}
        if key not in known and not if_exists:
            raise analysis_error(
                "DELTA_CONSTRAINT_DOES_NOT_EXIST",
                f"Cannot drop nonexistent constraint '{name}' from table {entry.shown}. To avoid throwing "
                "an error, "
                "provide the parameter IF EXISTS.",
            )
        kept = {each: value for each, value in before.configuration.items() if each.lower() != key}
        return {**before.metadata, "configuration": kept}

    commit_change(entry, "DROP CONSTRAINT", changed, {"name": name})

"""COMMENT ON."""

from typing import Any

from databricks_local.runtime.tables.altering.columns import required_field
from databricks_local.runtime.tables.altering.properties import commit_change
from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import with_fields
from databricks_local.runtime.tables.delta.log import Action, Snapshot
from databricks_local.runtime.tables.delta.schema import with_metadata
from databricks_local.runtime.tables.engine import nothing
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.statements import Statement


def comment_on(statement: Statement, cursor: Cursor) -> Any:
    """Serve COMMENT ON."""
    cursor.expect("COMMENT", "ON")
    kind = cursor.accept_any("TABLE", "VIEW", "SCHEMA", "DATABASE", "CATALOG", "COLUMN", "VOLUME")
    name = cursor.name()
    cursor.expect("IS")
    comment = "" if cursor.accept("NULL") else cursor.string()
    cursor.finish()
    catalog = statement.catalog
    if kind == "COLUMN":
        entry = catalog.require_table(name[:-1], "COMMENT ON COLUMN")
        _comment_column(entry, name[-1], comment)
    elif kind in ("TABLE", "VIEW"):
        entry = catalog.require(name)
        catalog.client.update("tables", entry.names, {"comment": comment})
    elif kind in ("SCHEMA", "DATABASE"):
        names = catalog.full_schema(name)
        catalog.require_schema(names)
        catalog.client.update("schemas", names, {"comment": comment})
    elif kind == "CATALOG":
        catalog.client.update("catalogs", (name[0].lower(),), {"comment": comment})
    else:
        catalog.client.update("volumes", catalog.full(name), {"comment": comment})
    return nothing()


def _comment_column(entry: Entry, name: str, comment: str) -> None:
    def changed(before: Snapshot) -> Action:
        old = required_field(before.fields, name)
        new = with_metadata(old, {"comment": comment or None})
        return with_fields(before, [new if each is old else each for each in before.fields])

    commit_change(entry, "CHANGE COLUMN", changed, {"column": name})

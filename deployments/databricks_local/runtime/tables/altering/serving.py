"""ALTER TABLE: finds what serves it."""

from collections.abc import Callable
from typing import Any

from databricks_local.runtime.tables.altering.columns import (
    add_columns,
    change_column,
    drop_columns,
    rename_column,
)
from databricks_local.runtime.tables.altering.properties import (
    add_constraint,
    drop_constraint,
    set_properties,
    unset_properties,
)
from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.doing.views import rename
from databricks_local.runtime.tables.engine import nothing
from databricks_local.runtime.tables.errors import refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.statements import Statement


def alter_table(statement: Statement, cursor: Cursor) -> Any:
    """Serve ALTER TABLE."""
    cursor.expect("ALTER", "TABLE")
    name = cursor.name()
    if cursor.accept("RENAME", "TO"):
        new = cursor.name()
        cursor.finish()
        rename(statement, statement.catalog.require(name), new)
        return nothing()
    entry = statement.catalog.require_table(name, "ALTER TABLE")
    for words, serve in _ALTERED:
        if cursor.accept(*words):
            serve(statement, entry, cursor)
            cursor.finish()
            return nothing()
    raise refused(
        f"ALTER TABLE … {cursor.rest()[:60]}",
        "there are ADD, RENAME, DROP and ALTER COLUMN, SET and UNSET TBLPROPERTIES, RENAME TO, ADD and DROP "
        "CONSTRAINT",
    )


def _told_only(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """What changes nothing here: tags, owners, clustering."""
    cursor.rest()


_ALTERED: tuple[tuple[tuple[str, ...], Callable[[Statement, Entry, Cursor], None]], ...] = (
    (("ADD", "COLUMNS"), add_columns),
    (("ADD", "COLUMN"), add_columns),
    (("ADD", "CONSTRAINT"), add_constraint),
    (("DROP", "CONSTRAINT"), drop_constraint),
    (("RENAME", "COLUMN"), rename_column),
    (("DROP", "COLUMNS"), drop_columns),
    (("DROP", "COLUMN"), drop_columns),
    (("ALTER", "COLUMN"), change_column),
    (("CHANGE", "COLUMN"), change_column),
    (("CHANGE",), change_column),
    (("SET", "TBLPROPERTIES"), set_properties),
    (("UNSET", "TBLPROPERTIES"), unset_properties),
    (("SET", "TAGS"), _told_only),
    (("UNSET", "TAGS"), _told_only),
    (("CLUSTER", "BY"), _told_only),
    (("SET", "OWNER"), _told_only),
    (("OWNER", "TO"), _told_only),
)

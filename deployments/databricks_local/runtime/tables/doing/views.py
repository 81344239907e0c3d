"""Views: CREATE VIEW, ALTER VIEW, DROP VIEW; temporary ones are the engine's."""

import json
from typing import Any

from databricks_local.runtime.tables.catalog.client import CatalogError
from databricks_local.runtime.tables.catalog.entries import VIEW, Entry
from databricks_local.runtime.tables.catalog.session import refusal_of
from databricks_local.runtime.tables.delta.schema import column_infos, fields_of
from databricks_local.runtime.tables.doing.registering import once_more_if_made_meanwhile
from databricks_local.runtime.tables.engine import nothing
from databricks_local.runtime.tables.errors import (
    analysis_error,
    refused,
    table_exists,
    table_not_found,
)
from databricks_local.runtime.tables.reading.cursor import Cursor, split_list
from databricks_local.runtime.tables.reading.tokens import quoted_name
from databricks_local.runtime.tables.sources import VIEW_COLUMNS, VIEW_PLACE, Sources
from databricks_local.runtime.tables.statements import Statement


def create_view(statement: Statement, cursor: Cursor) -> Any:
    """Serve CREATE VIEW; None for another CREATE."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    is_global = cursor.accept("GLOBAL")
    temporary = bool(cursor.accept_any("TEMPORARY", "TEMP"))
    for words in (("MATERIALIZED", "VIEW"), ("STREAMING", "TABLE"), ("LIVE", "TABLE"), ("LIVE", "VIEW")):
        if cursor.looks_at(*words):
            raise refused(f"CREATE {' '.join(words)}", "use CREATE TABLE … AS SELECT, or CREATE VIEW")
    if not cursor.accept("VIEW"):
        return None
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    if temporary:
        return _temporary(statement, cursor, name, is_global=is_global)
    columns, comments = _columns(cursor)
    comment, properties = _told(cursor)
    query = cursor.rest()

    def make() -> Any:
        known = statement.catalog.find(name)
        if known is not None and if_not_exists:
            return nothing()
        if known is not None and (not replace or not known.is_view):
            raise table_exists(known.names)
        _define(statement, name, query, known, (columns, comments, comment, properties))
        return nothing()

    return once_more_if_made_meanwhile(make)


def _told(cursor: Cursor) -> tuple[str, dict[str, str]]:
    """What is said about a view before its query: a comment and properties."""
    comment, properties = "", {}
    while not cursor.accept("AS"):
        if cursor.accept("COMMENT"):
            comment = cursor.string()
        elif cursor.accept("TBLPROPERTIES"):
            properties = cursor.properties()
        elif cursor.accept("WITH", "SCHEMA"):
            cursor.take()
        else:
            raise cursor.error("AS")
    return comment, properties


def _columns(cursor: Cursor) -> tuple[list[str], dict[str, str]]:
    """The names of the columns of a view, and what is said about them."""
    names: list[str] = []
    comments: dict[str, str] = {}
    for each in split_list(cursor.in_parentheses()) if cursor.looks_at("(") else []:
        inner = Cursor(each)
        names.append(inner.word())
        if inner.accept("COMMENT"):
            comments[names[-1]] = inner.string()
    return names, comments


def _define(
    statement: Statement,
    name: tuple[str, ...],
    query: str,
    known: Entry | None,
    asked: tuple[list[str], dict[str, str], str, dict[str, str]],
) -> None:
    columns, comments, comment, properties = asked
    catalog = statement.catalog
    names = catalog.full(name)
    catalog.require_schema(names[:2])
    above = (".".join(names),)
    rewritten = Sources(statement.engine, catalog).in_query(query, statement.relation, above)
    frame = statement.engine.frame(rewritten, statement.relation)
    fields = fields_of(frame.schema)
    if columns:
        if len(columns) != len(fields):
            raise analysis_error(
                "CREATE_VIEW_COLUMN_ARITY_MISMATCH",
                f"Cannot create view {quoted_name(*names)}: the view has {len(columns)} columns, the query "
                f"{len(fields)}.",
            )
        fields = [{**field, "name": new} for field, new in zip(fields, columns, strict=True)]
    infos = column_infos(fields, ())
    for info in infos:
        if info["name"] in comments:
            info["comment"] = comments[info["name"]]
    place = catalog.place
    own = {VIEW_PLACE: json.dumps([place.catalog, place.schema])}
    own |= {VIEW_COLUMNS: json.dumps(columns)} if columns else {}
    told = {
        "view_definition": query,
        "columns": infos,
        "comment": comment,
        "properties": {**properties, **own},
    }
    if known is not None:
        # It stays there all the time, with its owner and its grants.
        catalog.client.update("tables", known.names, told)
        return
    place_in_catalog = {"catalog_name": names[0], "schema_name": names[1], "name": names[2]}
    catalog.register({**place_in_catalog, "table_type": VIEW, **told})


def _temporary(statement: Statement, cursor: Cursor, name: tuple[str, ...], *, is_global: bool) -> Any:
    """Let the engine make a temporary view, of a query whose tables it knows."""
    text = statement.text
    if not cursor.looks_at("USING"):
        before = cursor.until("AS")
        del before
        cursor.expect("AS")
        head = text[: cursor.position]
        query = Sources(statement.engine, statement.catalog).in_query(cursor.rest(), statement.relation)
        text = head + query
    statement.engine.run(text, statement.relation)
    if not is_global:
        statement.catalog.temporary.add(name[-1].lower())
    return nothing()


def alter_view(statement: Statement, cursor: Cursor) -> Any:
    """Serve ALTER VIEW."""
    cursor.expect("ALTER", "VIEW")
    entry = statement.catalog.require(cursor.name())
    if not entry.is_view:
        raise analysis_error(
            "EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE",
            f"The table {entry.shown} does not support ALTER VIEW. Use ALTER TABLE instead.",
        )
    client = statement.catalog.client
    if cursor.accept("RENAME", "TO"):
        new = cursor.name()
        cursor.finish()
        rename(statement, entry, new)
    elif cursor.accept("AS"):
        own = {
            name: value for name, value in entry.properties.items() if name not in (VIEW_PLACE, VIEW_COLUMNS)
        }
        _define(statement, entry.names, cursor.rest(), entry, ([], {}, entry.record.get("comment", ""), own))
    elif cursor.accept("SET", "TBLPROPERTIES"):
        properties = {**entry.properties, **cursor.properties()}
        cursor.finish()
        client.update("tables", entry.names, {"properties": properties})
    elif cursor.accept("UNSET", "TBLPROPERTIES"):
        cursor.accept("IF", "EXISTS")
        gone = [Cursor(each).key() for each in split_list(cursor.in_parentheses())]
        kept = {name: value for name, value in entry.properties.items() if name not in gone}
        cursor.finish()
        client.update("tables", entry.names, {"properties": kept})
    elif cursor.accept("SET", "OWNER", "TO") or cursor.accept("OWNER", "TO"):
        owner = cursor.word()
        cursor.finish()
        client.update("tables", entry.names, {"owner": owner})
    else:
        raise cursor.error("AS, RENAME TO, SET TBLPROPERTIES or UNSET TBLPROPERTIES")
    return nothing()


def rename(statement: Statement, entry: Entry, new: tuple[str, ...]) -> None:
    """Give a table or view another name in its schema."""
    names = statement.catalog.full(new) if len(new) > 1 else (*entry.names[:2], new[0].lower())
    if names[:2] != entry.names[:2]:
        raise refused("RENAME into another schema", "CREATE TABLE … AS SELECT there, and DROP the old one")
    try:
        statement.catalog.client.update("tables", entry.names, {"new_name": names[2]})
    except CatalogError as error:
        raise refusal_of(error, names) from error


def drop(statement: Statement, cursor: Cursor) -> Any:
    """Serve DROP TABLE and DROP VIEW; None for another DROP."""
    cursor.expect("DROP")
    kind = cursor.accept_any("TABLE", "VIEW")
    if not kind:
        return None
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()
    cursor.accept("PURGE")
    cursor.finish()
    catalog = statement.catalog
    if catalog.is_temporary(name):
        # The engine knows both kinds of temporary views by DROP VIEW.
        catalog.temporary.discard(name[-1].lower())
        statement.engine.run(f"DROP VIEW IF EXISTS {quoted_name(*name)}")
        return nothing()
    entry = catalog.find(name)
    if entry is None:
        if not if_exists:
            raise table_not_found(name)
        return nothing()
    if entry.by_path:
        raise refused("DROP TABLE of a table by its path", "use dbutils.fs.rm(path, True)")
    if kind == "TABLE" and entry.is_view:
        raise analysis_error(
            "WRONG_COMMAND_FOR_OBJECT_TYPE",
            f"The operation DROP TABLE requires a EXTERNAL or MANAGED. But {entry.shown} is a VIEW. Use "
            "DROP VIEW "
            "instead.",
        )
    if kind == "VIEW" and not entry.is_view:
        raise analysis_error(
            "WRONG_COMMAND_FOR_OBJECT_TYPE",
            f"The operation DROP VIEW requires a VIEW. But {entry.shown} is a "
            f"{entry.record['table_type']}. Use "
            "DROP TABLE instead.",
        )
    catalog.forget(entry.names)
    return nothing()
